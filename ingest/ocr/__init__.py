"""Text from pictures: the engines, and what becomes of their lines."""
