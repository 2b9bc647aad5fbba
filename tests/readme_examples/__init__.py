"""The Python of README.md, word for word: type-checked here, run by `tests/api/server/test_readme_examples.py`."""
