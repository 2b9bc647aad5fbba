"""Late interaction in plain numpy, float32: the truth that faster ways are compared with, and tokens as 8-bit integers.

    score(page) = sum over query tokens i of weight_i * max over page tokens j of <query_i, page_j>

(MaxSim; Khattab and Zaharia, "ColBERT", 2020; without weights all are 1.) With a window of n, a page stands by its
best n neighbouring tokens or so: MaxSim over two neighbouring blocks of n / 2, the best pair of them. A page without
tokens scores minus infinity: it is never found. A page whose best similarity is negative keeps it; nothing is padded
with zeros. This module knows arrays; no page keys, no files.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens

Codes = NDArray[np.uint8] | NDArray[np.float16]
"""Token vectors at rest, (n_tokens, dim): 8-bit integers about ZERO with a scale per row, or half precision."""

ZERO = 128  # the code of 0: codes are 1..255 for -127..127, unsigned because integer matrix products want them so
LEVELS = 127
QUERY_LEVELS = 63  # of a query's numbers as bytes: no pair of products with codes passes 16 bits
MOST_DIM = (1 << 24) // 64 // LEVELS  # beyond, sums of products are no longer exact in float32

IntegerProducts = Callable[[NDArray[np.int8], NDArray[np.uint8]], NDArray[np.float32]]
"""Rows of bytes (m, dim) and codes (n_tokens, dim) to every sum of products about ZERO, (m, n_tokens), exact."""


def similarities(query: NDArray[np.float32], page: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return every inner product, (n_query_tokens, n_tokens). Row i is where query token i looks on the page."""
    return query @ page.T


def score_page(
    query: QueryTokens, codes: Codes | NDArray[np.float32], scales: NDArray[np.float32] | None = None
) -> float:
    """Return MaxSim of one page (n_tokens, dim), vectors or codes; equal pages get equal scores, to the last bit."""
    if not len(codes):
        return -np.inf
    return float(ExactScorer(query).scores(codes, scales, np.zeros(1, np.int64))[0])


