"""Clients of the HTTP API: Python, LangChain, LlamaIndex."""
