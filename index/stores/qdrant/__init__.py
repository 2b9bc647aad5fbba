"""Vectors and the lexical index on Qdrant."""
