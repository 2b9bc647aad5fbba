"""The commands of `pagelens eval`."""
