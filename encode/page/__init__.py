"""Page encoders for late interaction: a page or a query to one vector a token, and heat maps over them."""
