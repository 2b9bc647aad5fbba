"""Pages' terms as sparse vectors on Qdrant: the `words` lane's collection, a point for each page. Knows no catalog."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from pagelens.core.errors import CollectionMismatch
from pagelens.index.lexical.bm25 import Sparse
from pagelens.index.stores.qdrant.collection import QdrantCollection
from pagelens.index.stores.qdrant.points import not_gone, payload_of

WORDS = "words"  # the name of the sparse vector


class WordsCollection(QdrantCollection):
    """The Qdrant collection of the lane."""

    def write_pages(self, pages: Iterable[tuple[int, Sparse]]) -> None:
        """Write pages under their keys, durably; a page without terms has no vector."""
        self.write((2 * len(row.places), _point(page, row)) for page, row in pages)

    def nearest(
        self, query: Sparse, limit: int, only: models.Filter | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and scores of the best points, best first."""
        found = self._qdrant.call(
            "searching words",
            QdrantClient.query_points,
            self.name,
            query=models.SparseVector(indices=query.places, values=query.values),
            using=WORDS,
            query_filter=only,
            limit=limit,
            with_payload=False,
        ).points
        ids = np.array([point.id for point in found], np.int64)
        return ids, np.array([point.score for point in found], np.float32)

    def rows(self, keys: Sequence[int]) -> dict[int, Sparse]:
        """Return what lies at rest of some pages; those that are not there are left out."""
        records = self._qdrant.call(
            "reading words", QdrantClient.retrieve, self.name, list(keys), with_payload=False, with_vectors=True
        )
        return {int(record.id): _row(record.vector) for record in records}

    def count(self) -> int:
        """Return how many points there are, those that were given up left out."""
        there = models.Filter(must=[not_gone()])
        return int(self._qdrant.call("counting words", QdrantClient.count, self.name, there, exact=True).count)

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

    def require_same(self) -> None:
        """See `QdrantCollection.require_same`."""
        found = self._qdrant.call("looking at words", QdrantClient.get_collection, self.name)
        if WORDS not in (found.config.params.sparse_vectors or {}):
            raise CollectionMismatch(
                f"expected {self} to hold sparse vectors named {WORDS!r}, found none: it is another's. "
                "Choose another --prefix, or remove it from Qdrant."
            )


def _point(page: int, row: Sparse) -> models.PointStruct:
    sparse = models.SparseVector(indices=row.places, values=row.values)
    vector: models.VectorStruct = {WORDS: sparse} if row.places else {}
    return models.PointStruct(id=page, vector=vector, payload=payload_of(page))


def _row(vector: models.VectorStructOutput | None) -> Sparse:
    found = vector.get(WORDS) if isinstance(vector, dict) else None
    if not isinstance(found, models.SparseVector):
        return Sparse([], [])
    order = np.argsort(found.indices)
    return Sparse([found.indices[at] for at in order], [found.values[at] for at in order])
