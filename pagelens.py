"""PageLens for Python users."""
