"""Photos in: pixels as a viewer shows them, and all that is written beside them."""
