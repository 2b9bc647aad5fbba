"""Everything at rest: the catalog, the lexical index, vector segments, pictures."""
