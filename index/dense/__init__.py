"""Dense vector indexes: exact (numpy) and FAISS."""
