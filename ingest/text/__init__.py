"""Page text from words with boxes, its quality, passages and titles."""
