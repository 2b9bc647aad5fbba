"""Late interaction in plain numpy, float32: the truth that faster ways are compared with, and tokens as 8-bit integers.

    score(page) = sum over query tokens i of weight_i * max over page tokens j of <query_i, page_j>

(MaxSim; Khattab and Zaharia, "ColBERT", 2020; without weights all are 1.) With a stretch of n, a page stands by its
best n neighbouring tokens or so: MaxSim over two neighbouring blocks of n / 2, the best pair of them. A page without
tokens scores minus infinity: it is never found. A page whose best similarity is negative keeps it; nothing is padded
with zeros. This module knows arrays; no page keys, no files.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.types import QueryTokens

Codes = NDArray[np.uint8] | NDArray[np.float16]
"""Token vectors at rest, (n_tokens, dim): 8-bit integers about ZERO with a scale per row, or half precision."""

ZERO = 128  # the code of 0: codes are 1..255 for -127..127, unsigned because integer matrix products want them so
LEVELS = 127
_FIRST = np.zeros(1, np.int64)


def similarities(query: NDArray[np.float32], page: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return every inner product, (n_query_tokens, n_tokens). Row i is where query token i looks on the page."""
    return query @ page.T


def score_page(
    query: QueryTokens, codes: Codes | NDArray[np.float32], scales: NDArray[np.float32] | None = None
) -> float:
    """Return MaxSim of one page (n_tokens, dim), vectors or codes; equal pages get equal scores, to the last bit."""
    if not len(codes):
        return -np.inf
    cuts = Cuts.of(_FIRST, len(codes), query.stretch)
    return float(cuts.scores(maxima(query.vectors, codes, scales, cuts.starts), query.weights)[0])


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where pages are cut into blocks, and how blocks' maxima become pages' scores."""

    starts: NDArray[np.int64]  # (n_blocks,) first token of each block
    pages: NDArray[np.int64]  # (n_pages,) first block of each page
    joined: NDArray[np.bool_] | None  # (n_blocks,) whether the next block is of the same page; None: a block is a page

    @classmethod
    def of(cls, starts: NDArray[np.int64], tokens: int, stretch: int) -> "Cuts":
        """Cut pages that begin at `starts` (none empty), of so many tokens in all, for a stretch (0: not at all)."""
        if not stretch:
            return cls(starts, np.arange(len(starts)), None)
        size = max(1, stretch // 2)
        lengths = np.diff(starts, append=tokens)
        blocks = -(-lengths // size)
        firsts = np.concatenate([[0], np.cumsum(blocks)])
        within = np.arange(firsts[-1]) - np.repeat(firsts[:-1], blocks)
        joined = within + 1 < np.repeat(blocks, blocks)
        return cls(np.repeat(starts, blocks) + within * size, firsts[:-1], joined)

    def scores(self, best: NDArray[np.float32], weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Return pages' scores (n_pages,) from each query token's best on each block, (n_query_tokens, n_blocks)."""
        if self.joined is None:
            return weigh(best, weights)
        pairs = best.copy()
        np.maximum(best[:, :-1], best[:, 1:], out=pairs[:, :-1], where=self.joined[:-1])
        return np.asarray(np.maximum.reduceat(weigh(pairs, weights), self.pages), np.float32)


def maxima(
    query: NDArray[np.float32],
    codes: Codes | NDArray[np.float32],
    scales: NDArray[np.float32] | None,
    starts: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return each query token's best similarity on each page, (n_query_tokens, n_pages).

    Page p's tokens are rows starts[p] to starts[p + 1] of `codes`; no page may be empty.
    """
    found = query @ _numbers(codes).T  # (n_query_tokens, n_tokens)
    if scales is not None:
        found *= scales
    best: NDArray[np.float32] = np.maximum.reduceat(found, starts, axis=1)
    return best


def weigh(best: NDArray[np.float32], weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return the scores (n_pages,) of maxima (n_query_tokens, n_pages)."""
    weighted: NDArray[np.float32] = best if weights is None else best * weights[:, None]
    return np.asarray(weighted.sum(axis=0), np.float32)


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return codes (n, dim) and scales (n,): a row is (codes - ZERO) * scale, its largest number exact."""
    assert np.isfinite(vectors).all(), "vectors must be finite"
    largest = np.abs(vectors).max(axis=1, initial=0.0)
    scales = np.where(largest > 0, largest / LEVELS, 1.0).astype(np.float32)
    return (np.rint(vectors / scales[:, None]) + ZERO).astype(np.uint8), scales


def dequantise(codes: Codes, scales: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return the vectors (n, dim) that codes and scales stand for."""
    numbers = _numbers(codes)
    return numbers if scales is None else numbers * scales[:, None]


def _numbers(codes: Codes | NDArray[np.float32]) -> NDArray[np.float32]:
    if codes.dtype == np.uint8:
        signed: NDArray[np.int8] = np.bitwise_xor(codes, np.uint8(ZERO)).view(np.int8)  # code - ZERO, as a bit trick
        return signed.astype(np.float32)
    return codes.astype(np.float32, copy=False)
