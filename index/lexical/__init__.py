"""The lexical index of the `words` lane: the analyzer, BM25 weights, and the index on tantivy."""
