"""Where page images and original files are kept: a folder, or an fsspec address."""
