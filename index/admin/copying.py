"""Copies a collection to another place and its vectors to another store: from a folder to Qdrant, or back.

Documents keep their keys, so rankings and ties stay the same. Each commit of the copy adds whole documents: first their
vectors, durable in the new store, then their rows in the new catalog. An interrupted copy is therefore a collection of
the documents copied so far; running it again continues, and brings the copy up to date with the original. Partly
indexed documents are not copied. `copy.json` says that a copy is not finished, and of what; it is there from before the
copy's first document until its last, and `require_finished` refuses what would pass the copy off as the whole.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, delete, insert, select, update

from pagelens.core.errors import CollectionDamaged, CollectionMismatch, SnapshotExpired, StoreError
from pagelens.core.keys import document_of, page_of
from pagelens.core.types import QueryTokens
from pagelens.index import original_files
from pagelens.index.catalog import document_frequencies, writes
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.transactions import transaction
from pagelens.index.catalog.writes import register_segment, remove_documents
from pagelens.index.check import find_damage
from pagelens.index.files.file_store import FileStore
from pagelens.index.late.token_segments import storage_of
from pagelens.index.layout import LaneRecord, Layout, Manifest, describe_unfinished, load, write_json, write_tuning
from pagelens.index.lexical.bm25 import count_terms
from pagelens.index.lexical.lexical_index import indexed_text
from pagelens.index.lexical.vocabulary import VocabularyCache
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.records import WrittenRows
from pagelens.index.stores.vector_store import DenseView, MultiVectorView
from pagelens.index.writer_session import open_for_writing

logger = logging.getLogger(__name__)

WINDOW = 256  # pages copied in one commit
MAX_IDLE_PASSES = 3  # passes without a copied document, over an original that changes faster than one is copied
SAMPLE_SEARCHES = 20  # per lane, with vectors of the collection as queries, to compare the copy with the original
SAMPLE_DEPTH = 10  # results of each that are compared
SAMPLE_TOKENS = 16  # of a page, as a query

OnCopied = Callable[[int, int], None]
"""Called with the number of documents copied so far, and of all."""

Origin = tuple[FileStore, Layout]
"""The original's file store, and its layout, whose folder may hold downloads."""


@dataclass(slots=True)
class CopyReport:
    """What a copy did, and how it compares with the original."""

    total_documents: int = 0  # in the original
    total_pages: int = 0
    documents: int = 0  # copied by this run
    pages: int = 0
    kept: int = 0  # documents that the copy already had
    removed: int = 0  # documents of the copy that the original no longer has
    searches: int = 0  # run in both
    matching_searches: int = 0  # with the same results
    problems: list[str] = field(default_factory=list)  # inconsistencies of the copy
    seconds: float = 0.0


def copy_latest_commit(
    reader: CollectionReader, root: Path, on_progress: OnCopied | None = None, *, window: int = WINDOW
) -> CopyReport:
    """Copy a collection's latest commit into the collection at `root`, which has the same lanes. If rows of the commit
    are removed meanwhile, the copy continues with a newer one.

    Raises what `CollectionCopy` raises, and SnapshotExpired if no commit lasts until a document is copied.
    """
    report, started, idle_passes = CopyReport(), time.monotonic(), 0
    origin = (reader.files, reader.layout)
    while True:
        copied_before = report.documents
        try:
            with (
                reader.snapshot() as snapshot,
                CollectionCopy(snapshot, reader.manifest, root, origin=origin, window=window) as copy,
            ):
                _run(copy, snapshot, report, on_progress)
                if not report.problems:
                    copy.layout.unfinished_copy.unlink()
            write_tuning(Layout(root), reader.manifest.tuning)
            report.seconds = time.monotonic() - started
            return report
        except SnapshotExpired as exc:
            idle_passes = idle_passes + 1 if report.documents == copied_before else 0
            if idle_passes == MAX_IDLE_PASSES:
                raise
            logger.info("continuing with a newer commit: %s", exc)


def mark_unfinished(layout: Layout, original: Layout) -> None:
    """Record in a copy's folder, which need not exist, that it is not finished."""
    layout.root.mkdir(parents=True, exist_ok=True)
    write_json(layout.unfinished_copy, {"unfinished_copy_of": str(original.root.resolve())})


