"""Summaries of pages: by a language model, or, without one, an outline of quoted lines."""
