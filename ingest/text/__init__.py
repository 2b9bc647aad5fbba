"""What is done to a page's words after reading: page text, passages, titles."""
