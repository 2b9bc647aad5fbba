"""The vocabulary every room shares: types, keys, spaces, errors, protocols. Standard library and numpy only."""
