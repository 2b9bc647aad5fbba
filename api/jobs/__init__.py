"""What shall be written, kept until it is done: a durable queue, and the one process that works through it."""
