"""Maintenance of a collection: copy, archive, re-embed, remove, check, repair, compact."""
