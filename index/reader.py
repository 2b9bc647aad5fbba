"""A collection opened for reading: whole commits, any number of readers, beside a writer or not.

A `Snapshot` is one read transaction of the catalog with the vectors and the lexical index that belong to it; what it
hands out does not change while it is open, whatever a writer does.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, inspect, select

from pagelens.core.errors import CollectionDamaged, CollectionLocked, CollectionMismatch, SnapshotExpired, StoreError
from pagelens.index import originals
from pagelens.index.admin.check import find_damage
from pagelens.index.catalog import databases, reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import DocumentRow, Failure, PageRow, transaction
from pagelens.index.files.file_store import FileStore
from pagelens.index.files.file_store_factory import open_file_store
from pagelens.index.lane_queries import DenseQuery, LaneQuery, MultiVectorQuery, SearchResult, best_row_per_page
from pagelens.index.layout import LaneRecord, Layout, load, writer_lock
from pagelens.index.lexical.lexical_index import LexicalIndex, SnapshotWords
from pagelens.index.stores.factory import open_store
from pagelens.index.stores.vector_store import LaneTokens, LaneVectors, VectorStore

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

TRIES = 5  # looks at a catalog whose segments a writer merged away in the same moment


class View:
    """What readers of one generation share. Built from one snapshot, never changed."""

    def __init__(self, generation: int, connection: Connection, store: VectorStore, words: LexicalIndex) -> None:
        self.generation = generation
        d = t.documents.c
        rows = connection.execute(select(d.key, d.page_count).where(d.live == 1).order_by(d.key)).all()
        self.live = np.array([row.key for row in rows], np.int64)
        self.page_count: int = sum(row.page_count for row in rows)
        self.words = words.view(connection, self.live, self.page_count)
        self._store = store
        self._vectors: dict[str, LaneVectors] = {}
        self._tokens: dict[str, LaneTokens] = {}
        self._documents: dict[int, DocumentRow] | None = None

    def load_documents(self, connection: Connection) -> dict[int, DocumentRow]:
        """Return every live document by key, read once."""
        if self._documents is None:
            self._documents = reads.read_documents(connection)
        return self._documents

    def require_ready(self, connection: Connection, lanes: Iterable[LaneRecord]) -> None:
        """See `VectorStore.require_ready`."""
        self._store.require_ready(connection, lanes)

    def run_parallel(self, searches: Sequence[Callable[[], SearchResult]]) -> list[SearchResult]:
        """See `VectorStore.run_parallel`."""
        return self._store.run_parallel(searches)

    def load_vectors(self, connection: Connection, lane: LaneRecord) -> LaneVectors:
        """Return a lane's vectors, read once."""
        if lane.store not in self._vectors:
            self._vectors[lane.store] = self._store.vectors(connection, lane, self.live)
        return self._vectors[lane.store]

    def load_tokens(self, connection: Connection, lane: LaneRecord) -> LaneTokens:
        """Return a many-vector lane's pages, read once."""
        if lane.store not in self._tokens:
            self._tokens[lane.store] = self._store.tokens(connection, lane, self.live)
        return self._tokens[lane.store]


