"""What every index of many vectors a page does, and which one serves a lane of a given size.

`pagelens.index.late.exact_maxsim` is the truth; `pagelens.index.late.fast_maxsim` has its quick twins, which end by scoring their short list
as the truth does: a page's score is the same to the last bit whichever index found it.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens
from pagelens.index.late.exact_maxsim import ExactMaxSim
from pagelens.index.late.ragged import ChunkedTokens

FAST_FROM = 200  # pages; below, numpy answers before onnxruntime is imported
TWO_STAGE_FROM = 1_000  # pages (8 ms instead of 19 on one core); below, every token is looked at


class MultiVectorIndex(Protocol):
    """Pages of many unit vectors each, searched by MaxSim (see `pagelens.index.late.maxsim`)."""

    def __len__(self) -> int:
        """The number of pages, those without tokens counted."""
        ...

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows (positions, not keys) and scores of the k best pages, best first, ties by row.

        `allowed` is (n,) and leaves only the pages that are true. Fewer than k come back when fewer are there; a page
        without tokens never does, and a query without tokens finds nothing.
        """
        ...


def open_multi_vector_index(
    tokens: ChunkedTokens, summaries: ChunkedTokens, *, threads: int = 0, micro_batching: bool = True
) -> MultiVectorIndex:
    """Return an index over pages and their summaries (see `pagelens.index.late.token_summaries`). The choice is speed only.

    `micro_batching`: searches of several threads at once share their first look.
    """
    if len(tokens) < FAST_FROM:
        return ExactMaxSim(tokens)
    from pagelens.index.late.fast_maxsim import FastMaxSim, TwoStageMaxSim  # heavy: only where it pays

    if len(tokens) < TWO_STAGE_FROM:
        return FastMaxSim(tokens, threads=threads, micro_batching=micro_batching)
    return TwoStageMaxSim(tokens, summaries, threads=threads, micro_batching=micro_batching)
