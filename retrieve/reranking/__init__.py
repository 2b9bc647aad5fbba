"""Reranking: the first fused pages are scored again by what the lanes do not see."""
