"""Compute the projections of token vectors that ship in the package: `python -m benchmarks.build_token_basis MODEL`.

A development tool. MODEL is minilm or multilingual-e5. It writes the model's file beside
`pagelens.encode.page.token_basis` in half precision and prints its SHA-256, which is pinned there; tests compare the
shipped files with what this computes.
"""

import hashlib
import io
import sys
import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pagelens.core.settings import Settings
from pagelens.encode.page.token_basis import BASES, DIM
from pagelens.encode.text.e5_file import read_e5_file
from pagelens.encode.text.minilm import BuiltinTextEncoder
from pagelens.encode.text.multilingual_e5 import MultilingualTextEncoder, check_wheels
from pagelens.encode.text.onnx_text_encoder import OnnxTextEncoder

STEP = 8  # every eighth word of MiniLM's vocabulary is used: all of them explain no more of a page
MULTILINGUAL_STEP = 90


def vocabulary_words(encoder: BuiltinTextEncoder) -> list[str]:
    """Return every `STEP`th English word of the model's vocabulary, in the vocabulary's order."""
    vocabulary = sorted((row, word) for word, row in encoder._counter.get_vocab().items())
    return [word for _, word in vocabulary if word.isascii() and word.isalpha()][::STEP]


def multilingual_words(pieces: Iterable[str]) -> list[str]:
    """Return every `MULTILINGUAL_STEP`th piece of letters of one script, two or more, script by script."""
    by_script: dict[str, list[str]] = {}
    for word in (piece.strip("▁") for piece in pieces):
        scripts = {unicodedata.name(letter, "?").split()[0] for letter in word}
        if len(word) > 1 and word.isalpha() and len(scripts) == 1:
            by_script.setdefault(scripts.pop(), []).append(word)
    return [word for words in by_script.values() for word in words][::MULTILINGUAL_STEP]


def vocabulary_vectors(encoder: OnnxTextEncoder, words: list[str]) -> NDArray[np.float64]:
    """Return the token vectors of words, each encoded as a text of its own, (n_tokens, 384)."""
    return np.concatenate([tokens.vectors for tokens in encoder.encode_tokens(words)]).astype(np.float64)


def principal_directions(vectors: NDArray[np.float64], dim: int = DIM) -> NDArray[np.float32]:
    """Return (384, dim), orthonormal columns: the principal directions, not centred.

    Signs are fixed, so that equal input gives equal output.
    """
    _, directions = np.linalg.eigh(vectors.T @ vectors)  # columns, the weakest first
    basis = directions[:, ::-1][:, :dim]
    signs = np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(dim)])
    return np.asarray(basis * signs, np.float32)


def centred_basis(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return (385, DIM): the principal directions of vectors less their mean, and what takes the mean off."""
    mean = vectors.mean(axis=0)
    basis = principal_directions(vectors - mean)
    return np.concatenate([basis, (-mean @ basis)[None]]).astype(np.float32)


if __name__ == "__main__":
    text_encoder: OnnxTextEncoder
    if sys.argv[1:] == ["minilm"]:
        text_encoder = minilm = BuiltinTextEncoder.load(Settings())
        rows = principal_directions(vocabulary_vectors(minilm, vocabulary_words(minilm)))
    else:
        text_encoder = MultilingualTextEncoder.load(Settings())
        pieces = [piece for piece, score in read_e5_file(check_wheels()).pieces if score]
        rows = centred_basis(vocabulary_vectors(text_encoder, multilingual_words(pieces)))
    stream = io.BytesIO()
    np.save(stream, rows.astype(np.float16))
    path = BASES[text_encoder.space.model].path
    path.write_bytes(stream.getvalue())
    print(f"{path.name}: SHA-256 {hashlib.sha256(stream.getvalue()).hexdigest()}")
