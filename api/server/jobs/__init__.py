"""The durable queue of indexing jobs and its worker process."""
