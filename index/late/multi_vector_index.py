"""The interface of a multi-vector index (late interaction), and the choice of implementation by size.

`pagelens.index.late.exact_maxsim` is the reference; the indexes of `pagelens.index.late.fast_maxsim` score the pages
they return exactly as it does: a page's score is bit-identical whichever index returned it.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens
from pagelens.index.late.exact_maxsim import ExactMaxSim
from pagelens.index.late.ragged import ChunkedTokens

FAST_FROM = 200  # pages; below, numpy answers sooner than onnxruntime can be imported
TWO_STAGE_FROM = 1_000  # pages (8 ms instead of 19 on one core); below, every token is compared


class MultiVectorIndex(Protocol):
    """Pages of many unit vectors each, searched by MaxSim (`pagelens.index.late.maxsim`)."""

    def __len__(self) -> int:
        """The number of pages, including those without tokens."""
        ...

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the row numbers and scores of the k best pages, best first, ties by row number.

        `allowed` is (n,) and restricts the search to pages that are true; None allows all. Fewer than k pages are
        returned when there are fewer. A page without tokens is never returned; a query without tokens finds nothing.
        """
        ...


def open_multi_vector_index(
    tokens: ChunkedTokens, summaries: ChunkedTokens, *, threads: int = 0, micro_batching: bool = True
) -> MultiVectorIndex:
    """Return an index over pages and their summaries (`pagelens.index.late.token_segments`). The choice affects speed
    only. `micro_batching`: simultaneous searches share the scan for candidates."""
    if len(tokens) < FAST_FROM:
        return ExactMaxSim(tokens)
    from pagelens.index.late.fast_maxsim import FastMaxSim, TwoStageMaxSim  # slow to import: only where it pays

    if len(tokens) < TWO_STAGE_FROM:
        return FastMaxSim(tokens, threads=threads, micro_batching=micro_batching)
    return TwoStageMaxSim(tokens, summaries, threads=threads, micro_batching=micro_batching)
