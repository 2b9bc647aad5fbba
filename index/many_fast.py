"""MaxSim made quick: 8-bit integers first, float32 for the few that matter.

`FastMaxSim` looks at every token in integers. `TwoStageMaxSim` looks at every page's summary, a tenth of its tokens,
then as `FastMaxSim` does at the pages that this leaves; a query by stretches it answers as `FastMaxSim`. Both end with
the exact scores of a short list. `benchmarks.maxsim` prints what is lost on the way.
"""

import numpy as np
from numpy.typing import NDArray

from core.types import QueryTokens
from index.integer_scan import integer_scan, quick_products
from index.many_exact import candidates, rescore
from index.maxsim import Cuts
from index.ragged import Stack

SPARE = 8  # pages beyond k, and an eighth of k, that integers leave to the exact look
POOL = 200  # pages that summaries leave, at least,
POOL_PER_RESULT = 2  # for each page asked for,
POOL_PER_ROOT = 4  # and for the square root of how many pages there are: among more, more look alike


class FastMaxSim:
    """See `ManyVectorIndex`. All tokens in integers, then exact scores of the best."""

    def __init__(self, tokens: Stack, *, threads: int = 0) -> None:
        """`threads` multiply, 0: one per core."""
        self._tokens = tokens
        self._threads = threads

    def __len__(self) -> int:
        return len(self._tokens)

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `ManyVectorIndex.search`."""
        rows = candidates(self._tokens, query, k, allowed)
        rows = best(self._tokens, query, rows, short_list(k), threads=self._threads)
        return rescore(self._tokens, query, rows, k, products=quick_products(threads=self._threads))


class TwoStageMaxSim:
    """See `ManyVectorIndex`. Summaries choose the pages whose tokens are looked at."""

    def __init__(self, tokens: Stack, summaries: Stack, *, threads: int = 0) -> None:
        """`summaries` has the same pages as `tokens`; `threads` multiply, 0: one per core."""
        assert len(tokens) == len(summaries) and ((tokens.lengths > 0) == (summaries.lengths > 0)).all()
        self._tokens = tokens
        self._summaries = summaries
        self._threads = threads

    def __len__(self) -> int:
        return len(self._tokens)

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `ManyVectorIndex.search`."""
        rows = candidates(self._tokens, query, k, allowed)
        if not query.stretch:  # a summary has no neighbours
            rows = best(self._summaries, query, rows, pool(len(rows), k), threads=self._threads)
        rows = best(self._tokens, query, rows, short_list(k), threads=self._threads)
        return rescore(self._tokens, query, rows, k, products=quick_products(threads=self._threads))


def short_list(k: int) -> int:
    """Return how many pages get exact scores so that the k best are right."""
    return k + SPARE + k // 8


def pool(pages: int, k: int) -> int:
    """Return how many of so many pages get a full look so that the k best are among them."""
    return max(POOL, POOL_PER_RESULT * k, int(POOL_PER_ROOT * pages**0.5))


def best(
    tokens: Stack, query: QueryTokens, rows: NDArray[np.int64], size: int, *, threads: int = 0
) -> NDArray[np.int64]:
    """Return the rows of the `size` best pages by integer MaxSim, rising; all of them where there are no more."""
    if len(rows) <= size:
        return rows
    scan = integer_scan(query.vectors, threads=threads)
    scores = np.empty(len(rows), np.float32)
    for block in tokens.blocks(rows):
        cuts = Cuts.of(block.starts, len(block.codes), query.stretch)
        scores[block.pages] = cuts.scores(scan(block, cuts.starts), query.weights)
    order = np.argsort(-scores, kind="stable")[:size]  # equal pages: the first ones
    return rows[np.sort(order)]