@dataclass(frozen=True, slots=True)
class PageWindows:
    """Where pages are cut into blocks, and how blocks' max_similarities become pages' scores."""

    starts: NDArray[np.int64]  # (n_blocks,) first token of each block
    pages: NDArray[np.int64]  # (n_pages,) first block of each page
    joined: NDArray[np.bool_] | None  # (n_blocks,) whether the next block is of the same page; None: a block is a page
    size: int = 0  # tokens of a block, but for those that end a page; 0: of any length

    @classmethod
    def of(cls, starts: NDArray[np.int64], tokens: int, window: int) -> "PageWindows":
        """Cut pages that begin at `starts` (none empty), of so many tokens in all, for a window (0: not at all)."""
        if not window:
            return cls(starts, np.arange(len(starts)), None)
        size = max(1, window // 2)
        lengths = np.diff(starts, append=tokens)
        blocks = -(-lengths // size)
        firsts = np.concatenate([[0], np.cumsum(blocks)])
        within = np.arange(firsts[-1]) - np.repeat(firsts[:-1], blocks)
        joined = within + 1 < np.repeat(blocks, blocks)
        return cls(np.repeat(starts, blocks) + within * size, firsts[:-1], joined, size)

    def max_similarities(self, similar: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return each row's best on each block, (n_rows, n_blocks), of similarities (n_rows, n_tokens)."""
        if self.size < 2:
            found: NDArray[np.float32] = np.maximum.reduceat(similar, self.starts, axis=1)
            return found
        return _range_maxima(similar, self.starts, self.size)

    def scores(self, best: NDArray[np.float32], weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Return pages' scores (n_pages,) from each query token's best on each block, (n_query_tokens, n_blocks)."""
        if self.joined is None:
            return weighted_sum(best, weights)
        pairs = best.copy()
        np.maximum(best[:, :-1], best[:, 1:], out=pairs[:, :-1], where=self.joined[:-1])
        return np.asarray(np.maximum.reduceat(weighted_sum(pairs, weights), self.pages), np.float32)


def _range_maxima(values: NDArray[np.float32], starts: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    """Return what `np.maximum.reduceat` does along rows, for ranges of at most `size`, in half its time.

    A sparse table (Bender and Farach-Colton, 2000): the best of every 2, 4, 8... neighbours; a range is two of these.
    """
    lengths = np.minimum(np.diff(starts, append=values.shape[1]), size)
    best = np.empty((len(values), len(starts)), np.float32)
    width, table = 1, values
    while width <= size:
        here = np.flatnonzero((lengths >= width) & (lengths < 2 * width))
        first, second = starts[here], starts[here] + lengths[here] - width
        best[:, here] = np.maximum(table.take(first, axis=1), table.take(second, axis=1))
        table = np.maximum(table[:, :-width], table[:, width:])
        width *= 2
    return best


def max_similarities(
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


def weighted_sum(best: NDArray[np.float32], weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return the scores (n_pages,) of max_similarities (n_query_tokens, n_pages)."""
    weighted: NDArray[np.float32] = best if weights is None else best * weights[:, None]
    if not len(weighted):
        return np.zeros(best.shape[1], np.float32)
    # Not `sum`, which adds a single column in another order than one of several.
    return np.asarray(np.add.accumulate(weighted, axis=0)[-1], np.float32)


class ExactScorer:
    """MaxSim of a query with pages, to float32's precision, and the same to the last bit wherever a page stands.

    Matrix products of floats depend on what stands beside a page; sums of integers do not. So the query's numbers are
    split into three bytes each, whose products with a page's bytes are exact in any order, and put together again.
    """

    def __init__(self, query: QueryTokens, products: IntegerProducts | None = None) -> None:
        """`products` multiplies; None: numpy."""
        assert query.vectors.shape[1] <= MOST_DIM, query.vectors.shape
        self._query = query
        self._products = products or integer_products
        largest = np.abs(query.vectors).max(axis=1, initial=0.0).astype(np.float64)
        units = np.where(largest > 0, largest / (QUERY_LEVELS << 14), 1.0)
        levels = np.rint(query.vectors / units[:, None]).astype(np.int32)
        low = ((levels + 64) & 127) - 64  # -64..63
        middle = ((((levels - low) >> 7) + 64) & 127) - 64
        high = (levels - low - (middle << 7)) >> 14
        self._bytes = np.concatenate([high, middle, low]).astype(np.int8)  # (3 * n_query_tokens, dim)
        self._units = units.astype(np.float32)[:, None]

    def scores(
        self, codes: Codes | NDArray[np.float32], scales: NDArray[np.float32] | None, starts: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the scores (n_pages,) of pages that begin at `starts`, none empty. Floats are taken page by page."""
        if scales is None and len(starts) > 1:
            stops = [*starts[1:].tolist(), len(codes)]
            pages = [codes[start:stop] for start, stop in zip(starts.tolist(), stops, strict=True)]
            return np.concatenate([self.scores(page, None, starts[:1]) for page in pages])
        cuts = PageWindows.of(starts, len(codes), self._query.window)
        if scales is None:
            return cuts.scores(max_similarities(self._query.vectors, codes, None, cuts.starts), self._query.weights)
        high, middle, low = np.split(self._products(self._bytes, np.asarray(codes, np.uint8)), 3)
        found = ((high * np.float32(1 << 14) + middle * np.float32(1 << 7)) + low) * scales
        return cuts.scores(cuts.max_similarities(found) * self._units, self._query.weights)


def integer_products(rows: NDArray[np.int8], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return `IntegerProducts` by numpy: sums below 2**24 are exact in float32, in whatever order they are added."""
    found: NDArray[np.float32] = rows.astype(np.float32) @ _numbers(codes).T
    return found


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
