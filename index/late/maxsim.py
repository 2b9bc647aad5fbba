"""MaxSim, the score of late interaction, in float32 numpy: the reference for faster implementations; 8-bit token codes.

    score(page) = sum over query tokens i of weight_i * max over page tokens j of <query_i, page_j>

(Khattab and Zaharia, "ColBERT", 2020; without weights all are 1.) A query with a window of n tokens scores a page by
its best window: the page is cut into blocks of n / 2 tokens, MaxSim is computed over each two neighbouring blocks, and
the best pair counts. A page without tokens scores minus infinity and is never returned. Negative similarities are kept:
nothing is padded with zeros.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens

Codes = NDArray[np.uint8] | NDArray[np.float16]
"""Stored token vectors, (n_tokens, dim): 8-bit integers centred on ZERO with a scale per row, or float16."""

ZERO = 128  # the code of 0: codes are 1..255 for -127..127, unsigned as ONNX MatMulInteger requires
LEVELS = 127
QUERY_LEVELS = 63  # of a query's quantised numbers: the sum of two products with codes then fits in 16 bits
QUERY_BYTES = 3  # that each number of a query is split into for exact scores
MAX_DIM = (1 << 24) // 64 // LEVELS  # beyond it, sums of products are no longer exact in float32

IntegerProducts = Callable[[NDArray[np.int8], NDArray[np.uint8]], NDArray[np.float32]]
"""Multiplies rows (m, dim) by codes - ZERO, (n_tokens, dim); returns the exact inner products, (m, n_tokens)."""


def score_page(
    query: QueryTokens, codes: Codes | NDArray[np.float32], scales: NDArray[np.float32] | None = None
) -> float:
    """Return MaxSim of one page, vectors or codes (n_tokens, dim). Equal pages get bit-identical scores."""
    if not len(codes):
        return -np.inf
    return float(ExactScorer(query).scores(codes, scales, np.zeros(1, np.int64))[0])


@dataclass(frozen=True, slots=True)
class PageWindows:
    """How pages are cut into blocks of tokens; a window is a block with the next block of the same page."""

    starts: NDArray[np.int64]  # (n_blocks,) first token of each block
    first_blocks: NDArray[np.int64]  # (n_pages,) first block of each page
    has_next: NDArray[np.bool_] | None  # (n_blocks,) whether the next block is of the same page; None: a block a page
    block_size: int = 0  # tokens of a block, except the last of a page, which may be shorter; 0: whole pages

    @classmethod
    def of(cls, starts: NDArray[np.int64], token_count: int, window: int) -> "PageWindows":
        """Cut pages that begin at `starts` (none empty) and have `token_count` tokens in all, for windows of `window`
        tokens; 0: pages stay whole."""
        if not window:
            return cls(starts, np.arange(len(starts)), None)
        size = max(1, window // 2)
        lengths = np.diff(starts, append=token_count)
        blocks = -(-lengths // size)  # (n_pages,) blocks of each page
        first_blocks = np.concatenate([[0], np.cumsum(blocks)])
        position = np.arange(first_blocks[-1]) - np.repeat(first_blocks[:-1], blocks)  # of each block in its page
        has_next = position + 1 < np.repeat(blocks, blocks)
        return cls(np.repeat(starts, blocks) + position * size, first_blocks[:-1], has_next, size)

    def max_similarities(self, similarities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the maximum of each row in each block, (n_rows, n_blocks), of similarities (n_rows, n_tokens)."""
        if self.block_size < 2:
            best: NDArray[np.float32] = np.maximum.reduceat(similarities, self.starts, axis=1)
            return best
        return _range_maxima(similarities, self.starts, self.block_size)

    def scores(self, best: NDArray[np.float32], weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Return page scores (n_pages,) from the maximum of each query token in each block, (n_query_tokens,
        n_blocks)."""
        if self.has_next is None:
            return weighted_sum(best, weights)
        pairs = best.copy()
        np.maximum(best[:, :-1], best[:, 1:], out=pairs[:, :-1], where=self.has_next[:-1])
        return np.asarray(np.maximum.reduceat(weighted_sum(pairs, weights), self.first_blocks), np.float32)


def _range_maxima(values: NDArray[np.float32], starts: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    """Return `np.maximum.reduceat(values, starts, axis=1)` for ranges of at most `size`, in half its time.

    A sparse table (Bender and Farach-Colton, 2000): the maxima of 2, 4, 8... neighbours; two of them cover a range.
    """
    lengths = np.minimum(np.diff(starts, append=values.shape[1]), size)
    best = np.empty((len(values), len(starts)), np.float32)
    width, table = 1, values
    while width <= size:
        ranges = np.flatnonzero((lengths >= width) & (lengths < 2 * width))
        first, second = starts[ranges], starts[ranges] + lengths[ranges] - width
        best[:, ranges] = np.maximum(table.take(first, axis=1), table.take(second, axis=1))
        table = np.maximum(table[:, :-width], table[:, width:])
        width *= 2
    return best


def max_similarities(
    query: NDArray[np.float32],
    codes: Codes | NDArray[np.float32],
    scales: NDArray[np.float32] | None,
    starts: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the maximum similarity of each query token on each page, (n_query_tokens, n_pages).

    Page p has the rows starts[p] to starts[p + 1] of `codes`; no page may be empty.
    """
    similarities = query @ _numbers(codes).T  # (n_query_tokens, n_tokens)
    if scales is not None:
        similarities *= scales
    best: NDArray[np.float32] = np.maximum.reduceat(similarities, starts, axis=1)
    return best


def weighted_sum(best: NDArray[np.float32], weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return the scores (n_pages,) of maximum similarities (n_query_tokens, n_pages)."""
    weighted: NDArray[np.float32] = best if weights is None else best * weights[:, None]
    if not len(weighted):
        return np.zeros(best.shape[1], np.float32)
    # Not `sum`, which adds a single column in another order than one of several columns.
    return np.asarray(np.add.accumulate(weighted, axis=0)[-1], np.float32)


class ExactScorer:
    """MaxSim in float32 precision, bit-identical for equal pages wherever they are stored.

    The rounding of a float matrix product depends on the rows beside a page; sums of integers are exact. So each number
    of the query is split into three bytes, multiplied separately by the page's bytes, and the results are combined.
    """

    def __init__(self, query: QueryTokens, products: IntegerProducts | None = None) -> None:
        """`products` multiplies the integers; None: numpy."""
        assert query.vectors.shape[1] <= MAX_DIM, query.vectors.shape
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
        """Return the scores (n_pages,) of pages that begin at `starts`, none empty; floats are scored page by page."""
        if scales is None and len(starts) > 1:
            stops = [*starts[1:].tolist(), len(codes)]
            pages = [codes[start:stop] for start, stop in zip(starts.tolist(), stops, strict=True)]
            return np.concatenate([self.scores(page, None, starts[:1]) for page in pages])
        windows = PageWindows.of(starts, len(codes), self._query.window)
        if scales is None:
            return windows.scores(
                max_similarities(self._query.vectors, codes, None, windows.starts), self._query.weights
            )
        high, middle, low = np.split(self._products(self._bytes, np.asarray(codes, np.uint8)), QUERY_BYTES)
        similarities = ((high * np.float32(1 << 14) + middle * np.float32(1 << 7)) + low) * scales
        return windows.scores(windows.max_similarities(similarities) * self._units, self._query.weights)


def integer_products(rows: NDArray[np.int8], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`IntegerProducts` in numpy: sums below 2**24 are exact in float32, whatever the order of addition."""
    products: NDArray[np.float32] = rows.astype(np.float32) @ _numbers(codes).T
    return products


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return codes (n, dim) and scales (n,) of vectors: a row is (codes - ZERO) * scale, its largest number exact."""
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
        signed: NDArray[np.int8] = np.bitwise_xor(codes, np.uint8(ZERO)).view(np.int8)  # code - ZERO
        return signed.astype(np.float32)
    return codes.astype(np.float32, copy=False)
