"""Exact MaxSim over every token of every page, in float32 numpy: the reference for faster indexes."""

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens
from pagelens.index.late.maxsim import QUERY_BYTES, ExactScorer, IntegerProducts, PageWindows, max_similarities
from pagelens.index.late.ragged import ChunkedTokens, tokens_per_batch
from pagelens.index.late.token_codes import rotate, rotate_query

TOLERANCE = 1e-4  # relative: more than the order of summation in a matrix product changes a score by


class ExactMaxSim:
    """Implements `MultiVectorIndex`. `tokens` may be memory-mapped; one batch at a time is converted to float32."""

    name = "every token compared"

    def __init__(self, tokens: ChunkedTokens) -> None:
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self._tokens)

    def scores(self, query: QueryTokens, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of pages, (len(rows),); `rows` ascend, and each page has tokens."""
        scores = np.empty(len(rows), np.float32)
        for batch in self._tokens.batches(rows):
            windows = PageWindows.of(batch.starts, len(batch.codes), query.window)
            vectors = rotate(query.vectors) if batch.rotated else query.vectors
            best = max_similarities(vectors, batch.codes, batch.scales, windows.starts)
            scores[batch.pages] = windows.scores(best, query.weights)
        return scores

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `MultiVectorIndex.search`."""
        rows = eligible_rows(self._tokens, query, k, allowed)
        scores = self.scores(query, rows)
        if len(rows) > k:
            kth_best = np.partition(scores, len(rows) - k)[len(rows) - k]
            rows = rows[scores >= kth_best - TOLERANCE * max(1.0, float(np.abs(scores).max()))]
        return rescore(self._tokens, query, rows, k)


def eligible_rows(
    tokens: ChunkedTokens, query: QueryTokens, k: int, allowed: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    """Return the rows of allowed pages with tokens, ascending; none if the query has no tokens or k is 0."""
    assert query.vectors.ndim == 2 and query.vectors.shape[1] == tokens.dim, (query.vectors.shape, tokens.dim)
    if k <= 0 or not len(query.vectors):
        return np.zeros(0, np.int64)
    not_empty = tokens.lengths > 0
    return np.flatnonzero(not_empty if allowed is None else not_empty & allowed)


def rescore(
    tokens: ChunkedTokens,
    query: QueryTokens,
    rows: NDArray[np.int64],
    k: int,
    *,
    products: IntegerProducts | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Score pages exactly and return the k best: equal pages are exact ties, ordered by row. `products`: see
    `ExactScorer`."""
    rows = np.sort(rows)
    scores, scorers = np.empty(len(rows), np.float32), dict[bool, ExactScorer]()
    for batch in tokens.batches(rows, tokens=tokens_per_batch(QUERY_BYTES * len(query.vectors))):
        if batch.rotated not in scorers:
            scorers[batch.rotated] = ExactScorer(rotate_query(query) if batch.rotated else query, products)
        scores[batch.pages] = scorers[batch.rotated].scores(batch.codes, batch.scales, batch.starts)
    order = np.argsort(-scores, kind="stable")[:k]
    return rows[order], scores[order]
