"""Dense search by FAISS: half-precision flat scan up to some hundred thousand vectors, an HNSW graph beyond.

The flat index looks at every vector and differs from `index.exact` by rounding only; the graph is approximate
(HNSW: Malkov and Yashunin, 2018) and its recall against the exact twin is measured in `benchmarks/`.
"""

from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
from numpy.typing import NDArray

from index.vectors import Matrix

BLOCK = 65_536  # rows added at a time
Method = Literal["flat", "graph"]
_faiss: Any = faiss  # its stubs do not know the keyword constructors its Python layer adds


class FaissIndex:
    """A FAISS index whose ids are row positions."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Matrix, *, method: Method = "flat") -> "FaissIndex":
        """Index `vectors` (n, dim), unit length."""
        index = _empty(vectors.shape[1], method)
        for start in range(0, len(vectors), BLOCK):
            block = np.ascontiguousarray(vectors[start : start + BLOCK], dtype=np.float32)
            if not index.is_trained:
                index.train(block)  # float16 needs no statistics; FAISS wants the call
            index.add(block)
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> "FaissIndex":
        """Read what `save` wrote."""
        return cls(_faiss.read_index(str(path)))

    def save(self, path: Path) -> None:
        """Write the index to one file."""
        _faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(
        self, query: NDArray[np.float32], k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `VectorIndex.search`."""
        k = min(k, len(self))
        if k <= 0:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        one = np.ascontiguousarray(query, np.float32).reshape(1, -1)
        scores, rows = self._index.search(one, k, params=self._parameters(k, allowed))
        found = rows[0] >= 0
        rows, scores = rows[0][found].astype(np.int64), scores[0][found].astype(np.float32)
        order = np.lexsort((rows, -scores))  # FAISS leaves ties in any order
        return rows[order], scores[order]

    def _parameters(self, k: int, allowed: NDArray[np.bool_] | None) -> Any:
        graph = isinstance(self._index, _faiss.IndexHNSW)
        if allowed is None:
            return _faiss.SearchParametersHNSW(efSearch=max(128, 2 * k)) if graph else None
        selector = _faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        if graph:
            return _faiss.SearchParametersHNSW(sel=selector, efSearch=max(256, 4 * k))
        return _faiss.SearchParameters(sel=selector)


def _empty(dim: int, method: Method) -> Any:
    half, inner = _faiss.ScalarQuantizer.QT_fp16, _faiss.METRIC_INNER_PRODUCT
    if method == "flat":
        return _faiss.IndexScalarQuantizer(dim, half, inner)
    index = _faiss.IndexHNSWSQ(dim, half, 32, inner)
    index.hnsw.efConstruction = 100
    return index
