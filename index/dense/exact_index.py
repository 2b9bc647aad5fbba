"""Exact dense search in numpy, float32: the reference that other indexes are compared with."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float16] | NDArray[np.float32]
"""Vectors, (n, dim)."""

BLOCK = 16_384  # rows converted to float32 at a time: 25 MB at 384 dimensions
KEPT_NUMBERS = 4_000_000  # of a matrix that stays in memory as float32, 16 MB: converting it takes longer than a search


class ExactIndex:
    """Inner product with every row; implements `VectorIndex`. `vectors` is (n, dim) and may be memory-mapped."""

    name = "every vector compared"

    def __init__(self, vectors: Matrix) -> None:
        self._vectors = vectors

    def __len__(self) -> int:
        return len(self._vectors)

    @cached_property
    def _small(self) -> NDArray[np.float32] | None:
        """The vectors as float32, if they are few."""
        return self._vectors.astype(np.float32) if self._vectors.size <= KEPT_NUMBERS else None

    def scores(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the inner product of `query` (dim,) with every row, (n,) float32."""
        result = np.empty(len(self._vectors), np.float32)
        vectors = self._vectors if self._small is None else self._small
        for start in range(0, len(vectors), BLOCK):
            block = vectors[start : start + BLOCK].astype(np.float32, copy=False)
            result[start : start + BLOCK] = block @ query
        return result

    def search(
        self, query: NDArray[np.float32], k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `VectorIndex.search`."""
        scores = self.scores(query)
        rows = np.arange(len(scores)) if allowed is None else np.flatnonzero(allowed)
        if len(rows) > k > 0:
            kth_best = np.partition(scores[rows], len(rows) - k)[len(rows) - k]
            rows = rows[scores[rows] >= kth_best]  # keeps all rows tied with the k-th; the stable sort decides
        order = np.argsort(-scores[rows], kind="stable")[: max(k, 0)]
        return rows[order].astype(np.int64), scores[rows[order]]
