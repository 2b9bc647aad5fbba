"""Photos: pixels, metadata, place names, perceptual hashes."""
