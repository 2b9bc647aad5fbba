"""One lane of vectors on Qdrant: made, written, searched, read. Knows points, no catalog.

One vector a row is Qdrant's unnamed vector, half precision, compared by inner product (rows are unit vectors); many a
page are the multi-vector `tokens`, which a page without words does not have.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from pagelens.core.errors import CollectionMismatch, StoreError
from pagelens.core.keys import document_of, page_of
from pagelens.core.spaces import Space
from pagelens.index.late.token_segments import TokenRows
from pagelens.index.layout import Quantization, ServerRecord
from pagelens.index.stores.qdrant.collection import QdrantCollection
from pagelens.index.stores.qdrant.connection import Qdrant
from pagelens.index.stores.qdrant.points import of_documents, pack_page, payload_of, unpack_page

TOKENS = "tokens"  # the name of the multi-vector
FETCHED = 64  # pages whose tokens come with one request
VECTORS = 500  # vectors read with one request
DOCUMENTS = 100  # read at a time by a deep look
UNIT = 0.01  # a vector of half-precision numbers may be so far from unit length


class QdrantLane(QdrantCollection):
    """The Qdrant collection of one lane in one space."""

    def __init__(self, qdrant: Qdrant, name: str, space: Space, record: ServerRecord) -> None:
        super().__init__(qdrant, name, record)
        self.space, self.dim = space, space.dim

    def write_vectors(self, keys: NDArray[np.int64], vectors: NDArray[np.float32], part: str) -> None:
        """Write rows (n, dim) under their keys of page and ordinal, durably; `part` is what the catalog will name."""
        halves = vectors.astype(np.float16).astype(np.float32)  # as the embedded store has them
        self.write(
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

        self.write(points())

    def nearest(
        self, query: list[float] | list[list[float]], limit: int, only: models.Filter | None, *, exact: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and scores of the nearest points, best first; `exact` looks at every one, without quantization."""
        found = self._qdrant.call(
            "searching",
            QdrantClient.query_points,
            self.name,
            query=query,
            using=TOKENS if self.space.multi_vector else None,
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

    def named_keys(self, named: Collection[tuple[int, str]]) -> NDArray[np.int64]:
        """Return the ids of the points of some (document, part)."""
        if not named:
            return np.zeros(0, np.int64)
        which = models.Filter(must=[of_documents(sorted({document for document, _ in named}))])
        keys = [
            int(one.id)
            for some in self.scroll(which, "document", "part")
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

        def fetch(some: Sequence[int]) -> list[models.Record]:
            what = "reading tokens"
            return self._qdrant.call(what, QdrantClient.retrieve, self.name, list(some), with_payload=[field])

        parts = [partial(fetch, keys[start : start + FETCHED]) for start in range(0, len(keys), FETCHED)]
        found = {
            int(record.id): record.payload or {} for records in self._qdrant.run_parallel(parts) for record in records
        }
        return {key: payload[field] for key, payload in found.items() if field in payload}

    def faults(self, documents: Sequence[int]) -> dict[int, str]:
        """Read every point of some documents; return those with points that we cannot have written, and why."""
        found: dict[int, str] = {}
        for start in range(0, len(documents), DOCUMENTS):
            keys = self.keys(np.array(documents[start : start + DOCUMENTS], np.int64))
            pages = keys if self.space.multi_vector else page_of(keys)
            bad = self._bad_tokens(keys) if self.space.multi_vector else self._bad_rows(keys)
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

    def create(self, client: QdrantClient) -> None:
        """See `QdrantCollection.create`."""
        multi = (
            models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
            if self.space.multi_vector
            else None
        )
        params = models.VectorParams(
            size=self.dim,
            distance=models.Distance.DOT,
            datatype=models.Datatype.FLOAT16,
            multivector_config=multi,
            hnsw_config=models.HnswConfigDiff(m=0)
            if self.space.multi_vector
            else None,  # a graph of pages is dear to build
            quantization_config=_quantization(self._record.quantization),
        )
        client.create_collection(
            self.name,
            {TOKENS: params} if self.space.multi_vector else params,
            on_disk_payload=True,
            shard_number=self._record.shards,
            replication_factor=self._record.replicas,
        )

    def require_same(self) -> None:
        """See `QdrantCollection.require_same`."""
        found = self._qdrant.call("looking at vectors", QdrantClient.get_collection, self.name)
        config = found.config.params.vectors
        params = config.get(TOKENS) if isinstance(config, dict) else config
        many = params is not None and params.multivector_config is not None
        if params is None or (params.size, many) != (self.dim, self.space.multi_vector):
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
