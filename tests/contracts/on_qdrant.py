"""Qdrant's lanes as the row-numbered indexes of the contract: row r is the one page of document r + 1."""

import itertools
import os
import uuid
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient

from pagelens.core.keys import document_of, page_key, page_of, passage_key
from pagelens.core.spaces import Space
from pagelens.core.types import QueryTokens
from pagelens.index.dense.exact_index import Matrix
from pagelens.index.late.token_segments import TokenRows
from pagelens.index.layout import ServerRecord
from pagelens.index.selection import Selection
from pagelens.index.stores.qdrant.connection import KEY, Qdrant, connect
from pagelens.index.stores.qdrant.lane_views import QdrantDenseView, QdrantMultiVectorView
from pagelens.index.stores.qdrant.vector_collection import VectorCollection

SERVER = os.environ.get("QDRANT_URL", "")  # the same tests on a real server

_numbers = itertools.count()
_prefix = f"pagelens-test-{uuid.uuid4().hex[:8]}"


def qdrant() -> Qdrant:
    """A server if QDRANT_URL names one, else Qdrant's local mode in memory."""
    if SERVER:
        from pathlib import Path

        return connect(ServerRecord(SERVER, _prefix), Path(), key=os.environ.get(KEY))
    return Qdrant(lambda: QdrantClient(":memory:"), "memory", local=True)


def _lane(dim: int, *, multi_vector: bool) -> VectorCollection:
    space = Space(model="test", revision="1", dim=dim, multi_vector=multi_vector)
    lane = VectorCollection(qdrant(), f"{_prefix}-{next(_numbers)}", space, ServerRecord("", ""))
    lane.create_if_missing()
    return lane


def _selection(allowed: NDArray[np.bool_] | None) -> Selection | None:
    return None if allowed is None else Selection(np.flatnonzero(allowed) + 1)


class VectorsOnQdrant:
    """See `VectorIndex`."""

    name = "Qdrant"

    def __init__(self, vectors: Matrix) -> None:
        count, dim = vectors.shape
        keys = np.array([passage_key(page_key(row + 1, 1), 0) for row in range(count)], np.int64)
        lane = _lane(dim, multi_vector=False)
        lane.write_vectors(keys, vectors.astype(np.float32), "part")
        self._lane = QdrantDenseView(lane, np.arange(1, count + 1), count)

    def __len__(self) -> int:
        return len(self._lane)

    def search(
        self, query: NDArray[np.float32], k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        keys, scores = self._lane.search(query, k, selection=_selection(allowed))
        return document_of(page_of(keys)) - 1, scores


class TokensOnQdrant:
    """See `MultiVectorIndex`."""

    name = "Qdrant"

    def __init__(self, parts: Sequence[TokenRows], dim: int) -> None:
        lane, row = _lane(dim, multi_vector=True), 0
        for part in parts:
            lane.write_tokens([page_key(row + place + 1, 1) for place in range(len(part))], part, "part")
            row += len(part)
        self._lane = QdrantMultiVectorView(lane, np.arange(1, row + 1), row)

    def __len__(self) -> int:
        return len(self._lane)

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        keys, scores = self._lane.search(query, k, selection=_selection(allowed))
        return document_of(keys) - 1, scores
