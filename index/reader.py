"""A collection opened for reading, by any number of readers, while a writer may be at work.

A `Snapshot` is one read transaction of the catalog with the vectors and the lexical index of the same commit; its
results do not change while it is open.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, inspect, select

from pagelens.core.caching import LRUCache
from pagelens.core.descriptions import Description
from pagelens.core.errors import (
    CollectionDamaged,
    CollectionLocked,
    CollectionMismatch,
    CollectionReadOnly,
    DiskFull,
    SnapshotExpired,
    StoreError,
)
from pagelens.core.labels import PageLabel, StoredLabelSet
from pagelens.core.metadata_fields import Field
from pagelens.core.types import Filters
from pagelens.index import original_files
from pagelens.index.catalog import (
    checksums,
    databases,
    description_rows,
    label_rows,
    metadata_records,
    reads,
    unembedded,
)
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.label_rows import LabelTable
from pagelens.index.catalog.reads import DocumentRow, Failure, PageRow, UnreadFile
from pagelens.index.catalog.transactions import transaction
from pagelens.index.check import find_damage
from pagelens.index.files.file_store import FileStore
from pagelens.index.files.file_store_factory import open_file_store
from pagelens.index.lane_queries import (
    NO_RESULT,
    DenseQuery,
    LaneQuery,
    LexicalQuery,
    MultiVectorQuery,
    SearchResult,
    best_row_per_page,
)
from pagelens.index.layout import LaneRecord, Layout, describe_unfinished, load, writer_lock
from pagelens.index.lexical.bm25 import idf
from pagelens.index.lexical.lexical_index import LexicalIndex, LexicalView, read_texts
from pagelens.index.lexical.vocabulary import Vocabulary, VocabularyCache
from pagelens.index.selection import Selection, complement, intersection, select_pages
from pagelens.index.stores.store_factory import open_store
from pagelens.index.stores.vector_store import DenseView, MultiVectorView, VectorStore

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_NO_PAGES = np.zeros(0, np.int64)
CACHED_PAGE_BYTES = 32 << 20  # of pages with their words and boxes, about 2,000 pages of text
PAGE_BYTES = 1_000  # that a page takes beside its text, its words and their boxes
ATTEMPTS = 5  # to open a commit whose segments a writer compacts at the same moment


def _page_bytes(row: PageRow) -> int:
    described = 0 if row.description is None else len(row.description.words)
    texts = len(row.text.text) + len(row.caption) + described
    return PAGE_BYTES + texts + row.text.spans.nbytes + row.text.boxes.nbytes


class CommitView:
    """Data of one commit that all its snapshots share: documents, lane views, the lexical view. Loaded once."""

    def __init__(
        self,
        generation: int,
        connection: Connection,
        store: VectorStore,
        words: LexicalIndex,
        vocabulary: VocabularyCache,
    ) -> None:
        self.generation = generation
        self.vocabulary = vocabulary
        d = t.documents.c
        rows = connection.execute(select(d.key, d.page_count).where(d.live == 1).order_by(d.key)).all()
        self.live = np.array([row.key for row in rows], np.int64)
        self.page_count: int = sum(row.page_count for row in rows)
        self.words: LexicalView = words.view(connection, self.live, self.page_count)
        self.damaged = {"words": self.words.problem} if self.words.problem else {}  # lane -> what is wrong with it
        self._store = store
        self._vectors: dict[str, DenseView] = {}
        self._tokens: dict[str, MultiVectorView] = {}
        self._documents: dict[int, DocumentRow] | None = None
        self._pages: LRUCache[PageRow] = LRUCache(CACHED_PAGE_BYTES, weigh=_page_bytes)
        self._whole: set[int] = set()  # documents whose rows are as they were written
        self._described: bool | None = None  # whether any page has a description
        self._fields: dict[str, Field] | None = None
        self._labels: LabelTable | None = None
        self.unembedded = unembedded.pages_by_store(connection)

    def load_documents(self, connection: Connection) -> dict[int, DocumentRow]:
        """Return all live documents by key."""
        if self._documents is None:
            self._documents = reads.read_documents(connection)
        return self._documents

    def load_pages(self, connection: Connection, keys: Sequence[int]) -> dict[int, PageRow]:
        """Return pages by key; those read last are kept, except damaged ones."""
        found = {key: row for key in keys if (row := self._pages.find(key)) is not None}
        missing = [key for key in keys if key not in found]
        read = self._read_pages(connection, missing) if missing else {}
        for key, row in read.items():
            if row.problem != reads.DAMAGED:
                self._pages.put(key, row)
        return {key: row for key in sorted(keys) if (row := found.get(key) or read.get(key)) is not None}

    def _read_pages(self, connection: Connection, keys: Sequence[int]) -> dict[int, PageRow]:
        if self._described is None:
            self._described = description_rows.any_stored(connection)
        return reads.read_pages(connection, keys, whole=self._whole, described=self._described)

    def load_fields(self, connection: Connection) -> dict[str, Field]:
        """Return the fields of metadata tables by name."""
        if self._fields is None:
            self._fields = metadata_records.read_fields(connection)
        return self._fields

    def load_labels(self, connection: Connection) -> LabelTable:
        """Return which pages have which labels."""
        if self._labels is None:
            self._labels = label_rows.read_table(connection)
        return self._labels

    def require_ready(self, connection: Connection, lanes: Iterable[LaneRecord]) -> None:
        """See `VectorStore.require_ready`."""
        self._store.require_ready(connection, lanes)

    def verify(self, connection: Connection, lane: LaneRecord) -> None:
        """See `VectorStore.verify`."""
        self._store.verify(connection, lane)

    def run_parallel(self, searches: Sequence[Callable[[], SearchResult]]) -> list[SearchResult]:
        """See `VectorStore.run_parallel`."""
        return self._store.run_parallel(searches)

    def load_vectors(self, connection: Connection, lane: LaneRecord) -> DenseView:
        """Return the view of a lane with one vector a row. Raises CollectionDamaged, now and later."""
        if lane.store not in self._vectors:
            with self._damage_reported(lane.name):
                self._vectors[lane.store] = self._store.vectors(connection, lane, self.live)
        return self._vectors[lane.store]

    def load_tokens(self, connection: Connection, lane: LaneRecord) -> MultiVectorView:
        """Return the view of a multi-vector lane. Raises like `load_vectors`."""
        if lane.store not in self._tokens:
            with self._damage_reported(lane.name):
                self._tokens[lane.store] = self._store.tokens(connection, lane, self.live)
        return self._tokens[lane.store]

    @contextmanager
    def _damage_reported(self, lane: str) -> Iterator[None]:
        if lane in self.damaged:
            raise CollectionDamaged(self.damaged[lane])
        try:
            yield
        except CollectionDamaged as exc:
            logger.warning("the %s lane is left out: %s", lane, exc)
            self.damaged[lane] = str(exc)
            raise


class Snapshot:
    """One commit of a collection, held open for reading."""

    def __init__(
        self,
        connection: Connection,
        view: CommitView,
        lanes: Mapping[str, LaneRecord],
        require_unexpired: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._view = view
        self._lanes = lanes
        self.require_unexpired = require_unexpired
        """Raise SnapshotExpired where the snapshot was open so long that replaced rows of its commit may be deleted and
        missing from results."""

    @property
    def generation(self) -> int:
        """The number of the commit."""
        return self._view.generation

    @property
    def lanes(self) -> Mapping[str, LaneRecord]:
        """The collection's lanes with their models."""
        return self._lanes

    @property
    def live(self) -> NDArray[np.int64]:
        """The sorted keys of all live documents."""
        return self._view.live

    @property
    def page_count(self) -> int:
        """The number of pages of all live documents."""
        return self._view.page_count

    def unembedded(self, lane: str) -> NDArray[np.int64]:
        """Return the sorted keys of the pages that have no rows in a lane yet, since their vectors are made later."""
        return self._view.unembedded.get(self._lanes[lane].store, _NO_PAGES) if lane in self._lanes else _NO_PAGES

    def coverage(self) -> dict[str, float]:
        """Return the share of the pages that each lane has, 0 to 1, of those that it is to have."""
        documents = self.documents.values() if self._view.unembedded else ()
        photos = sum(row.document.kind == "photo" for row in documents)
        shares = {"words": 1.0}
        for name, lane in self._lanes.items():
            count = photos if lane.covers == "photos" else self.page_count
            shares[name] = 1.0 - len(self.unembedded(name)) / count if count else 1.0
        return shares

    @property
    def damaged(self) -> Mapping[str, str]:
        """The lanes that find nothing because their stored data is damaged, each with what is wrong."""
        return self._view.damaged

    def verify(self) -> None:
        """Raise CollectionDamaged where rows of the commit are not those that were written: called before they are
        copied, lest damage gets a fresh hash. Raises SnapshotExpired where a writer has replaced a segment since."""
        problems = [problem for lane, problem in self.damaged.items() if lane in self._lanes]
        try:
            for lane in self._lanes.values() if not problems else ():
                self._view.verify(self._connection, lane)
        except FileNotFoundError as exc:
            raise SnapshotExpired(f"expected the segments of one commit, found one replaced: {exc}") from exc
        problems += checksums.damaged_rows(self._connection).values()
        if problems:
            raise CollectionDamaged("; ".join(problems[:3]))

    @property
    def words(self) -> LexicalView:
        """The view of the `words` lane."""
        return self._view.words

    def idf(self, terms: Sequence[str]) -> dict[str, float]:
        """Return the inverse document frequency of each analyzed term: ln(1 + (N - n + .5) / (n + .5))."""
        if "words" in self.damaged:
            return dict.fromkeys(terms, 0.0)
        return self._view.words.idf(self._connection, terms)

    def known(self, terms: Sequence[str]) -> set[str]:
        """Return those of analyzed terms that at least one page has; all where the lexical index is damaged."""
        none = idf(len(self._view.words), 0)
        return {term for term, value in self.idf(terms).items() if value < none}

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of all pages."""
        return self._view.vocabulary.read(self._connection)

    def require_ready(self) -> None:
        """Raise StoreError unless the vector store can answer searches now."""
        self._view.require_ready(self._connection, self._lanes.values())

    def vectors(self, lane: str) -> DenseView:
        """Return the view of a lane with one vector a row."""
        return self._view.load_vectors(self._connection, self._lanes[lane])

    def tokens(self, lane: str) -> MultiVectorView:
        """Return the view of a multi-vector lane."""
        return self._view.load_tokens(self._connection, self._lanes[lane])

    def search(self, queries: Sequence[LaneQuery]) -> list[SearchResult]:
        """Return the result of each query; a damaged lane finds nothing. On a server they run at the same time."""
        return self._view.run_parallel([partial(self._search, query, self._prepare(query)) for query in queries])

    def _search(self, query: LaneQuery, search: Callable[[], SearchResult]) -> SearchResult:
        try:
            return search()
        except CollectionDamaged as exc:
            logger.warning("a lane is left out: %s", exc)
            self._view.damaged[_lane_of(query)] = str(exc)
            return NO_RESULT

    def _prepare(self, query: LaneQuery) -> Callable[[], SearchResult]:
        """Return a search that does not read the catalog: threads cannot share its connection."""
        k, selection = query.k, query.selection
        if _lane_of(query) in self.damaged:
            return lambda: NO_RESULT
        if isinstance(query, DenseQuery):
            rows = partial(self.vectors(query.lane).search, query.vector, selection=selection)
            return partial(best_row_per_page, rows, k)
        if isinstance(query, MultiVectorQuery):
            return partial(self.tokens(query.lane).search, query.tokens, k, selection=selection)
        return self._view.words.prepare(self._connection, query)

    @property
    def documents(self) -> dict[int, DocumentRow]:
        """All live documents by key."""
        return self._view.load_documents(self._connection)

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of metadata tables by name."""
        return self._view.load_fields(self._connection)

    def first_captions(self) -> dict[int, str]:
        """See `reads.read_first_captions`."""
        return reads.read_first_captions(self._connection)

    def document_rows(self, keys: Sequence[int]) -> dict[int, DocumentRow]:
        """Return live documents by key."""
        documents = self._view.load_documents(self._connection)
        return {key: documents[key] for key in sorted(keys) if key in documents}

    def pages(self, keys: Sequence[int]) -> dict[int, PageRow]:
        """Return pages by key, with words and boxes."""
        return self._view.load_pages(self._connection, keys)

    def pages_with_label(self, documents: Sequence[int], label: str) -> list[int]:
        """Return the keys of the pages of these documents with a printed label."""
        return reads.pages_with_label(self._connection, documents, label)

    def perceptual_hashes(self, keys: Sequence[int] | None = None) -> dict[int, int]:
        """Return the 64-bit perceptual hashes of live pages by key: of these pages, or of all that have an image."""
        return reads.read_perceptual_hashes(self._connection, keys)

    def label_sets(self) -> list[StoredLabelSet]:
        """Return the label sets that were applied, by name."""
        return label_rows.read_sets(self._connection)

    def labels_of(self, pages: Sequence[int]) -> dict[int, list[PageLabel]]:
        """Return the labels of pages that have any, the most probable first."""
        return label_rows.read_labels(self._connection, pages) if len(self.label_table.pages) else {}

    def select(self, filters: Filters) -> Selection | None:
        """Return the selection of the filters; None when they exclude nothing. Raises UsageError."""
        own = replace(filters, all_of=(), none_of=())
        labelled = self.label_table.pages_with(filters.labels) if filters.labels else None
        selection = select_pages(list(self.documents.values()), own, self.fields, labelled)
        for condition in filters.all_of:
            selection = intersection(selection, self.select(condition))
        for condition in filters.none_of:
            selection = intersection(selection, complement(self.select(condition), self.live))
        return selection

    def texts(self, keys: NDArray[np.int64]) -> Iterator[tuple[int, str, str]]:
        """Yield the keys of pages, their texts and their captions."""
        return read_texts(self._connection, keys)

    @property
    def label_table(self) -> LabelTable:
        """Which pages have which labels."""
        return self._view.load_labels(self._connection)

    def descriptions(self) -> dict[int, Description]:
        """Return what vision models wrote about the images of live pages, by page key, in order."""
        return description_rows.read_all(self._connection)

    def has_unapplied_descriptions(self) -> bool:
        """See `description_rows.any_unapplied`."""
        return description_rows.any_unapplied(self._connection)

    def missing_files(self, files: FileStore) -> Mapping[str, str]:
        """See `original_files.missing`."""
        return original_files.missing(self._connection, files)

    def failures(self) -> list[Failure]:
        """Return the files that could not be read."""
        return reads.read_failures(self._connection)

    def unread_files(self) -> list[UnreadFile]:
        """Return the files of indexed folders and containers that are not read."""
        return reads.read_unread_files(self._connection)

    def document_rows_by_table(self, documents: Sequence[int]) -> dict[Table, list[dict[str, object]]]:
        """Return the catalog's rows of these documents by table, without their paths, ready to be inserted."""
        facts = (t.perceptual_hashes, t.table_outlines, t.checksums, t.path_facts, t.descriptions, t.unembedded)
        others = {table: table.c.document for table in (t.pages, *facts)}
        columns = {t.documents: t.documents.c.key, **others}
        return {
            table: reads.read_rows(self._connection, select(table).where(column.in_(documents)))
            for table, column in columns.items()
            if inspect(self._connection).has_table(table.name)
        }

    def path_and_failure_rows(self) -> tuple[dict[Table, list[dict[str, object]]], int]:
        """Return the paths of live documents, failures and unread files likewise, and the key of the next document."""
        live = select(t.paths).join(t.documents, t.documents.c.key == t.paths.c.document).where(t.documents.c.live == 1)
        rows = {t.paths: live, t.failures: select(t.failures)}
        metadata, labels = (t.metadata_fields, t.metadata_records), (t.label_sets, t.page_labels)
        for table in (t.unread_files, t.containers, *metadata, *labels, t.review_items):
            if inspect(self._connection).has_table(table.name):
                rows[table] = select(table)
        following = self._connection.execute(select(t.state.c.next_document)).scalar_one()
        return {table: reads.read_rows(self._connection, query) for table, query in rows.items()}, int(following)

    def doubtful_pages(self, confidence: float, limit: int) -> list[reads.DoubtfulPage]:
        """Return pages that could be read in part only, or by OCR with a mean confidence below `confidence`."""
        return reads.read_doubtful_pages(self._connection, confidence, limit)

    def unread_pages(self) -> list[tuple[str, int, str]]:
        """Return (path, number, problem) of live pages that could not be read completely."""
        return reads.read_problems(self._connection)

    def count_pages_without_text(self, documents: Collection[int] | None = None) -> int:
        """Return the number of pages without text: of these documents, or of all that are live."""
        return reads.count_pages_without_text(self._connection, documents)


