"""A collection on Qdrant as every lane has one: made, written in batches, counted, emptied. Knows no catalog."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from pagelens.core.errors import StoreError
from pagelens.index.layout import ServerRecord
from pagelens.index.stores.qdrant.connection import Qdrant
from pagelens.index.stores.qdrant.points import not_gone, of_documents

BATCH_NUMBERS = 100_000  # vector components in one request: about a megabyte of JSON,
BATCH_ROWS = 512  # and at most so many points
PAGE = 10_000  # ids read with one request
FACETS = 10_000_000  # documents a lane may be counted by

_NONE = np.zeros(0, np.int64)


class QdrantCollection(ABC):
    """One of our collections, there or not. What its vectors are is a lane's to say: `create`, `require_same`."""

    def __init__(self, qdrant: Qdrant, name: str, record: ServerRecord) -> None:
        self._qdrant, self._record = qdrant, record
        self.name = name
        self._made = False

    def __str__(self) -> str:
        return f"{self.name} ({self._qdrant.where})"

    def exists(self) -> bool:
        """Tell whether the collection is there."""
        return self._made or self._qdrant.call("looking for vectors", QdrantClient.collection_exists, self.name)

    def require_ready(self) -> None:
        """Raise StoreError unless the server says at once that the collection can be searched."""
        found = self._qdrant.ask("looking whether vectors can be searched", QdrantClient.get_collection, self.name)
        if found.status == models.CollectionStatus.RED:
            raise StoreError(f"expected {self} to be searchable, found that the server gave it up: status red")

    @abstractmethod
    def create(self, client: QdrantClient) -> None:
        """Make the collection."""

    @abstractmethod
    def require_same(self) -> None:
        """Raise CollectionMismatch where the collection is another than we would make."""

    def make(self) -> None:
        """Make the collection if it is not there. Raises CollectionMismatch where one of that name is another."""
        if self._made:
            return
        if not self.exists():
            self._qdrant.call("making a place for vectors", self.create)
        schema = models.PayloadSchemaType.INTEGER
        for field in (
            () if self._qdrant.local else ("document", "number", "gone")
        ):  # repeated where a killed writer made the collection only
            self._qdrant.call("indexing payloads", QdrantClient.create_payload_index, self.name, field, schema)
        self.require_same()
        self._made = True

    def keys(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ids of all points of some documents, rising."""
        return self.ids(models.Filter(must=[of_documents(documents.tolist())])) if len(documents) else _NONE

    def ids(self, which: models.Filter) -> NDArray[np.int64]:
        """Return the ids of the points that a filter lets pass, rising."""
        found = [np.array([int(one.id) for one in some], np.int64) for some in self.scroll(which)]
        return np.sort(np.concatenate([_NONE, *found]))

    def counts(self) -> Mapping[int, int]:
        """Return how many points each document has, those that were given up left out."""
        there = models.Filter(must=[not_gone()])
        found = self._qdrant.call(
            "counting vectors", QdrantClient.facet, self.name, "document", there, limit=FACETS, exact=True
        )
        return Counter({int(hit.value): hit.count for hit in found.hits})

    def delete(self, which: models.Filter | Sequence[int]) -> None:
        """Remove the points that a filter lets pass, or those of some ids."""
        if isinstance(which, models.Filter):
            chosen: models.PointsSelector = models.FilterSelector(filter=which)
        else:
            chosen = models.PointIdsList(points=list(which))
        self._qdrant.call("removing vectors", QdrantClient.delete, self.name, chosen, wait=True)

    def give_up(self, documents: Sequence[int], moment: int) -> None:
        """Mark the points of some documents as gone since a moment, in Unix seconds."""
        only = models.Filter(must=[of_documents(documents), not_gone()])
        payload = {"gone": moment}
        self._qdrant.call("giving up vectors", QdrantClient.set_payload, self.name, payload, only, wait=True)

    def write(self, points: Iterable[tuple[int, models.PointStruct]]) -> None:
        """Send points, each with its count of numbers, in batches that are waited for: the server sets the pace."""
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
        """Return the points that a filter lets pass, with some fields of their payload, so many at a time."""
        offset: int | None = None
        while True:
            records, following = self._qdrant.call(
                "reading ids",
                QdrantClient.scroll,
                self.name,
                which,
                limit=PAGE,
                offset=offset,
                with_payload=fields or False,
            )
            yield records
            if following is None:
                return
            offset = int(str(following))
