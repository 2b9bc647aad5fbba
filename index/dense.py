"""Which dense index serves a lane of a given size. The choice is speed only: each is compared with the exact twin."""

import logging
from pathlib import Path

from index.exact import ExactIndex
from index.vectors import Matrix, VectorIndex

logger = logging.getLogger(f"pagelens.{__name__}")

FLAT_FROM = 30_000  # vectors; below, numpy answers before FAISS is imported
GRAPH_FROM = 500_000  # vectors; below, a flat scan of half-precision numbers is quick and exact


def open_index(vectors: Matrix, folder: Path, stamp: str) -> VectorIndex:
    """Return an index over `vectors` (n, dim). `stamp` names these very rows: a graph saved under it is loaded."""
    if len(vectors) < FLAT_FROM:
        return ExactIndex(vectors)
    from index.faiss_index import FaissIndex  # heavy: only where it pays

    graph = graph_file(folder, stamp)
    if len(vectors) >= GRAPH_FROM and graph.exists():
        return FaissIndex.load(graph)
    return FaissIndex.build(vectors, method="flat")


def build_graph(vectors: Matrix, folder: Path, stamp: str) -> None:
    """Save the graph of a large lane, once, and drop the graphs of older rows."""
    graph = graph_file(folder, stamp)
    if len(vectors) < GRAPH_FROM or graph.exists():
        return
    from index.faiss_index import FaissIndex

    logger.info("building the graph over %d vectors", len(vectors))
    temporary = graph.with_suffix(".tmp")
    FaissIndex.build(vectors, method="graph").save(temporary)
    temporary.replace(graph)
    for old in folder.glob("*.faiss"):
        if old != graph:
            old.unlink()


def graph_file(folder: Path, stamp: str) -> Path:
    """Return where the graph over the rows of a stamp is kept."""
    return folder / f"graph-{stamp}.faiss"
