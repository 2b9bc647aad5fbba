"""A collection's vectors on Qdrant: see `pagelens.index.stores.vector_store` for what a store does.

Points are written, and waited for, before the catalog names them; `segments` and `runs` say how many rows each document
has in a lane, so that `check` can tell what is missing. Points of documents that the catalog has forgotten are
marked after its commit, and removed when no search can be looking for them any more; what is left over by a crash is
removed by the next writer, before anything else: points of documents that the catalog does not have, and pages of
half-read documents behind those that were committed.
"""

import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from sqlalchemy import Connection, Engine, delete, func, select

from pagelens.core.errors import StoreError
from pagelens.core.keys import document_of, page_of
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import page_count, transaction
from pagelens.index.lane_queries import SearchResult
from pagelens.index.lane_rows import runs_of
from pagelens.index.layout import LaneRecord, Layout, Manifest, ServerRecord
from pagelens.index.lexical.lexical_index import LexicalIndex
from pagelens.index.lexical.local_words import EmbeddedWords
from pagelens.index.lexical.qdrant_sparse import WordsCollection
from pagelens.index.lexical.qdrant_words import WORDS_STORE, QdrantWords
from pagelens.index.stores.qdrant.connection import KEY, PARALLEL_REQUESTS, Qdrant, RequestPool, connect
from pagelens.index.stores.qdrant.lane import QdrantLane
from pagelens.index.stores.qdrant.lane_search import QdrantTokens, QdrantVectors
from pagelens.index.stores.qdrant.points import beyond, gone_until, strangers
from pagelens.index.stores.vector_store import NOTHING, DenseParts, LaneCheck, TokenParts, Written

logger = logging.getLogger(__name__)

LANE = r"[a-z_]+-([0-9a-f]{8}|v\d+)"  # what a lane is called behind the prefix: `LaneRecord.store`, WORDS_STORE
NAMED = 10_000  # documents named in one request


