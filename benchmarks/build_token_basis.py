"""Compute the projection of MiniLM's token vectors that ships in the package: `python -m benchmarks.build_token_basis`.

A development tool. It writes `encode/page/minilm_token_basis.npy` in half precision and prints its SHA-256, which
`pagelens.encode.page.token_basis` pins; a test compares the shipped file with what this computes.
"""

import hashlib
import io

import numpy as np
from numpy.typing import NDArray

from pagelens.core.settings import Settings
from pagelens.encode.page.token_basis import BASIS_FILE, DIM
from pagelens.encode.text.minilm import BuiltinTextEncoder

STEP = 8  # every eighth word of the vocabulary is used: all of them explain no more of a page


def vocabulary_words(encoder: BuiltinTextEncoder) -> list[str]:
    """Return every `STEP`th English word of the model's vocabulary, in the vocabulary's order."""
    vocabulary = sorted((row, word) for word, row in encoder._counter.get_vocab().items())
    return [word for _, word in vocabulary if word.isascii() and word.isalpha()][::STEP]


def vocabulary_basis(encoder: BuiltinTextEncoder, words: list[str], dim: int = DIM) -> NDArray[np.float32]:
    """Return (384, dim), orthonormal columns: the principal directions, not centred, of the words' token vectors.

    Each word is encoded as a text of its own. Signs are fixed, so that equal input gives equal output.
    """
    vectors = np.concatenate([tokens.vectors for tokens in encoder.encode_tokens(words)]).astype(np.float64)
    _, directions = np.linalg.eigh(vectors.T @ vectors)  # columns, the weakest first
    basis = directions[:, ::-1][:, :dim]
    signs = np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(dim)])
    return np.asarray(basis * signs, np.float32)


if __name__ == "__main__":
    text_encoder = BuiltinTextEncoder.load(Settings())
    stream = io.BytesIO()
    np.save(stream, vocabulary_basis(text_encoder, vocabulary_words(text_encoder)).astype(np.float16))
    BASIS_FILE.write_bytes(stream.getvalue())
    print(f"{BASIS_FILE.name}: SHA-256 {hashlib.sha256(stream.getvalue()).hexdigest()}")
