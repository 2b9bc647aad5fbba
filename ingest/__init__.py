"""Files in, pages out. Reads; writes nothing."""
