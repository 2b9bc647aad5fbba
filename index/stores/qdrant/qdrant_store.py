"""Vectors on Qdrant: implements `pagelens.index.stores.vector_store.VectorStore`.

Points are written, and waited for, before the catalog registers them; the tables `segments` and `runs` say how many
rows each document has in a lane, so that `check` finds what is missing. Points of removed documents are marked as
deleted after the catalog's commit, and deleted when no search can still need them. A writer first deletes what a crash
left: points of documents that the catalog does not have, and pages of incomplete documents after those that were
committed.
"""

import logging
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from sqlalchemy import Connection, Engine, delete, func, select

from pagelens.core.errors import StoreError
from pagelens.core.keys import document_of, page_of
from pagelens.index import server_addresses
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import page_count
from pagelens.index.catalog.transactions import transaction
from pagelens.index.lane_queries import SearchResult
from pagelens.index.lane_rows import concatenate, document_runs
from pagelens.index.layout import LaneRecord, Layout, Manifest, ServerRecord
from pagelens.index.lexical.lexical_index import LexicalIndex
from pagelens.index.records import NO_ROWS, DenseParts, TokenParts, WrittenRows
from pagelens.index.stores.qdrant.connection import ADDRESS, KEY, PARALLEL_REQUESTS, Qdrant, RequestPool, connect
from pagelens.index.stores.qdrant.lane_views import QdrantDenseView, QdrantMultiVectorView
from pagelens.index.stores.qdrant.points import of_unknown_documents, pages_after
from pagelens.index.stores.qdrant.qdrant_lexical_index import WORDS_STORE, QdrantLexicalIndex
from pagelens.index.stores.qdrant.sparse_collection import SparseCollection
from pagelens.index.stores.qdrant.vector_collection import VectorCollection
from pagelens.index.stores.vector_store import LaneCheck

logger = logging.getLogger(__name__)

LANE = r"[a-z_]+-([0-9a-f]{8}|v\d+)"  # names of lanes after the prefix: `LaneRecord.store`, WORDS_STORE
LISTED = 10_000  # document keys in one request


