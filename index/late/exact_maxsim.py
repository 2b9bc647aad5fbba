"""MaxSim over every token of every page, in float32 numpy. The twin that approximations are compared with."""

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens
from pagelens.index.late.maxsim import ExactScorer, IntegerProducts, PageWindows, max_similarities
from pagelens.index.late.ragged import ChunkedTokens

SLACK = 1e-4  # relative: what a matrix product's order of summation may change a score by, with room


class ExactMaxSim:
    """See `MultiVectorIndex`. `tokens` may be memory-mapped; blocks of it become float32 one at a time."""

    def __init__(self, tokens: ChunkedTokens) -> None:
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self._tokens)

    def scores(self, query: QueryTokens, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return MaxSim of some pages, rising and with tokens, (len(rows),)."""
        scores = np.empty(len(rows), np.float32)
        for block in self._tokens.blocks(rows):
            cuts = PageWindows.of(block.starts, len(block.codes), query.window)
            best = max_similarities(query.vectors, block.codes, block.scales, cuts.starts)
            scores[block.pages] = cuts.scores(best, query.weights)
        return scores

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `MultiVectorIndex.search`."""
        rows = candidates(self._tokens, query, k, allowed)
        scores = self.scores(query, rows)
        if len(rows) > k:
            cut = np.partition(scores, len(rows) - k)[len(rows) - k]
            rows = rows[scores >= cut - SLACK * max(1.0, float(np.abs(scores).max()))]
        return rescore(self._tokens, query, rows, k)


def candidates(
    tokens: ChunkedTokens, query: QueryTokens, k: int, allowed: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    """Return the rows that a query may find, rising; none when it has no tokens or nothing is asked for."""
    assert query.vectors.ndim == 2 and query.vectors.shape[1] == tokens.dim, (query.vectors.shape, tokens.dim)
    if k <= 0 or not len(query.vectors):
        return np.zeros(0, np.int64)
    possible = tokens.lengths > 0
    return np.flatnonzero(possible if allowed is None else possible & allowed)


def rescore(
    tokens: ChunkedTokens,
    query: QueryTokens,
    rows: NDArray[np.int64],
    k: int,
    *,
    products: IntegerProducts | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Score pages exactly and return the k best of them: equal pages are ties exactly, and go by row. `products` see
    `ExactScorer`."""
    rows = np.sort(rows)
    scorer, scores = ExactScorer(query, products), np.empty(len(rows), np.float32)
    for block in tokens.blocks(rows):
        scores[block.pages] = scorer.scores(block.codes, block.scales, block.starts)
    order = np.argsort(-scores, kind="stable")[:k]
    return rows[order], scores[order]
