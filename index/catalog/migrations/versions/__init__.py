"""The revisions of the catalog's tables, one module each."""
