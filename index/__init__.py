"""The stored collection: catalog, lexical index, vector stores, files, and their readers and writers."""
