"""The interface of a dense vector index, and the choice of implementation by size.

`pagelens.index.dense.exact_index` is the reference in numpy; `pagelens.index.dense.faiss_index` returns the same rows
faster, with scores that differ by float16 rounding only.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.index.dense.exact_index import ExactIndex, Matrix

FAISS_FROM = 8_000  # vectors of 384: numpy takes 5 ms a query; FAISS 0.2 ms, plus 50 ms once to import it


class VectorIndex(Protocol):
    """Unit vectors, one a row, searched by inner product."""

    @property
    def name(self) -> str:
        """What `pagelens status` calls it."""
        ...

    def __len__(self) -> int:
        """The number of vectors."""
        ...

    def search(
        self, query: NDArray[np.float32], k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the row numbers and scores of the k best rows, best first, ties by row number.

        `query` is (dim,). `allowed` is (n,) and restricts the search to rows that are true; None allows all. Fewer
        than k rows are returned when there are fewer.
        """
        ...


def open_vector_index(*chunks: Matrix) -> VectorIndex:
    """Return an index over the rows of one or several matrices (n, dim), numbered from 0 in order. The choice affects
    speed only."""
    if sum(map(len, chunks)) < FAISS_FROM:
        return ExactIndex(
            np.concatenate([np.asarray(chunk, np.float16) for chunk in chunks]) if chunks[1:] else chunks[0]
        )
    from pagelens.index.dense.faiss_index import FaissIndex  # slow to import: only where it pays

    return FaissIndex(*chunks)
