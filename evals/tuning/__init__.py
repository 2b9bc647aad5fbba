"""Fusion and reranking fitted on the questions of a collection's owner, cross-validated over documents."""
