"""Questions proposed from a collection's own pages, for a person to review."""
