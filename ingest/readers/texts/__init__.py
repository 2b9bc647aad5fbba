"""Readers of texts: each turns the bytes of one format into markup that MuPDF lays out."""
