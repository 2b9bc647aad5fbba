"""Flows of other programs' clients, run by their own Python (`.venv-clients`) against a server at PAGELENS_ADDRESS.

`tests/api/server/test_client_programs.py` starts both: these libraries pin versions that PageLens's own do not fit.
"""
