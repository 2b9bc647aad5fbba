"""Which dense index serves a lane of a given size. The choice is speed only: each is compared with the exact twin."""

from pagelens.index.dense.exact_index import ExactIndex
from pagelens.index.dense.vector_index import Matrix, VectorIndex

FLAT_FROM = 8_000  # vectors of 384: numpy takes 5 ms a query; FAISS 0.2, and once 50 to be imported and filled


def open_index(vectors: Matrix) -> VectorIndex:
    """Return an index over `vectors` (n, dim)."""
    if len(vectors) < FLAT_FROM:
        return ExactIndex(vectors)
    from pagelens.index.dense.faiss_index import FaissIndex  # heavy: only where it pays

    return FaissIndex(vectors)