def require_finished(layout: Layout) -> None:
    """Raise CollectionDamaged if the collection is a copy that was not finished."""
    if (problem := describe_unfinished(layout)) is not None:
        raise CollectionDamaged(problem)


def _run(copy: "CollectionCopy", snapshot: Snapshot, report: CopyReport, on_progress: OnCopied | None) -> None:
    try:
        copy.run(report, on_progress)
    except StoreError:
        snapshot.require_unexpired()  # raises SnapshotExpired if that is the cause
        raise


class CollectionCopy:
    """Copies a snapshot into the collection at `root`; a context manager that holds the writer lock of the copy.

    Raises CollectionMismatch if the lanes differ; CollectionLocked, CollectionNotFound.
    """

    def __init__(
        self, source: Snapshot, manifest: Manifest, root: Path, *, origin: Origin, window: int = WINDOW
    ) -> None:
        """`window` pages are copied in one commit, or one document if it has more."""
        self._source, self._manifest, self._origin = source, manifest, origin
        self.layout, self._window = Layout(root), window
        self._stack = ExitStack()

    def __enter__(self) -> "CollectionCopy":
        lanes = load(self.layout).lanes
        if lanes != self._manifest.lanes:
            expected = _describe(self._manifest.lanes.values())
            raise CollectionMismatch(
                f"expected {self.layout.root} to have the original's lanes, {expected}, "
                f"found {_describe(lanes.values())}. Choose a new folder for the copy."
            )
        with ExitStack() as stack:
            opened = stack.enter_context(open_for_writing(self.layout))
            mark_unfinished(self.layout, self._origin[1])
            self._engine, self._words, self._store = opened.engine, opened.words, opened.store
            self._files = opened.files
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def run(self, report: CopyReport, on_progress: OnCopied | None = None) -> None:
        """Copy missing documents, remove those that the original does not have, compare, and update the report. Raises
        CollectionDamaged where the original is not as it was written."""
        self._source.verify()
        documents = self._source.documents
        kept, removed = self._remove_others(set(documents))
        report.removed += removed
        done = len(kept)
        report.kept = max(0, done - report.documents)  # documents copied by an earlier pass may be gone again
        report.total_documents, report.total_pages = len(documents), self._source.page_count
        missing = [(key, row.document.page_count) for key, row in documents.items() if key not in kept]
        for window in _windows(missing, self._window):
            report.pages += self._copy(window)
            report.documents += len(window)
            done += len(window)
            if on_progress is not None:
                on_progress(done, len(documents))
        self._finish()
        report.searches = report.matching_searches = 0
        report.problems = self._compare(report)
        self._source.require_unexpired()

    def _remove_others(self, documents: set[int]) -> tuple[set[int], int]:
        """Remove documents that the original does not have; return the keys of the others and how many were removed.

        The pages of a key never change, so the others need no comparison; their paths are updated in `_finish`.
        """
        d = t.documents.c
        with transaction(self._engine) as connection:
            rows = connection.execute(select(d.key, d.live)).all()
            kept = {row.key for row in rows if row.live and row.key in documents}
            others = sorted({row.key for row in rows} - kept)
            remove_documents(connection, others)
            following = self._source.path_and_failure_rows()[1]  # so that what is not committed yet is known as such
            connection.execute(update(t.state).values(next_document=following))
            if others:
                writes.advance_generation(connection)
        if others:
            self._store.delete_documents(self._manifest, others)
            self._words.delete_documents(others)
        return kept, len(others)

    def _copy(self, documents: Sequence[int]) -> int:
        """Copy documents in one commit; return their number of pages."""
        written = {lane.store: self._write(lane, documents) for lane in self._manifest.lanes.values()}
        rows = self._source.document_rows_by_table(documents)
        for row in rows[t.documents]:
            original_files.copy(*self._origin, self._files, str(row["sha256"]))
        self._source.require_unexpired()  # no rows were removed while they were read
        texts = {int(str(row["key"])): indexed_text(str(row["text"]), str(row["caption"])) for row in rows[t.pages]}
        self._words.add(texts.items())
        with transaction(self._engine) as connection:
            _insert(connection, rows)
            document_frequencies.add_pages(connection, map(count_terms, texts.values()))
            for store, segments in written.items():
                for name, runs in segments:
                    if name:
                        register_segment(connection, store, name, runs)
            writes.advance_generation(connection)
        return len(rows[t.pages])

    def _write(self, lane: LaneRecord, documents: Sequence[int]) -> list[WrittenRows]:
        if not lane.space.multi_vector:
            return [self._store.write_vectors(lane, self._source.vectors(lane.name).parts_of(documents))]
        parts = self._source.tokens(lane.name).parts_of(documents)
        storages = {storage_of(rows) for _, rows in parts}  # a segment has one storage
        return [
            self._store.write_tokens(lane, [(pages, rows) for pages, rows in parts if storage_of(rows) == storage])
            for storage in sorted(storages)
        ]

    def _finish(self) -> None:
        """Copy rows that belong to no document, such as paths and failures, then compact and optimize."""
        rows, _ = self._source.path_and_failure_rows()
        with transaction(self._engine) as connection:
            for table in rows:
                connection.execute(delete(table))
            _insert(connection, rows)
            writes.advance_generation(connection)
            VocabularyCache(self.layout.vocabulary).write(connection)
        self._store.compact(self._engine, self._manifest)
        self._words.optimize()

    def _compare(self, report: CopyReport) -> list[str]:
        """Return the inconsistencies of the copy; count searches that give the same results in both."""
        with transaction(self._engine) as connection:
            problems = find_damage(connection, self._store, self._manifest, self._words).problems
            live = np.array(sorted(self._source.documents), np.int64)
            for lane in self._manifest.lanes.values():
                if lane.space.multi_vector:
                    pairs = _token_searches(self._source.tokens(lane.name), self._store.tokens(connection, lane, live))
                else:
                    pairs = _searches(self._source.vectors(lane.name), self._store.vectors(connection, lane, live))
                report.searches += len(pairs)
                report.matching_searches += sum(original == copy for original, copy in pairs)
        return problems


