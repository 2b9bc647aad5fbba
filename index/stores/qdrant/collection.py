"""What the Qdrant collections of all lanes have in common: creation, batched writes, counts and deletions."""

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from pagelens.core.errors import StoreError
from pagelens.index.layout import ServerRecord
from pagelens.index.stores.qdrant.connection import Qdrant
from pagelens.index.stores.qdrant.points import deleted_before, not_deleted, of_documents

BATCH_NUMBERS = 100_000  # vector components in one request: about a megabyte of JSON
BATCH_ROWS = 512  # points in one request
SCROLL = 10_000  # points read with one request
MAX_DOCUMENTS = 10_000_000  # whose points can be counted with one request

_NONE = np.zeros(0, np.int64)


class QdrantCollection(ABC):
    """A collection that may not exist yet. Subclasses define its vectors: `create`, `require_compatible`."""

    def __init__(self, qdrant: Qdrant, name: str, record: ServerRecord) -> None:
        self._qdrant, self._record = qdrant, record
        self.name = name
        self._exists = False

    def __str__(self) -> str:
        return f"{self.name} ({self._qdrant.where})"

    def exists(self) -> bool:
        """Return whether the collection exists."""
        return self._exists or self._qdrant.call("looking for a collection", QdrantClient.collection_exists, self.name)

    def require_ready(self) -> None:
        """Raise StoreError unless the collection can be searched now; the server is asked once."""
        found = self._qdrant.call_once("reading a collection's status", QdrantClient.get_collection, self.name)
        if found.status == models.CollectionStatus.RED:
            raise StoreError(f"expected {self} to be searchable, found status red: see the log of the Qdrant server")

    @abstractmethod
    def create(self, client: QdrantClient) -> None:
        """Create the collection."""

    @abstractmethod
    def require_compatible(self) -> None:
        """Raise CollectionMismatch where an existing collection has other vectors than `create` would give it."""

    def create_if_missing(self) -> None:
        """Create the collection if it does not exist. Raises CollectionMismatch where another has its name."""
        if self._exists:
            return
        if not self.exists():
            self._qdrant.call("creating a collection", self.create)
        schema = models.PayloadSchemaType.INTEGER
        fields = () if self._qdrant.local else ("document", "number", "deleted_at")
        for field in fields:  # repeated for existing collections: a killed writer may have left them without
            self._qdrant.call("indexing payloads", QdrantClient.create_payload_index, self.name, field, schema)
        self.require_compatible()
        self._exists = True

    def keys(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sorted ids of all points of these documents."""
        return self.ids(models.Filter(must=[of_documents(documents.tolist())])) if len(documents) else _NONE

    def ids(self, which: models.Filter) -> NDArray[np.int64]:
        """Return the sorted ids of the points that pass a filter."""
        batches = [np.array([int(record.id) for record in records], np.int64) for records in self.scroll(which)]
        return np.sort(np.concatenate([_NONE, *batches]))

    def counts(self) -> Mapping[int, int]:
        """Return the number of points of each document, without those marked as deleted."""
        only = models.Filter(must=[not_deleted()])
        found = self._qdrant.call(
            "counting vectors", QdrantClient.facet, self.name, "document", only, limit=MAX_DOCUMENTS, exact=True
        )
        return Counter({int(hit.value): hit.count for hit in found.hits})

    def delete(self, which: models.Filter | Sequence[int]) -> None:
        """Delete the points that pass a filter, or those with these ids."""
        if isinstance(which, models.Filter):
            selector: models.PointsSelector = models.FilterSelector(filter=which)
        else:
            selector = models.PointIdsList(points=list(which))
        self._qdrant.call("deleting vectors", QdrantClient.delete, self.name, selector, wait=True)

    def delete_documents(self, documents: Collection[int]) -> None:
        """Mark the points of these documents as deleted now, and delete the expired ones of others."""
        only = models.Filter(must=[of_documents(sorted(documents)), not_deleted()])
        payload = {"deleted_at": int(time.time())}
        self._qdrant.call("marking vectors as deleted", QdrantClient.set_payload, self.name, payload, only, wait=True)
        self.delete_expired()

    def delete_expired(self) -> None:
        """Delete the points that were marked as deleted `ServerRecord.grace` seconds ago or before."""
        self.delete(deleted_before(int(time.time()) - self._record.grace))

    def write(self, points: Iterable[tuple[int, models.PointStruct]]) -> None:
        """Write points, given with the number of their vector components, in batches; wait for each batch."""
        batch: list[models.PointStruct] = []
        numbers = 0
        for size, point in points:
            if batch and (numbers + size > BATCH_NUMBERS or len(batch) == BATCH_ROWS):
                self._send(batch)
                batch, numbers = [], 0
            batch.append(point)
            numbers += size
        if batch:
            self._send(batch)

    def _send(self, batch: list[models.PointStruct]) -> None:
        self._qdrant.call("writing vectors", QdrantClient.upsert, self.name, batch, wait=True)

    def scroll(self, which: models.Filter, *fields: str) -> Iterator[list[models.Record]]:
        """Yield the points that pass a filter in batches, with these fields of their payload."""
        offset: int | None = None
        while True:
            records, following = self._qdrant.call(
                "reading ids",
                QdrantClient.scroll,
                self.name,
                which,
                limit=SCROLL,
                offset=offset,
                with_payload=fields or False,
            )
            yield records
            if following is None:
                return
            offset = int(str(following))
