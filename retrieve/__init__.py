"""A query in, ranked pages with evidence out."""
