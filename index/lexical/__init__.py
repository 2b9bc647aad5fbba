"""The lexical index of the `words` lane: BM25 on tantivy or on Qdrant's sparse vectors."""
