"""A collection's vectors and words on a Qdrant server: see `index.stores`, `index.lexical`."""
