"""What every dense index does. `pagelens.index.dense.exact_index` is the truth, `pagelens.index.dense.faiss_index` the fast twin."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float16] | NDArray[np.float32]


class VectorIndex(Protocol):
    """Unit vectors with integer keys, searched by inner product."""

    def __len__(self) -> int:
        """The number of vectors."""
        ...

    def search(
        self, query: NDArray[np.float32], k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows (positions, not keys) and scores of the k best, best first, ties by row.

        `query` is (dim,); `allowed` is (n,) and leaves only the rows that are true. Fewer than k come back
        when fewer are there.
        """
        ...