class QdrantVectorStore:
    """See `VectorStore`."""

    def __init__(self, qdrant: Qdrant, record: ServerRecord) -> None:
        self._qdrant, self._record = qdrant, record
        self._lanes: dict[str, VectorCollection] = {}
        self._searches = RequestPool(PARALLEL_REQUESTS, "qdrant")
        self._words = SparseCollection(qdrant, f"{record.prefix}-{WORDS_STORE}", record)

    @classmethod
    def open(cls, layout: Layout, record: ServerRecord) -> "QdrantVectorStore":
        """Return the store of a collection; the API key is read from the environment, as is an address that replaces
        the server's. Raises StoreError for an address that the user did not give."""
        key, given = os.environ.get(KEY) or None, os.environ.get(ADDRESS)
        if record.url and given:
            record = replace(record, url=given.rstrip("/"))
        elif record.url:
            server_addresses.require_given(record.url, variable=ADDRESS)
        return cls(connect(record, layout.qdrant, key=key), record)

    def lane(self, lane: LaneRecord) -> VectorCollection:
        """Return the Qdrant collection of a lane, which may not exist yet."""
        if lane.store not in self._lanes:
            name = f"{self._record.prefix}-{lane.store}"
            self._lanes[lane.store] = VectorCollection(self._qdrant, name, lane.space, self._record)
        return self._lanes[lane.store]

    @property
    def retention(self) -> float:
        """See `VectorStore.retention`. Points are marked in whole seconds and may be deleted up to one earlier."""
        return self._record.grace - 1

    def write_vectors(self, lane: LaneRecord, parts: DenseParts) -> WrittenRows:
        """See `VectorStore.write_vectors`."""
        keys, vectors = concatenate(parts, lane.space.dim)
        if not len(keys):
            return NO_ROWS
        collection = self.lane(lane)
        collection.create_if_missing()
        name = secrets.token_hex(8)
        collection.write_vectors(keys, vectors, name)
        return name, document_runs(document_of(page_of(keys)))

    def write_tokens(self, lane: LaneRecord, parts: TokenParts) -> WrittenRows:
        """See `VectorStore.write_tokens`."""
        keys = np.array([page for pages, _ in parts for page in pages], np.int64)
        if not len(keys):
            return NO_ROWS
        collection = self.lane(lane)
        collection.create_if_missing()
        name = secrets.token_hex(8)
        for pages, rows in parts:
            collection.write_tokens(pages, rows, name)
        return name, document_runs(document_of(keys))

    def vectors(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> QdrantDenseView:
        """See `VectorStore.vectors`."""
        return QdrantDenseView(self.lane(lane), live, _count_live_rows(connection, lane))

    def tokens(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> QdrantMultiVectorView:
        """See `VectorStore.tokens`."""
        return QdrantMultiVectorView(self.lane(lane), live, _count_live_rows(connection, lane))

    def lexical_index(self, engine: Engine) -> LexicalIndex:
        """See `VectorStore.lexical_index`."""
        return QdrantLexicalIndex(self._words, engine)

    def cataloged_keys(self, connection: Connection, lane: LaneRecord) -> NDArray[np.int64]:
        """See `VectorStore.cataloged_keys`."""
        s, r = t.segments.c, t.runs.c
        query = select(r.document, s.name).distinct().join(t.segments, s.id == r.segment).where(s.store == lane.store)
        return self.lane(lane).keys_of_parts({(row.document, row.name) for row in connection.execute(query)})

    def delete_documents(self, manifest: Manifest, documents: Collection[int]) -> None:
        """See `VectorStore.delete_documents`. Points are marked, and stay for `ServerRecord.grace` seconds for searches
        that began before the commit. Where the server does not answer, the next writer deletes them."""
        try:
            for lane in manifest.lanes.values():
                collection = self.lane(lane)
                if collection.exists():
                    collection.delete_documents(documents)
        except StoreError as exc:
            logger.warning("vectors of %d removed documents are left to the next writer: %s", len(documents), exc)

    def compact(self, engine: Engine, manifest: Manifest) -> None:
        """Remove registered names without rows; Qdrant merges its segments itself."""
        del manifest
        s, r = t.segments.c, t.runs.c
        with transaction(engine) as connection:
            connection.execute(delete(t.segments).where(s.id.not_in(select(r.segment))))

    def collect_garbage(self, engine: Engine, lanes: Mapping[str, LaneRecord]) -> None:
        """See `VectorStore.collect_garbage`."""
        d = t.documents.c
        with transaction(engine) as connection:
            known = list(connection.execute(select(d.key).order_by(d.key)).scalars())
            staged = connection.execute(select(d.key, d.pages_in).where(d.live == 0)).all()
        for lane in lanes.values():
            collection = self.lane(lane)
            if not collection.exists():
                continue
            collection.delete_expired()
            for garbage in [*_unknown_documents(known), *(pages_after(key, pages_in) for key, pages_in in staged)]:
                collection.delete(garbage)

    def drop_other_lanes(self, keep: Collection[str]) -> None:
        """Remove the Qdrant collections of other lanes with this prefix."""
        kept = {*keep, WORDS_STORE}
        for name in self._collections():
            if name.removeprefix(f"{self._record.prefix}-") not in kept:
                self._qdrant.call("deleting a collection", QdrantClient.delete_collection, name)

    def remove_all(self) -> None:
        """See `VectorStore.remove_all`."""
        for name in self._collections():
            self._qdrant.call("deleting a collection", QdrantClient.delete_collection, name)

    def require_free(self) -> None:
        """Raise StoreError unless the server answers and has no collections with this prefix."""
        if not self._record.url:
            return
        found = self._collections()
        self.close()
        if found:
            raise StoreError(
                f"expected no collections named {self._record.prefix}-... at {self._record.url}, found {found[0]}: "
                "another collection's vectors. Choose another --prefix."
            )

    def check(self, connection: Connection, lane: LaneRecord, *, deep: bool = False) -> LaneCheck:
        """See `VectorStore.check`: points are counted for each document; `deep` reads all of them."""
        expected, collection = _row_counts(connection, lane), self.lane(lane)
        counts = collection.counts() if collection.exists() else {}
        damaged = {key for key, rows in expected.items() if counts.get(key, 0) != rows}
        problems = [
            f"{lane.name}: document {key}: expected {expected[key]} points at {collection}, found {counts.get(key, 0)}"
            for key in sorted(damaged)
        ]
        unknown = set(counts) - set(expected)
        if unknown:
            rows = sum(counts[key] for key in unknown)
            problems.append(
                f"{lane.name}: {rows} points at {collection} of documents not in the catalog. Run: pagelens index"
            )
        if deep:
            faults = collection.faults(sorted(set(expected) - damaged))
            damaged |= set(faults)
            problems += [f"{lane.name}: document {key} at {collection}: {fault}" for key, fault in faults.items()]
        found = {key: min(counts.get(key, 0), rows) for key, rows in expected.items()}
        return LaneCheck(found, damaged, problems)

    def verify(self, connection: Connection, lane: LaneRecord) -> None:
        """Do nothing: the server verifies its own files."""

    def require_ready(self, connection: Connection, lanes: Iterable[LaneRecord]) -> None:
        """See `VectorStore.require_ready`: the collections of all lanes with rows exist, none in status red."""
        for lane in lanes:
            if _count_live_rows(connection, lane):
                self.lane(lane).require_ready()
        if page_count(connection):
            self._words.require_ready()

    def require_reachable(self) -> None:
        """See `VectorStore.require_reachable`."""
        self._collections()

    def _collections(self) -> list[str]:
        found = self._qdrant.call("listing collections", QdrantClient.get_collections).collections
        ours = re.compile(rf"{re.escape(self._record.prefix)}-{LANE}")  # prefix `a` does not own `a-b-text-...`
        return sorted(collection.name for collection in found if ours.fullmatch(collection.name))

    def run_parallel(self, searches: Sequence[Callable[[], SearchResult]]) -> list[SearchResult]:
        """See `VectorStore.run_parallel`; in local mode one after another."""
        if self._qdrant.local or len(searches) < 2:
            return [search() for search in searches]
        return self._searches.run(searches)

    def close(self) -> None:
        """Close the connections."""
        self._searches.close()
        self._qdrant.close()


def _row_counts(connection: Connection, lane: LaneRecord) -> dict[int, int]:
    """Return the number of rows of each document in a lane, from the catalog."""
    s, r = t.segments.c, t.runs.c
    query = select(r.document, func.sum(r.rows)).join(t.segments, s.id == r.segment).where(s.store == lane.store)
    return {int(key): int(rows) for key, rows in connection.execute(query.group_by(r.document))}


def _count_live_rows(connection: Connection, lane: LaneRecord) -> int:
    """Return the number of rows of live documents in a lane."""
    s, r, d = t.segments.c, t.runs.c, t.documents.c
    query = select(func.coalesce(func.sum(r.rows), 0)).join(t.segments, s.id == r.segment)
    live = query.join(t.documents, d.key == r.document).where(s.store == lane.store, d.live == 1)
    return int(connection.execute(live).scalar_one())


def _unknown_documents(known: Sequence[int]) -> list[models.Filter]:
    """Return filters for points of documents that are not in `known`, the sorted keys of all documents."""
    starts = range(0, max(1, len(known)), LISTED)
    ends = [known[start + LISTED - 1] if start + LISTED < len(known) else None for start in starts]
    before = [None, *ends[:-1]]
    spans = zip(starts, before, ends, strict=True)
    return [of_unknown_documents(known[start : start + LISTED], after, until) for start, after, until in spans]
