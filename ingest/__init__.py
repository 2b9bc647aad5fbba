"""Reads files into pages with passages: walking, formats, readers, OCR and worker processes."""
