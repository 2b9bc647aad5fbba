"""Finding files, detecting their type, hashing them."""