class Snapshot:
    """One commit of a collection, held open."""

    def __init__(
        self, connection: Connection, view: View, lanes: Mapping[str, LaneRecord], require_whole: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._view = view
        self._lanes = lanes
        self.require_whole = require_whole
        """Raise SnapshotExpired where rows of this commit may have gone while it was held: what was found so far may
        lack documents that were replaced since."""

    @property
    def generation(self) -> int:
        """The number of the commit."""
        return self._view.generation

    @property
    def live(self) -> NDArray[np.int64]:
        """Sorted keys of the documents that can be found."""
        return self._view.live

    @property
    def page_count(self) -> int:
        """Pages of all documents that can be found."""
        return self._view.page_count

    @property
    def words(self) -> SnapshotWords:
        """The lexical index."""
        return SnapshotWords(self._view.words, self._connection)

    def require_ready(self) -> None:
        """Raise StoreError unless searches are answered at this moment by what holds the vectors."""
        self._view.require_ready(self._connection, self._lanes.values())

    def vectors(self, lane: str) -> LaneVectors:
        """Return the vectors of a lane of one each."""
        return self._view.load_vectors(self._connection, self._lanes[lane])

    def tokens(self, lane: str) -> LaneTokens:
        """Return the pages of a lane of many vectors each."""
        return self._view.load_tokens(self._connection, self._lanes[lane])

    def search(self, queries: Sequence[LaneQuery]) -> list[SearchResult]:
        """Return the result of each query. On a server they run at the same time."""
        return self._view.run_parallel([self._prepare(query) for query in queries])

    def _prepare(self, query: LaneQuery) -> Callable[[], SearchResult]:
        """Return a search that no longer reads the catalog, whose one connection threads cannot share."""
        k, selection = query.k, query.selection
        if isinstance(query, DenseQuery):
            rows = partial(self.vectors(query.lane).search, query.vector, selection=selection)
            return partial(best_row_per_page, rows, k)
        if isinstance(query, MultiVectorQuery):
            return partial(self.tokens(query.lane).search, query.tokens, k, selection=selection)
        self._view.words.load_frequencies(self._connection, query.terms)
        return partial(self._view.words.search, query.terms, k, selection=selection)

    @property
    def documents(self) -> dict[int, DocumentRow]:
        """Every live document by key."""
        return self._view.load_documents(self._connection)

    def document_rows(self, keys: Sequence[int]) -> dict[int, DocumentRow]:
        """Return some live documents by key."""
        return reads.read_documents(self._connection, keys)

    def pages(self, keys: Sequence[int]) -> dict[int, PageRow]:
        """Return pages by key, with words and boxes."""
        return reads.read_pages(self._connection, keys)

    def labelled(self, documents: Sequence[int], label: str) -> list[int]:
        """Return the pages of some documents that carry a printed label."""
        return reads.labels(self._connection, documents, label)

    def looks(self, keys: Sequence[int] | None = None) -> dict[int, int]:
        """Return what live pages look like, 64 bits by page key: of some, or of all that have a picture."""
        return reads.read_looks(self._connection, keys)

    def missing_files(self, files: FileStore) -> Mapping[str, str]:
        """See `originals.missing`."""
        return originals.missing(self._connection, files)

    def failures(self) -> list[Failure]:
        """Return the files that could not be read."""
        return reads.read_failures(self._connection)

    def catalog_rows(self, documents: Sequence[int]) -> dict[Table, list[dict[str, object]]]:
        """Return the catalog's rows of some documents by table, but for their paths, as they may be inserted."""
        columns = {t.documents: t.documents.c.key, t.pages: t.pages.c.document, t.looks: t.looks.c.document}
        there = {name: column for name, column in columns.items() if inspect(self._connection).has_table(name.name)}
        return {
            table: reads.read_rows(self._connection, select(table).where(column.in_(documents)))
            for table, column in there.items()
        }

    def other_rows(self) -> tuple[dict[Table, list[dict[str, object]]], int]:
        """Return paths of live documents and failures likewise, and the key of the next document."""
        live = select(t.paths).join(t.documents, t.documents.c.key == t.paths.c.document).where(t.documents.c.live == 1)
        rows = {t.paths: live, t.failures: select(t.failures)}
        following = self._connection.execute(select(t.state.c.next_document)).scalar_one()
        return {table: reads.read_rows(self._connection, query) for table, query in rows.items()}, int(following)

    def unread_pages(self) -> list[tuple[str, int, str]]:
        """Return (title, number, problem) of live pages that were read in part or not at all."""
        return reads.read_problems(self._connection)

    def textless(self) -> int:
        """Return how many live pages have no words on them."""
        return reads.count_textless(self._connection)


class CollectionReader:
    """Opens snapshots of a collection. Safe to share between threads. Raises CollectionNotFound."""

    def __init__(self, root: Path, *, micro_batching: bool = True, clock: Callable[[], float] = time.time) -> None:
        """`micro_batching`: see `pagelens.index.stores.factory.open_store`; `clock` tells seconds: how long a snapshot is held."""
        self._clock = clock
        self.layout = Layout(root)
        self.manifest = load(self.layout)
        self._engine = databases.open_for_reading(self.layout, self.manifest)
        self._store = open_store(self.layout, self.manifest, micro_batching=micro_batching)
        self._words = self._store.lexical(self._engine)
        self.files = open_file_store(self.layout, self.manifest)
        self._view: View | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give up the connections."""
        self._engine.dispose()
        self._store.close()

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Hold the newest commit open. Raises CollectionMismatch where the collection was moved to other models, also
        while it is held: what it looks at is not there any more."""
        for attempt in range(TRIES):
            began = self._clock()
            with transaction(self._engine) as connection:
                try:
                    view = self._current(connection)
                    whole = partial(self._require_whole, view.generation, began)
                    snapshot = Snapshot(connection, view, self.manifest.lanes, whole)
                    for name, lane in self.manifest.lanes.items():
                        (snapshot.tokens if lane.space.multi_vector else snapshot.vectors)(name)
                except FileNotFoundError as exc:  # merged away after this transaction began: a newer one knows better
                    if attempt == TRIES - 1:
                        raise CollectionDamaged(f"a segment is missing: {exc}. Run: pagelens doctor") from exc
                    self._view = None
                    continue
                try:
                    yield snapshot
                except StoreError:
                    self.require_same_models()
                    raise
                return

    def read(self, work: Callable[[Snapshot], Result]) -> Result:
        """Return what `work` makes of the newest commit; of a newer one where it took so long that rows went meanwhile.
        Raises SnapshotExpired when that happens again and again."""
        for attempt in range(TRIES):
            with self.snapshot() as snapshot:
                try:
                    found = work(snapshot)
                    snapshot.require_whole()
                    return found
                except SnapshotExpired as exc:
                    if attempt == TRIES - 1:
                        raise
                    logger.info("looked at once more: %s", exc)
        raise AssertionError("the last try returns or raises")

    def _require_whole(self, generation: int, began: float) -> None:
        lasting, age = self._store.lasting, self._clock() - began
        if lasting is None or age <= lasting:
            return
        with transaction(self._engine) as connection:
            newest = reads.generation(connection)
        if newest != generation:
            found = f"found it held for {age:.0f}, and a newer one: replaced rows of it may be gone. Begin again."
            raise SnapshotExpired(f"expected a look at a commit of {max(lasting, 0):.0f} seconds at most, {found}")

    def require_same_models(self) -> None:
        """Raise CollectionMismatch where the collection was moved to other models since it was opened."""
        found = load(self.layout)
        if {lane.store for lane in found.lanes.values()} != {lane.store for lane in self.manifest.lanes.values()}:
            raise CollectionMismatch(
                f"expected {self.layout.root} with profile {self.manifest.profile!r}, as it was opened, found "
                f"{found.profile!r}: it was moved to other models in the meantime. Open it again."
            )
        self.manifest = found

    def check(self, *, deep: bool = False) -> list[str]:
        """Return what is wrong with the collection at rest, in words; see `pagelens.index.admin.check`."""
        with transaction(self._engine) as connection:
            self._current(connection)
            found = find_damage(connection, self._store, self.manifest, self._words, deep=deep).problems
            return found + (originals.problems(connection, self.files) if self.manifest.files else [])

    def _current(self, connection: Connection) -> View:
        generation = reads.generation(connection)
        with self._lock:
            if self._view is None or self._view.generation != generation:
                self.require_same_models()
                if not self._words.in_step(generation):
                    self._catch_up()
                self._view = View(generation, connection, self._store, self._words)
            return self._view

    def _catch_up(self) -> None:
        """Bring the lexical index in step if nobody writes; a writer keeps it in step itself."""
        try:
            with writer_lock(self.layout, patience=0.0):
                self._words.sync()
                self._words.close()
        except (CollectionLocked, PermissionError) as exc:
            logger.info("words lane not brought in step: %s", exc)
