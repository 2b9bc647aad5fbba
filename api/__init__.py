"""The doors: the engine, its wiring, the command line."""
