"""The Qdrant vector store."""
