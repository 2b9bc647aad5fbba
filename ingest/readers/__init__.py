"""One reader for each file format, and the registry that loads them."""
