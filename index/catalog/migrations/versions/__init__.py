"""One module for each revision of the catalog's tables, in order."""
