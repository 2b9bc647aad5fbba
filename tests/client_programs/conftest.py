"""What the flows share: the server's address and a question that its documents answer."""

import os

import pytest

TIMBER = "How much did timber grow to in 2024?"


@pytest.fixture(scope="session")
def address() -> str:
    return os.environ["PAGELENS_ADDRESS"]


@pytest.fixture(scope="session")
def api(address: str) -> str:
    """OpenAI's protocol at the server."""
    return f"{address}/v1"