class QdrantStore:
    """See `VectorStore`."""

    def __init__(self, qdrant: Qdrant, record: ServerRecord, layout: Layout) -> None:
        self._qdrant, self._record, self._layout = qdrant, record, layout
        self._lanes: dict[str, QdrantLane] = {}
        self._searches = RequestPool(PARALLEL_REQUESTS, "qdrant")
        self._words = WordsCollection(qdrant, f"{record.prefix}-{WORDS_STORE}", record)

    @classmethod
    def open(cls, layout: Layout, record: ServerRecord) -> "QdrantStore":
        """Return the store that a manifest names; the key comes from the environment."""
        return cls(connect(record, layout.qdrant, key=os.environ.get(KEY) or None), record, layout)

    def lane(self, lane: LaneRecord) -> QdrantLane:
        """Return a lane's collection, there or not."""
        if lane.store not in self._lanes:
            name = f"{self._record.prefix}-{lane.store}"
            self._lanes[lane.store] = QdrantLane(self._qdrant, name, lane.space, self._record)
        return self._lanes[lane.store]

    @property
    def lasting(self) -> float:
        """See `VectorStore.lasting`. Points are marked in whole seconds: they may go one earlier."""
        return self._record.grace - 1

    def write_vectors(self, lane: LaneRecord, parts: DenseParts) -> Written:
        """See `VectorStore.write_vectors`."""
        found = [(rows.keys(pages), rows.vectors) for pages, rows in parts if len(rows.vectors)]
        if not found:
            return NOTHING
        keys = np.concatenate([one for one, _ in found])
        there = self.lane(lane)
        there.make()
        part = secrets.token_hex(8)
        there.write_vectors(keys, np.concatenate([one for _, one in found]), part)
        return part, runs_of(document_of(page_of(keys)))

    def write_tokens(self, lane: LaneRecord, parts: TokenParts) -> Written:
        """See `VectorStore.write_tokens`."""
        found = [(pages, rows) for pages, rows in parts if len(pages)]
        if not found:
            return NOTHING
        there = self.lane(lane)
        there.make()
        part = secrets.token_hex(8)
        for pages, rows in found:
            there.write_tokens(pages, rows, part)
        return part, runs_of(document_of(np.array([page for pages, _ in found for page in pages], np.int64)))

    def vectors(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> QdrantVectors:
        """See `VectorStore.vectors`."""
        return QdrantVectors(self.lane(lane), live, _rows(connection, lane))

    def tokens(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> QdrantTokens:
        """See `VectorStore.tokens`."""
        return QdrantTokens(self.lane(lane), live, _rows(connection, lane))

    def lexical(self, engine: Engine) -> LexicalIndex:
        """See `VectorStore.lexical`."""
        if not self._record.words:
            return EmbeddedWords(self._layout.words, engine)
        return QdrantWords(self._words, engine, grace=self._record.grace)

    def named_keys(self, connection: Connection, lane: LaneRecord) -> NDArray[np.int64]:
        """See `VectorStore.named_keys`."""
        s, r = t.segments.c, t.runs.c
        query = select(r.document, s.name).distinct().join(t.segments, s.id == r.segment).where(s.store == lane.store)
        return self.lane(lane).named_keys({(row.document, row.name) for row in connection.execute(query)})

    def forget(self, manifest: Manifest, documents: Collection[int]) -> None:
        """See `VectorStore.forget`. Points stay for `ServerRecord.grace`, for searches that began before the commit;
        those whose time is over go. Where the server does not answer now, the next writer sweeps."""
        now = int(time.time())
        try:
            for lane in manifest.lanes.values():
                there = self.lane(lane)
                if there.exists():
                    there.give_up(sorted(documents), now)
                    there.delete(gone_until(now - self._record.grace))
        except StoreError as exc:
            logger.warning("vectors of %d forgotten documents are left to the next sweep: %s", len(documents), exc)

    def merge(self, engine: Engine, manifest: Manifest) -> None:
        """Forget names without rows; Qdrant merges its own segments."""
        s, r = t.segments.c, t.runs.c
        with transaction(engine) as connection:
            connection.execute(delete(t.segments).where(s.id.not_in(select(r.segment))))

    def sweep(self, engine: Engine, lanes: Mapping[str, LaneRecord]) -> None:
        """See `VectorStore.sweep`."""
        d = t.documents.c
        with transaction(engine) as connection:
            known = list(connection.execute(select(d.key).order_by(d.key)).scalars())
            staged = connection.execute(select(d.key, d.pages_in).where(d.live == 0)).all()
        for lane in lanes.values():
            there = self.lane(lane)
            if not there.exists():
                continue
            there.delete(gone_until(int(time.time()) - self._record.grace))
            for which in [*_gaps(known), *(beyond(key, pages_in) for key, pages_in in staged)]:
                there.delete(which)

    def drop_others(self, keep: Collection[str]) -> None:
        """Remove the collections of other lanes under our prefix."""
        kept = {*keep, WORDS_STORE} if self._record.words else keep
        for name in self._collections():
            if name.removeprefix(f"{self._record.prefix}-") not in kept:
                self._qdrant.call("removing vectors", QdrantClient.delete_collection, name)

    def remove_all(self) -> None:
        """See `VectorStore.remove_all`."""
        for name in self._collections():
            self._qdrant.call("removing vectors", QdrantClient.delete_collection, name)

    def require_free(self) -> None:
        """Raise StoreError unless the server answers and holds nothing under our prefix."""
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
        """See `VectorStore.check`: points are counted, document by document; `deep` reads every one."""
        named, there = _named(connection, lane), self.lane(lane)
        counts = there.counts() if there.exists() else {}
        damaged = {key for key, rows in named.items() if counts.get(key, 0) != rows}
        problems = [
            f"{lane.name}: document {key}: expected {named[key]} points at {there}, found {counts.get(key, 0)}"
            for key in sorted(damaged)
        ]
        strange = sorted(set(counts) - set(named))
        if strange:
            rows = sum(counts[key] for key in strange)
            problems.append(
                f"{lane.name}: {rows} points at {there} of documents that are not in the catalog. Run: pagelens index"
            )
        if deep:
            faults = there.faults(sorted(set(named) - damaged))
            damaged |= set(faults)
            problems += [f"{lane.name}: document {key} at {there}: {fault}" for key, fault in faults.items()]
        return LaneCheck({key: min(counts.get(key, 0), rows) for key, rows in named.items()}, damaged, problems)

    def require_ready(self, connection: Connection, lanes: Iterable[LaneRecord]) -> None:
        """See `VectorStore.require_ready`: each lane that has rows is there, and no part of it is lost."""
        for lane in lanes:
            if _rows(connection, lane):
                self.lane(lane).require_ready()
        if self._record.words and page_count(connection):
            self._words.require_ready()

    def require_reachable(self) -> None:
        """See `VectorStore.require_reachable`."""
        self._collections()

    def _collections(self) -> list[str]:
        found = self._qdrant.call("listing collections", QdrantClient.get_collections).collections
        ours = re.compile(rf"{re.escape(self._record.prefix)}-{LANE}")  # `a` must not take `a-b-text-...` for its own
        return sorted(one.name for one in found if ours.fullmatch(one.name))

    def run_parallel(self, searches: Sequence[Callable[[], SearchResult]]) -> list[SearchResult]:
        """All at once, each on a connection of its own; Qdrant's local mode is asked one by one."""
        if self._qdrant.local or len(searches) < 2:
            return [search() for search in searches]
        return self._searches.run(searches)

    def close(self) -> None:
        """Give up the connections."""
        self._searches.close()
        self._qdrant.close()


def _named(connection: Connection, lane: LaneRecord) -> dict[int, int]:
    """Return how many rows each document has in a lane, by the catalog."""
    s, r = t.segments.c, t.runs.c
    query = select(r.document, func.sum(r.rows)).join(t.segments, s.id == r.segment).where(s.store == lane.store)
    return {int(key): int(rows) for key, rows in connection.execute(query.group_by(r.document))}


def _rows(connection: Connection, lane: LaneRecord) -> int:
    """Return how many rows live documents have in a lane."""
    s, r, d = t.segments.c, t.runs.c, t.documents.c
    query = select(func.coalesce(func.sum(r.rows), 0)).join(t.segments, s.id == r.segment)
    live = query.join(t.documents, d.key == r.document).where(s.store == lane.store, d.live == 1)
    return int(connection.execute(live).scalar_one())


def _gaps(known: Sequence[int]) -> list[models.Filter]:
    """Return filters for points of documents that are not known, which are sorted."""
    starts = range(0, max(1, len(known)), NAMED)
    ends = [known[start + NAMED - 1] if start + NAMED < len(known) else None for start in starts]
    before = [None, *ends[:-1]]
    return [strangers(known[s : s + NAMED], after, until) for s, after, until in zip(starts, before, ends, strict=True)]
