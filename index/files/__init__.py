"""Storage of page images and original files: in a folder, or behind an fsspec address."""
