"""One lane's collection on Qdrant: made, written, searched, read, emptied. Knows points, no catalog.

One vector a row is Qdrant's unnamed vector, half precision, compared by inner product (rows are unit vectors); many a
page are the multi-vector `tokens`, which a page without words does not have.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from core.errors import CollectionMismatch, StoreError
from core.keys import document_of, page_of
from core.spaces import Space
from index.layout import Quantization, ServerRecord
from index.qdrant_connection import Qdrant
from index.qdrant_points import not_gone, of_documents, pack_page, payload_of, unpack_page
from index.token_segments import TokenRows

TOKENS = "tokens"  # the name of the multi-vector
BATCH_NUMBERS = 100_000  # vector components in one request: about a megabyte of JSON,
BATCH_ROWS = 512  # and at most so many points
PAGE = 10_000  # ids read with one request
VECTORS = 500  # vectors read with one request
DOCUMENTS = 100  # read at a time by a deep look
UNIT = 0.01  # a vector of half-precision numbers may be so far from unit length
FACETS = 10_000_000  # documents a lane may be counted by


class QdrantLane:
    """The Qdrant collection of one lane in one space."""

    def __init__(self, qdrant: Qdrant, name: str, space: Space, record: ServerRecord) -> None:
        self._qdrant, self._record = qdrant, record
        self.name, self.space, self.dim = name, space, space.dim
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

    def make(self) -> None:
        """Make the collection if it is not there. Raises CollectionMismatch where one of that name is another."""
        if self._made:
            return
        if not self.exists():
            self._qdrant.call("making a place for vectors", self._create)
        schema = models.PayloadSchemaType.INTEGER
        for field in (
            () if self._qdrant.local else ("document", "number", "gone")
        ):  # repeated where a killed writer made the collection only
            self._qdrant.call("indexing payloads", QdrantClient.create_payload_index, self.name, field, schema)
        self._require_same()
        self._made = True

    def write_vectors(self, keys: NDArray[np.int64], vectors: NDArray[np.float32], part: str) -> None:
        """Write rows (n, dim) under their keys of page and ordinal, durably; `part` is what the catalog will name."""
        halves = vectors.astype(np.float16).astype(np.float32)  # as the embedded store has them
        self._write(
            (self.dim, models.PointStruct(id=key, vector=row, payload=payload_of(page_of(key), part)))
            for key, row in zip(keys.tolist(), halves.tolist(), strict=True)
        )

    def write_tokens(self, pages: Sequence[int], rows: TokenRows, part: str) -> None:
        """Write pages' tokens under their page keys, durably."""

        def points() -> Iterator[tuple[int, models.PointStruct]]:
            for row, page in enumerate(pages):
                vectors = rows.matrix(row).vectors
                payload = {**payload_of(page, part), TOKENS: pack_page(rows, row)}
                vector: models.VectorStruct = {TOKENS: vectors.tolist()} if len(vectors) else {}
                yield vectors.size, models.PointStruct(id=page, vector=vector, payload=payload)

        self._write(points())

    def nearest(
        self, query: list[float] | list[list[float]], limit: int, only: models.Filter | None, *, exact: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and scores of the nearest points, best first; `exact` looks at every one, without quantization."""
        found = self._qdrant.call(
            "searching",
            QdrantClient.query_points,
            self.name,
            query=query,
            using=TOKENS if self.space.many else None,
            query_filter=only,
            limit=limit,
            search_params=self._params(limit, exact=exact),
            with_payload=False,
        ).points
        ids = np.array([point.id for point in found], np.int64)
        return ids, np.array([point.score for point in found], np.float32)

    def _params(self, limit: int, *, exact: bool) -> models.SearchParams | None:
        if self._qdrant.local:
            return None
        if self._record.quantization == "none":
            return models.SearchParams(exact=exact, hnsw_ef=max(128, 2 * limit))
        rescored = models.QuantizationSearchParams(rescore=True, oversampling=self._record.oversampling)
        return models.SearchParams(hnsw_ef=max(128, 2 * limit), quantization=rescored)

    def keys(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ids of all points of some documents, rising."""
        found = [np.array([int(one.id) for one in some], np.int64) for some in self._scroll(documents)]
        return np.sort(np.concatenate([np.zeros(0, np.int64), *found]))

    def named_keys(self, named: Collection[tuple[int, str]]) -> NDArray[np.int64]:
        """Return the ids of the points of some (document, part)."""
        documents = np.array(sorted({document for document, _ in named}), np.int64)
        keys = [
            int(one.id)
            for some in self._scroll(documents, "document", "part")
            for one in some
            if one.payload and (one.payload["document"], one.payload.get("part")) in named
        ]
        return np.array(keys, np.int64)

    def matrix(self, keys: NDArray[np.int64]) -> NDArray[np.float16]:
        """Return rows (n, dim) of a lane of one vector each, by their keys."""
        parts = [np.zeros((0, self.dim), np.float16)]
        for start in range(0, len(keys), VECTORS):
            some = keys[start : start + VECTORS].tolist()
            records = self._qdrant.call(
                "reading vectors", QdrantClient.retrieve, self.name, some, with_payload=False, with_vectors=True
            )
            rows = {int(record.id): record.vector for record in records}
            if len(rows) < len(some):
                raise StoreError(f"expected {len(some)} vectors of {self}, found {len(rows)}: others went meanwhile")
            parts.append(np.array([rows[key] for key in some], np.float16))
        return np.concatenate(parts)

    def payloads(self, keys: Sequence[int], field: str) -> dict[int, object]:
        """Return one field of points by id; those that are not there are left out."""
        if not keys:
            return {}
        records = self._qdrant.call(
            "reading tokens", QdrantClient.retrieve, self.name, list(keys), with_payload=[field]
        )
        found = {int(record.id): record.payload or {} for record in records}
        return {key: payload[field] for key, payload in found.items() if field in payload}

    def counts(self) -> Mapping[int, int]:
        """Return how many points each document has, those that were given up left out."""
        there = models.Filter(must=[not_gone()])
        found = self._qdrant.call(
            "counting vectors", QdrantClient.facet, self.name, "document", there, limit=FACETS, exact=True
        )
        return Counter({int(hit.value): hit.count for hit in found.hits})

    def faults(self, documents: Sequence[int]) -> dict[int, str]:
        """Read every point of some documents; return those with points that we cannot have written, and why."""
        found: dict[int, str] = {}
        for start in range(0, len(documents), DOCUMENTS):
            keys = self.keys(np.array(documents[start : start + DOCUMENTS], np.int64))
            pages = keys if self.space.many else page_of(keys)
            bad = self._bad_tokens(keys) if self.space.many else self._bad_rows(keys)
            found |= {document_of(int(pages[row])): fault for row, fault in bad.items()}
        return found

    def _bad_rows(self, keys: NDArray[np.int64]) -> dict[int, str]:
        lengths = np.linalg.norm(self.matrix(keys).astype(np.float32), axis=1)
        wrong = np.flatnonzero(~(np.abs(lengths - 1) < UNIT))
        return {int(row): f"a vector of length {lengths[row]:.3f}, expected 1" for row in wrong}

    def _bad_tokens(self, keys: NDArray[np.int64]) -> dict[int, str]:
        bad: dict[int, str] = {}
        for start in range(0, len(keys), VECTORS):
            some = keys[start : start + VECTORS].tolist()
            texts = self.payloads(some, TOKENS)
            for place, key in enumerate(some, start=start):
                try:
                    unpack_page(str(texts.get(key, "")), self.dim)
                except ValueError as exc:
                    bad[place] = str(exc)
        return bad

    def delete(self, which: models.Filter) -> None:
        """Remove the points that a filter lets pass."""
        chosen = models.FilterSelector(filter=which)
        self._qdrant.call("removing vectors", QdrantClient.delete, self.name, chosen, wait=True)

    def give_up(self, documents: Sequence[int], moment: int) -> None:
        """Mark the points of some documents as gone since a moment, in Unix seconds."""
        only = models.Filter(must=[of_documents(documents), not_gone()])
        payload = {"gone": moment}
        self._qdrant.call("giving up vectors", QdrantClient.set_payload, self.name, payload, only, wait=True)

    def _write(self, points: Iterable[tuple[int, models.PointStruct]]) -> None:
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

    def _scroll(self, documents: NDArray[np.int64], *fields: str) -> Iterator[list[models.Record]]:
        if not len(documents):
            return
        only = models.Filter(must=[of_documents(documents.tolist())])
        offset: int | None = None
        while True:
            records, following = self._qdrant.call(
                "reading ids",
                QdrantClient.scroll,
                self.name,
                only,
                limit=PAGE,
                offset=offset,
                with_payload=fields or False,
            )
            yield records
            if following is None:
                return
            offset = int(str(following))

    def _create(self, client: QdrantClient) -> None:
        multi = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM) if self.space.many else None
        params = models.VectorParams(
            size=self.dim,
            distance=models.Distance.DOT,
            datatype=models.Datatype.FLOAT16,
            multivector_config=multi,
            hnsw_config=models.HnswConfigDiff(m=0) if self.space.many else None,  # a graph of pages is dear to build
            quantization_config=_quantization(self._record.quantization),
        )
        client.create_collection(
            self.name,
            {TOKENS: params} if self.space.many else params,
            on_disk_payload=True,
            shard_number=self._record.shards,
            replication_factor=self._record.replicas,
        )

    def _require_same(self) -> None:
        found = self._qdrant.call("looking at vectors", QdrantClient.get_collection, self.name)
        config = found.config.params.vectors
        params = config.get(TOKENS) if isinstance(config, dict) else config
        many = params is not None and params.multivector_config is not None
        if params is None or (params.size, many) != (self.dim, self.space.many):
            said = "no vectors of ours" if params is None else f"{'many' if many else 'one'} of {params.size} a point"
            raise CollectionMismatch(
                f"expected {self} to hold vectors of {self.space}, found {said}: it is another's, or of another "
                "space. Choose another --prefix, or remove it from Qdrant."
            )


def _quantization(kind: Quantization) -> models.QuantizationConfig | None:
    if kind == "scalar":
        return models.ScalarQuantization(
            scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        )
    if kind == "binary":
        return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
    return None
