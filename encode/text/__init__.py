"""Text encoders: passages and queries to dense vectors."""
