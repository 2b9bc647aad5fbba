"""Image encoders: photos, page images and texts as vectors of one space."""
