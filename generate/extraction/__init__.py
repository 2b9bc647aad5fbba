"""Structured extraction: a document into the shape of a JSON Schema."""
