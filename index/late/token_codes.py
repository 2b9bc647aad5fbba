"""Short codes of unit vectors: 2 or 4 bits a number, evenly spaced, after a fixed rotation.

A rotation makes the numbers of any unit vector about equally large, so one spacing serves all of them and nothing is
trained (RaBitQ, Gao and Long, 2024; TurboQuant, Zandieh et al., 2025). A token has the same code wherever and whenever
it is written, so equal pages stay exact ties. Codes are read as the 8-bit integers with a scale that late interaction
computes with (`pagelens.index.late.maxsim`), in rotated dimensions: a rotated query has the same similarities with
them. docs/LOG.md has what each step loses.
"""

from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens

Bits = Literal[2, 4]

SPACING: dict[Bits, float] = {2: 0.9957, 4: 0.3352}  # of the best even levels for a normal distribution (Max, 1960)
SEED = 2022
CHUNK = 1_024  # tokens decoded at a time: they stay in the processor's cache


def encode(vectors: NDArray[np.float32], bits: Bits) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Return codes (n, dim * bits / 8) and scales (n,) of unit vectors (n, dim); decoded they have unit length too.

    A byte has the numbers of 8 / bits dimensions, as far apart as there are bytes; the first one is highest.
    """
    assert not vectors.shape[1] * bits % 8, (vectors.shape, bits)
    step = SPACING[bits] / vectors.shape[1] ** 0.5
    half = 1 << (bits - 1)
    # In float64: the last bits of a product depend on the rows beside a token, and must not decide its code.
    levels = np.clip(np.floor(vectors @ _rotation(vectors.shape[1]) / step) + half, 0, 2 * half - 1).astype(np.uint8)
    codes = np.zeros((len(vectors), vectors.shape[1] * bits // 8), np.uint8)
    for place in range(8 // bits):
        codes |= levels[:, place :: 8 // bits] << np.uint8(8 - bits * (place + 1))
    decoded = decode(codes, bits).astype(np.float32) - 128
    return codes, (1 / np.linalg.norm(decoded, axis=1)).astype(np.float16)


def decode(codes: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Return the numbers of codes, (n, dim), as 8-bit integers about 128: the middle of each level."""
    word = np.dtype(f"<u{8 // bits}")  # as many bytes as a byte has numbers
    top = 256 - (1 << (8 - bits))
    numbers = np.full(codes.shape, int.from_bytes([1 << (7 - bits)] * (8 // bits), "little"), word)
    for start in range(0, len(codes), CHUNK):
        words, part = codes[start : start + CHUNK].astype(word), numbers[start : start + CHUNK]
        part |= words & word.type(top)
        for place in range(1, 8 // bits):  # the next number goes to the next byte
            words *= word.type(1 << (8 + bits))  # a shift, faster
            part |= words & word.type(top << 8 * place)
    return numbers.view(np.uint8)


def rotate(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors (n, dim) in rotated dimensions."""
    return vectors @ _rotation(vectors.shape[1]).astype(np.float32)


def rotate_query(query: QueryTokens) -> QueryTokens:
    """Return a query for tokens in rotated dimensions."""
    return replace(query, vectors=rotate(query.vectors))


def rotate_back(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rotated vectors (n, dim) in their own dimensions."""
    return vectors @ _rotation(vectors.shape[1]).T.astype(np.float32)


@cache
def _rotation(dim: int) -> NDArray[np.float64]:
    """Return a discrete cosine transform after random changes of sign: (dim, dim), orthogonal."""
    position = np.arange(dim)
    cosines = np.cos(np.pi / dim * (position + 0.5)[:, None] * position) * (2 / dim) ** 0.5
    cosines[:, 0] *= 0.5**0.5
    # Bits of a fixed sequence (Park and Miller, 1988), not of numpy's generators, whose numbers may change.
    signs, state = np.empty(dim), SEED
    for row in range(dim):
        state = state * 48_271 % 2_147_483_647
        signs[row] = 1 if state & 1024 else -1
    return np.asarray(signs[:, None] * cosines, np.float64)
