"""Page encoders for late interaction, one vector per token, and heat maps of their similarities."""
