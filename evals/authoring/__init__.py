"""Test questions drafted from a collection's own pages, for a person to review."""
