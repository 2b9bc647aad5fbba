"""The HTTP door: resources over the engine and the queue of jobs. No retrieval logic of its own."""
