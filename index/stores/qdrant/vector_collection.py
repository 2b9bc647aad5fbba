"""The Qdrant collection of one vector lane.

A lane with one vector a row uses Qdrant's unnamed vector, float16, compared by inner product (rows are unit vectors). A
multi-vector lane uses the named multi-vector `tokens`, which a page without tokens does not have.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from pagelens.core.errors import CollectionMismatch, StoreError
from pagelens.core.keys import document_of, page_of
from pagelens.core.spaces import Space
from pagelens.index.lane_queries import SearchResult
from pagelens.index.late.token_segments import TokenRows
from pagelens.index.layout import Quantization, ServerRecord
from pagelens.index.stores.qdrant.collection import QdrantCollection
from pagelens.index.stores.qdrant.connection import Qdrant
from pagelens.index.stores.qdrant.points import of_documents, pack_page, point_payload, unpack_page

TOKENS = "tokens"  # the name of the multi-vector
TOKEN_PAGES = 64  # pages whose tokens are read with one request
VECTOR_ROWS = 500  # vectors read with one request
CHECKED_DOCUMENTS = 100  # read at a time by a deep check
LENGTH_TOLERANCE = 0.01  # difference from length 1 allowed for float16 vectors


class VectorCollection(QdrantCollection):
    """See the module."""

    def __init__(self, qdrant: Qdrant, name: str, space: Space, record: ServerRecord) -> None:
        super().__init__(qdrant, name, record)
        self.space, self.dim = space, space.dim

    def write_vectors(self, keys: NDArray[np.int64], vectors: NDArray[np.float32], part: str) -> None:
        """Write rows (n, dim) by passage key, durably; the catalog will register them under the name `part`."""
        halves = vectors.astype(np.float16).astype(np.float32)  # rounded as in the local store
        self.write(
            (self.dim, models.PointStruct(id=key, vector=row, payload=point_payload(page_of(key), part)))
            for key, row in zip(keys.tolist(), halves.tolist(), strict=True)
        )

    def write_tokens(self, pages: Sequence[int], rows: TokenRows, part: str) -> None:
        """Write the tokens of pages by page key, durably."""

        def points() -> Iterator[tuple[int, models.PointStruct]]:
            for row, page in enumerate(pages):
                vectors = rows.matrix(row).vectors
                payload = {**point_payload(page, part), TOKENS: pack_page(rows, row)}
                vector: models.VectorStruct = {TOKENS: vectors.tolist()} if len(vectors) else {}
                yield vectors.size, models.PointStruct(id=page, vector=vector, payload=payload)

        self.write(points())

    def search(
        self, query: list[float] | list[list[float]], limit: int, only: models.Filter | None, *, exact: bool = True
    ) -> SearchResult:
        """Return ids and scores of the best points, best first; `exact` scans all points unless they are quantized."""
        points = self._qdrant.call(
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
        ids = np.array([point.id for point in points], np.int64)
        return ids, np.array([point.score for point in points], np.float32)

    def _params(self, limit: int, *, exact: bool) -> models.SearchParams | None:
        if self._qdrant.local:
            return None
        if self._record.quantization == "none":
            return models.SearchParams(exact=exact, hnsw_ef=max(128, 2 * limit))
        rescoring = models.QuantizationSearchParams(rescore=True, oversampling=self._record.oversampling)
        return models.SearchParams(hnsw_ef=max(128, 2 * limit), quantization=rescoring)

    def keys_of_parts(self, parts: Collection[tuple[int, str]]) -> NDArray[np.int64]:
        """Return the ids of the points of these (document, part) pairs."""
        if not parts:
            return np.zeros(0, np.int64)
        which = models.Filter(must=[of_documents(sorted({document for document, _ in parts}))])
        keys = [
            int(record.id)
            for records in self.scroll(which, "document", "part")
            for record in records
            if record.payload and (record.payload["document"], record.payload.get("part")) in parts
        ]
        return np.array(keys, np.int64)

    def matrix(self, keys: NDArray[np.int64]) -> NDArray[np.float16]:
        """Return the vectors (n, dim) of a lane with one vector a row, by key."""
        parts = [np.zeros((0, self.dim), np.float16)]
        for start in range(0, len(keys), VECTOR_ROWS):
            batch = keys[start : start + VECTOR_ROWS].tolist()
            records = self._qdrant.call(
                "reading vectors", QdrantClient.retrieve, self.name, batch, with_payload=False, with_vectors=True
            )
            rows = {int(record.id): record.vector for record in records}
            if len(rows) < len(batch):
                raise StoreError(
                    f"expected {len(batch)} vectors of {self}, found {len(rows)}: others were deleted in the meantime. "
                    "Run the command again."
                )
            parts.append(np.array([rows[key] for key in batch], np.float16))
        return np.concatenate(parts)

    def payloads(self, keys: Sequence[int], field: str) -> dict[int, object]:
        """Return one payload field of points by id; points without it are left out."""

        def fetch(batch: Sequence[int]) -> list[models.Record]:
            action = "reading tokens"
            return self._qdrant.call(action, QdrantClient.retrieve, self.name, list(batch), with_payload=[field])

        requests = [partial(fetch, keys[start : start + TOKEN_PAGES]) for start in range(0, len(keys), TOKEN_PAGES)]
        batches = self._qdrant.run_parallel(requests)
        found = {int(record.id): record.payload or {} for records in batches for record in records}
        return {key: payload[field] for key, payload in found.items() if field in payload}

    def faults(self, documents: Sequence[int]) -> dict[int, str]:
        """Read all points of these documents; return the documents with invalid points, and what is wrong."""
        found: dict[int, str] = {}
        for start in range(0, len(documents), CHECKED_DOCUMENTS):
            keys = self.keys(np.array(documents[start : start + CHECKED_DOCUMENTS], np.int64))
            pages = keys if self.space.multi_vector else page_of(keys)
            invalid = self._invalid_tokens(keys) if self.space.multi_vector else self._invalid_rows(keys)
            found |= {document_of(int(pages[row])): fault for row, fault in invalid.items()}
        return found

    def _invalid_rows(self, keys: NDArray[np.int64]) -> dict[int, str]:
        lengths = np.linalg.norm(self.matrix(keys).astype(np.float32), axis=1)
        wrong = np.flatnonzero(~(np.abs(lengths - 1) < LENGTH_TOLERANCE))
        return {int(row): f"a vector of length {lengths[row]:.3f}, expected 1" for row in wrong}

    def _invalid_tokens(self, keys: NDArray[np.int64]) -> dict[int, str]:
        invalid: dict[int, str] = {}
        for start in range(0, len(keys), VECTOR_ROWS):
            batch = keys[start : start + VECTOR_ROWS].tolist()
            texts = self.payloads(batch, TOKENS)
            for row, key in enumerate(batch, start=start):
                try:
                    unpack_page(str(texts.get(key, "")), self.dim)
                except ValueError as exc:
                    invalid[row] = str(exc)
        return invalid

    def create(self, client: QdrantClient) -> None:
        """See `QdrantCollection.create`."""
        multi = (
            models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
            if self.space.multi_vector
            else None
        )
        no_graph = models.HnswConfigDiff(m=0)  # a graph of multi-vectors is slow to build
        params = models.VectorParams(
            size=self.dim,
            distance=models.Distance.DOT,
            datatype=models.Datatype.FLOAT16,
            multivector_config=multi,
            hnsw_config=no_graph if self.space.multi_vector else None,
            quantization_config=_quantization(self._record.quantization),
        )
        client.create_collection(
            self.name,
            {TOKENS: params} if self.space.multi_vector else params,
            on_disk_payload=True,
            shard_number=self._record.shards,
            replication_factor=self._record.replicas,
        )

    def require_compatible(self) -> None:
        """See `QdrantCollection.require_compatible`."""
        info = self._qdrant.call("reading a collection's settings", QdrantClient.get_collection, self.name)
        config = info.config.params.vectors
        params = config.get(TOKENS) if isinstance(config, dict) else config
        multi_vector = params is not None and params.multivector_config is not None
        if params is None or (params.size, multi_vector) != (self.dim, self.space.multi_vector):
            found = "others" if params is None else f"{'many' if multi_vector else 'one'} of {params.size} a point"
            raise CollectionMismatch(
                f"expected {self} to hold vectors of {self.space}, found {found}: it is not a "
                "PageLens collection, or has another space. Choose another --prefix, or remove it from Qdrant."
            )


def _quantization(kind: Quantization) -> models.QuantizationConfig | None:
    if kind == "scalar":
        return models.ScalarQuantization(
            scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        )
    if kind == "binary":
        return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
    return None
