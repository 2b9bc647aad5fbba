"""Rerankers with a model of their own."""
