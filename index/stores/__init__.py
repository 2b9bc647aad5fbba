"""Vector stores: segments in the collection's folder, or a Qdrant server."""