def _lane_of(query: LaneQuery) -> str:
    return "words" if isinstance(query, LexicalQuery) else query.lane


class CollectionReader:
    """Opens snapshots of a collection. Safe to share between threads. Raises CollectionNotFound."""

    def __init__(self, root: Path, *, micro_batching: bool = True, clock: Callable[[], float] = time.time) -> None:
        """`micro_batching`: see `store_factory.open_store`. `clock` returns seconds; it measures how long a snapshot is
        open."""
        self._clock = clock
        self.layout = Layout(root)
        self.manifest = load(self.layout)
        self._engine = databases.open_for_reading(self.layout, self.manifest)
        self._store = open_store(self.layout, self.manifest, micro_batching=micro_batching)
        self._words = self._store.lexical_index(self._engine)
        self._vocabulary = VocabularyCache(self.layout.vocabulary)
        self.files = open_file_store(self.layout, self.manifest)
        self._view: CommitView | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()
        self._store.close()

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Hold the newest commit open. Raises CollectionMismatch where the collection was re-embedded with other models
        since the reader was opened, also while the snapshot is open; CollectionDamaged, StoreError."""
        for attempt in range(ATTEMPTS):
            began = self._clock()
            with transaction(self._engine) as connection:
                try:
                    view = self._current(connection)
                    check = partial(self._require_unexpired, view.generation, began)
                    snapshot = Snapshot(connection, view, self.manifest.lanes, check)
                    self._open_lanes(snapshot, view, last_attempt=attempt == ATTEMPTS - 1)
                except FileNotFoundError:  # compacted after this transaction began: read a newer commit
                    self._view = None
                    continue
                try:
                    yield snapshot
                except StoreError:
                    self.require_same_models()
                    raise
                return

    def _open_lanes(self, snapshot: Snapshot, view: CommitView, *, last_attempt: bool) -> None:
        """Open the snapshot's files before its transaction can become too old. A damaged lane is left out."""
        for name, lane in self.manifest.lanes.items():
            try:
                (snapshot.tokens if lane.space.multi_vector else snapshot.vectors)(name)
            except CollectionDamaged:
                continue  # noted in the view
            except FileNotFoundError as exc:
                if not last_attempt:
                    raise
                view.damaged[name] = f"a segment's file is missing: {exc}. Run: pagelens doctor --repair"
                logger.warning("the %s lane is left out: %s", name, view.damaged[name])

    def read(self, work: Callable[[Snapshot], Result]) -> Result:
        """Return `work(snapshot)` for the newest commit; it is called again with a newer one if the snapshot expired.
        Raises SnapshotExpired after several attempts."""
        for attempt in range(ATTEMPTS):
            with self.snapshot() as snapshot:
                try:
                    result = work(snapshot)
                    snapshot.require_unexpired()
                    return result
                except SnapshotExpired as exc:
                    if attempt == ATTEMPTS - 1:
                        raise
                    logger.info("reading again: %s", exc)
        raise AssertionError("the last attempt returns or raises")

    def _require_unexpired(self, generation: int, began: float) -> None:
        retention, age = self._store.retention, self._clock() - began
        if retention is None or age <= retention:
            return
        with transaction(self._engine) as connection:
            newest = reads.generation(connection)
        if newest != generation:
            raise SnapshotExpired(
                f"expected a commit to be read for {max(retention, 0):.0f} seconds at most, found {age:.0f} and a "
                "newer commit: replaced rows may be deleted. Run the command again."
            )

    def require_same_models(self) -> None:
        """Raise CollectionMismatch where the collection was re-embedded with other models since it was opened."""
        found = load(self.layout)
        if {lane.store for lane in found.lanes.values()} != {lane.store for lane in self.manifest.lanes.values()}:
            raise CollectionMismatch(
                f"expected {self.layout.root} with profile {self.manifest.profile!r}, as it was opened, found "
                f"{found.profile!r}: it was re-embedded with other models in the meantime. Open it again."
            )
        self.manifest = found

    def check(self, *, deep: bool = False) -> list[str]:
        """Return descriptions of all problems of the stored collection; see `pagelens.index.check`."""
        with transaction(self._engine) as connection:
            self._current(connection)
            found = find_damage(connection, self._store, self.manifest, self._words, deep=deep).problems
            unfinished = describe_unfinished(self.layout)
            found += original_files.problems(connection, self.files) if self.manifest.files else []
            return found if unfinished is None else [unfinished, *found]

    def _current(self, connection: Connection) -> CommitView:
        generation = reads.generation(connection)
        with self._lock:
            if self._view is not None and "words" in self._view.damaged and not self._view.words.problem:
                self._sync_words()  # found damaged in a search
                self._view = None
            if self._view is None or self._view.generation != generation:
                self.require_same_models()
                if not self._words.is_synced(generation):
                    self._sync_words()
                self._view = CommitView(generation, connection, self._store, self._words, self._vocabulary)
            return self._view

    def _sync_words(self) -> None:
        """Sync the lexical index unless a writer is at work, who does it."""
        try:
            with writer_lock(self.layout, patience=0.0):
                self._words.sync()
                self._words.close()
        except (CollectionLocked, CollectionReadOnly, DiskFull, OSError) as exc:
            logger.info("words lane not synced: %s", exc)
