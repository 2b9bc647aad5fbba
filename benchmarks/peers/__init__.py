"""Other retrieval systems, by their own quick starts and each in its own environment, on the development questions."""
