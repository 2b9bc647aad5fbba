"""Image encoders: photos, page images and texts to vectors of one space."""
