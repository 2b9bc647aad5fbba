import pytest

from pagelens.core.settings import Settings
from pagelens.encode.text.minilm import BuiltinTextEncoder


@pytest.fixture(scope="package")
def text_encoder() -> BuiltinTextEncoder:
    return BuiltinTextEncoder.load(Settings())
