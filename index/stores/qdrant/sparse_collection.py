"""The Qdrant collection of the `words` lane: one point for each page, with a sparse vector of its terms."""

from collections.abc import Iterable, Sequence

import numpy as np
from qdrant_client import QdrantClient, models

from pagelens.core.errors import CollectionMismatch
from pagelens.index.lane_queries import SearchResult
from pagelens.index.lexical.bm25 import SparseVector
from pagelens.index.stores.qdrant.collection import QdrantCollection
from pagelens.index.stores.qdrant.points import not_deleted, point_payload

WORDS = "words"  # the name of the sparse vector


class SparseCollection(QdrantCollection):
    """See the module."""

    def write_pages(self, pages: Iterable[tuple[int, SparseVector]]) -> None:
        """Write pages by key, durably. A page without terms gets no vector."""
        self.write((2 * len(row.indices), _point(page, row)) for page, row in pages)

    def search(self, query: SparseVector, limit: int, only: models.Filter | None) -> SearchResult:
        """Return keys and scores of the best points, best first."""
        points = self._qdrant.call(
            "searching words",
            QdrantClient.query_points,
            self.name,
            query=models.SparseVector(indices=query.indices, values=query.values),
            using=WORDS,
            query_filter=only,
            limit=limit,
            with_payload=False,
        ).points
        ids = np.array([point.id for point in points], np.int64)
        return ids, np.array([point.score for point in points], np.float32)

    def rows(self, keys: Sequence[int]) -> dict[int, SparseVector]:
        """Return the stored vectors of pages by key; missing pages are left out."""
        records = self._qdrant.call(
            "reading words", QdrantClient.retrieve, self.name, list(keys), with_payload=False, with_vectors=True
        )
        return {int(record.id): _row(record.vector) for record in records}

    def count(self) -> int:
        """Return the number of points that are not marked as deleted."""
        only = models.Filter(must=[not_deleted()])
        return int(self._qdrant.call("counting words", QdrantClient.count, self.name, only, exact=True).count)

    def create(self, client: QdrantClient) -> None:
        """See `QdrantCollection.create`."""
        client.create_collection(
            self.name,
            {},
            sparse_vectors_config={WORDS: models.SparseVectorParams()},
            on_disk_payload=True,
            shard_number=self._record.shards,
            replication_factor=self._record.replicas,
        )

    def require_compatible(self) -> None:
        """See `QdrantCollection.require_compatible`."""
        info = self._qdrant.call("reading a collection's settings", QdrantClient.get_collection, self.name)
        if WORDS not in (info.config.params.sparse_vectors or {}):
            raise CollectionMismatch(
                f"expected {self} to hold sparse vectors named {WORDS!r}, found none: it is not a PageLens collection. "
                "Choose another --prefix, or remove it from Qdrant."
            )


def _point(page: int, row: SparseVector) -> models.PointStruct:
    sparse = models.SparseVector(indices=row.indices, values=row.values)
    vector: models.VectorStruct = {WORDS: sparse} if row.indices else {}
    return models.PointStruct(id=page, vector=vector, payload=point_payload(page))


def _row(vector: models.VectorStructOutput | None) -> SparseVector:
    found = vector.get(WORDS) if isinstance(vector, dict) else None
    if not isinstance(found, models.SparseVector):
        return SparseVector([], [])
    order = np.argsort(found.indices)
    return SparseVector([found.indices[i] for i in order], [found.values[i] for i in order])
