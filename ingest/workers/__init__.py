"""Worker processes that read pages, within limits."""