def _insert(connection: Connection, rows: Mapping[Table, Sequence[dict[str, object]]]) -> None:
    for table, table_rows in rows.items():
        if table_rows:
            connection.execute(insert(table), list(table_rows))


def _windows(documents: Iterable[tuple[int, int]], max_pages: int) -> Iterator[list[int]]:
    """Yield the keys of (document key, number of pages) in groups of at most `max_pages` pages, or one document."""
    window: list[int] = []
    pages = 0
    for document, count in documents:
        if window and pages + count > max_pages:
            yield window
            window, pages = [], 0
        window.append(document)
        pages += count
    if window:
        yield window


def _searches(original: DenseView, copy: DenseView) -> list[tuple[list[int], list[int]]]:
    """Return (keys found in the original, keys found in the copy) for an even sample of the original's vectors."""
    documents = np.unique(document_of(page_of(_sample(original.keys)))).tolist()
    queries = [rows.vectors[0] for _, rows in original.parts_of(documents)][:SAMPLE_SEARCHES]
    return [(_keys(original.search(query, SAMPLE_DEPTH)), _keys(copy.search(query, SAMPLE_DEPTH))) for query in queries]


def _token_searches(original: MultiVectorView, copy: MultiVectorView) -> list[tuple[list[int], list[int]]]:
    """Likewise for the first tokens of pages."""
    pages = [page for key in _sample(original.keys).tolist() if (page := original.page(key)) is not None]
    vectors = [page.vectors[:SAMPLE_TOKENS] for page in pages if len(page.vectors)]
    queries = [QueryTokens(tokens, [""] * len(tokens)) for tokens in vectors]
    return [(_keys(original.search(query, SAMPLE_DEPTH)), _keys(copy.search(query, SAMPLE_DEPTH))) for query in queries]


def _sample(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return up to `SAMPLE_SEARCHES` evenly spaced keys, sorted."""
    return np.unique(keys[np.linspace(0, len(keys) - 1, SAMPLE_SEARCHES).astype(np.int64)]) if len(keys) else keys


def _keys(result: tuple[NDArray[np.int64], NDArray[np.float32]]) -> list[int]:
    """Return the keys of a search result, those of (nearly) equal scores in ascending order."""
    keys, scores = result
    return [int(keys[row]) for row in np.lexsort((keys, -np.round(scores, 3)))]


def _describe(lanes: Iterable[LaneRecord]) -> str:
    return ", ".join(f"{lane.name} ({lane.space})" for lane in lanes) or "none"
