"""The interface of a multi-vector index (late interaction), and the choice of implementation by size.

`pagelens.index.late.exact_maxsim` is the reference; the indexes of `pagelens.index.late.fast_maxsim` and
`pagelens.index.late.postings_maxsim` score the pages they return exactly as it does: a page's score is bit-identical
whichever index returned it.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens
from pagelens.index.late.exact_maxsim import ExactMaxSim
from pagelens.index.late.ragged import ChunkedTokens
from pagelens.index.late.token_postings import IndexedSegment

FAST_FROM = 200  # pages; below, numpy answers sooner than onnxruntime can be imported


class MultiVectorIndex(Protocol):
    """Pages of many unit vectors each, searched by MaxSim (`pagelens.index.late.maxsim`)."""

    @property
    def name(self) -> str:
        """What `pagelens status` calls it."""
        ...

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
    tokens: ChunkedTokens, segments: Sequence[IndexedSegment], *, threads: int = 0, micro_batching: bool = True
) -> MultiVectorIndex:
    """Return an index over pages, given those segments of theirs that have postings. The choice affects speed only.
    `micro_batching`: simultaneous searches share a scan."""
    if len(tokens) < FAST_FROM:
        return ExactMaxSim(tokens)
    if not segments:
        from pagelens.index.late.fast_maxsim import FastMaxSim  # slow to import: only where it pays

        return FastMaxSim(tokens, threads=threads, micro_batching=micro_batching)
    from pagelens.index.late.postings_maxsim import PostingsMaxSim

    return PostingsMaxSim(tokens, segments, threads=threads, micro_batching=micro_batching)
