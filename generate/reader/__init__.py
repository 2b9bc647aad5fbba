"""Answers without a language model: an extractive question-answering checkpoint picks a span of the pages."""
