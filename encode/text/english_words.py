"""Common English words: those that the builtin text encoder's tokenizer has as one piece."""

import json
from functools import cache
from pathlib import Path

_TOKENIZER = Path(__file__).with_name("minilm_tokenizer.json")


@cache
def english_words() -> frozenset[str]:
    """Return about 20,000 words in small letters, names of people and places among them; read in 50 ms."""
    vocabulary = json.loads(_TOKENIZER.read_bytes())["model"]["vocab"]
    return frozenset(word for word in vocabulary if word.isalpha())
