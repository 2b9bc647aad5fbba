"""Measures what ships, through the same door."""
