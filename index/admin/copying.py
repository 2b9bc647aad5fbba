"""A collection copied to another place, its vectors to another store: a folder to Qdrant, Qdrant to a folder.

Documents keep their keys, so that rankings and ties are the same. Each commit of the copy holds some documents whole:
their vectors first, durable in the new store, then their rows in the new catalog. So a copy that was broken off is a
collection of the documents copied so far, and the same call goes on behind them; where the original has changed since,
it also brings the copy up to date. Half-read documents stay where they are. Knows no encoders.
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

from pagelens.core.errors import CollectionMismatch, SnapshotExpired, StoreError
from pagelens.core.keys import document_of, page_of
from pagelens.core.types import QueryTokens
from pagelens.index import originals
from pagelens.index.admin.check import find_damage
from pagelens.index.admin.compaction import register_segment
from pagelens.index.catalog import document_frequencies, reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import transaction
from pagelens.index.catalog.writes import remove_documents
from pagelens.index.files.file_store import FileStore
from pagelens.index.late.token_segments import storage_of
from pagelens.index.layout import LaneRecord, Layout, Manifest, load
from pagelens.index.lexical.bm25 import read_terms
from pagelens.index.lexical.lexical_index import indexed_text
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.stores.vector_store import LaneTokens, LaneVectors, Written
from pagelens.index.writer_session import open_for_writing

logger = logging.getLogger(__name__)

WINDOW = 256  # pages
IDLE_PASSES = 3  # over an original that changes faster than a document is copied
SAMPLE = 20  # searches by a vector of the collection's own, per lane
DEEP = 10  # rows of each that are compared
QUERY_TOKENS = 16

OnCopied = Callable[[int, int], None]
"""Told how many documents are copied, of how many."""


Origin = tuple[FileStore, Layout]
"""A collection's files, and its folder, where they may be brought to on their way."""


@dataclass(slots=True)
class CopyReport:
    """What a copy did and how the two compare."""

    of_documents: int = 0  # that the original has
    of_pages: int = 0
    documents: int = 0  # copied by this run
    pages: int = 0
    kept: int = 0  # documents that were there
    removed: int = 0  # documents of the copy that the original has no longer
    searches: int = 0  # made in both
    alike: int = 0  # with the same best rows
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


def copy_latest_commit(
    reader: CollectionReader, root: Path, tell: OnCopied = lambda done, total: None, *, window: int = WINDOW
) -> CopyReport:
    """Copy a collection's newest commit into the one at `root`, of the same lanes; gone on with a newer commit where
    rows of the first went meanwhile. Raises what `CollectionCopy` raises, and SnapshotExpired when a commit does not
    last until a document is copied."""
    report, began, idle = CopyReport(), time.monotonic(), 0
    while True:
        done = report.documents
        try:
            with (
                reader.snapshot() as commit,
                CollectionCopy(
                    commit, reader.manifest, root, origin=(reader.files, reader.layout), window=window
                ) as one,
            ):
                _run(one, commit, report, tell)
            report.seconds = time.monotonic() - began
            return report
        except SnapshotExpired as exc:
            idle = idle + 1 if report.documents == done else 0
            if idle == IDLE_PASSES:
                raise
            logger.info("gone on with a newer commit: %s", exc)


def _run(copying: "CollectionCopy", commit: Snapshot, report: CopyReport, tell: OnCopied) -> None:
    try:
        copying.run(report, tell)
    except StoreError:
        commit.require_whole()  # then it is known why
        raise


class CollectionCopy:
    """Copies what a snapshot shows into the collection at `root`, a context manager that holds its writer's lock.

    Raises CollectionMismatch when the two are not of the same lanes; CollectionLocked, CollectionNotFound.
    """

    def __init__(
        self, source: Snapshot, manifest: Manifest, root: Path, *, origin: Origin, window: int = WINDOW
    ) -> None:
        """`origin` is where the original's files lie; `window` pages are copied in one commit, if a document does not
        have more."""
        self._source, self._manifest, self._origin = source, manifest, origin
        self.layout, self._window = Layout(root), window
        self._stack = ExitStack()

    def __enter__(self) -> "CollectionCopy":
        found = load(self.layout).lanes
        if found != self._manifest.lanes:
            raise CollectionMismatch(
                f"expected {self.layout.root} to have the original's lanes, {_said(self._manifest.lanes.values())}, "
                f"found {_said(found.values())}. Choose a new folder for the copy."
            )
        with ExitStack() as stack:
            opened = stack.enter_context(open_for_writing(self.layout))
            self._engine, self._words, self._store = opened.engine, opened.words, opened.store
            self._files = opened.files
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def run(self, report: CopyReport, tell: OnCopied = lambda done, total: None) -> None:
        """Copy what is not there, remove what the original does not have, compare, and add to the report."""
        wanted = self._source.documents
        kept, removed = self._clear(set(wanted))
        report.removed += removed
        done = len(kept)
        report.kept = max(0, done - report.documents)  # what an earlier pass copied may have gone since
        report.of_documents, report.of_pages = len(wanted), self._source.page_count
        waiting = [(key, row.document.page_count) for key, row in wanted.items() if key not in kept]
        for window in _windows(waiting, self._window):
            report.pages += self._copy(window)
            report.documents += len(window)
            done += len(window)
            tell(done, len(wanted))
        self._finish()
        report.searches = report.alike = 0
        report.problems = self._compare(report)
        self._source.require_whole()

    def _clear(self, wanted: set[int]) -> tuple[set[int], int]:
        """Remove what the original does not have; return the documents that stay and how many went.

        A document's pages never change, so what has its key is the same; its paths may be others, see `_finish`.
        """
        d = t.documents.c
        with transaction(self._engine) as connection:
            rows = connection.execute(select(d.key, d.live)).all()
            kept = {row.key for row in rows if row.live and row.key in wanted}
            others = sorted({row.key for row in rows} - kept)
            remove_documents(connection, others)
            if others:
                reads.advance(connection)
        if others:
            self._store.forget(self._manifest, others)
            self._words.forget(others)
        return kept, len(others)

    def _copy(self, documents: Sequence[int]) -> int:
        """Copy some documents in one commit; return how many pages they have."""
        named = {lane.store: self._write(lane, documents) for lane in self._manifest.lanes.values()}
        rows = self._source.catalog_rows(documents)
        for row in rows[t.documents]:
            originals.copy(*self._origin, self._files, str(row["sha256"]))
        self._source.require_whole()  # what was read is all there was
        texts = {int(str(row["key"])): indexed_text(str(row["text"]), str(row["caption"])) for row in rows[t.pages]}
        self._words.add(texts.items())
        with transaction(self._engine) as connection:
            _insert(connection, rows)
            document_frequencies.enter(connection, map(read_terms, texts.values()))
            for store, written in named.items():
                for name, runs in written:
                    if name:
                        register_segment(connection, store, name, runs)
            reads.advance(connection)
        return len(rows[t.pages])

    def _write(self, lane: LaneRecord, documents: Sequence[int]) -> list[Written]:
        if not lane.space.multi_vector:
            return [self._store.write_vectors(lane, self._source.vectors(lane.name).parts_of(documents))]
        parts = self._source.tokens(lane.name).parts_of(documents)
        kinds = {storage_of(rows) for _, rows in parts}  # a segment is of one kind
        return [
            self._store.write_tokens(lane, [(pages, rows) for pages, rows in parts if storage_of(rows) == kind])
            for kind in sorted(kinds)
        ]

    def _finish(self) -> None:
        """Copy what belongs to no document, and bring the lexical index in step."""
        rows, following = self._source.other_rows()
        with transaction(self._engine) as connection:
            for table in rows:
                connection.execute(delete(table))
            _insert(connection, rows)
            connection.execute(update(t.state).values(next_document=following))
            reads.advance(connection)
        self._store.merge(self._engine, self._manifest)
        self._words.tidy()

    def _compare(self, report: CopyReport) -> list[str]:
        """Return what is wrong with the copy; count searches that find the same rows in both."""
        with transaction(self._engine) as connection:
            problems = find_damage(connection, self._store, self._manifest, self._words).problems
            live = np.array(sorted(self._source.documents), np.int64)
            for lane in self._manifest.lanes.values():
                if lane.space.multi_vector:
                    pairs = _token_searches(self._source.tokens(lane.name), self._store.tokens(connection, lane, live))
                else:
                    pairs = _searches(self._source.vectors(lane.name), self._store.vectors(connection, lane, live))
                report.searches += len(pairs)
                report.alike += sum(ours == theirs for ours, theirs in pairs)
        return problems


def _insert(connection: Connection, rows: Mapping[Table, Sequence[dict[str, object]]]) -> None:
    for table, found in rows.items():
        if found:
            connection.execute(insert(table), list(found))


def _windows(documents: Iterable[tuple[int, int]], most: int) -> Iterator[list[int]]:
    """Cut (document, pages) into windows of at most so many pages or one document."""
    window: list[int] = []
    pages = 0
    for document, count in documents:
        if window and pages + count > most:
            yield window
            window, pages = [], 0
        window.append(document)
        pages += count
    if window:
        yield window


def _searches(original: LaneVectors, copy: LaneVectors) -> list[tuple[list[int], list[int]]]:
    """Return the best keys of both for vectors of the original, drawn evenly."""
    keys = original.keys
    chosen = np.unique(keys[np.linspace(0, len(keys) - 1, SAMPLE).astype(np.int64)]) if len(keys) else keys
    vectors = [rows.vectors[0] for _, rows in original.parts_of(np.unique(document_of(page_of(chosen))).tolist())]
    return [(_keys(original.search(one, DEEP)), _keys(copy.search(one, DEEP))) for one in vectors[:SAMPLE]]


def _token_searches(original: LaneTokens, copy: LaneTokens) -> list[tuple[list[int], list[int]]]:
    """Likewise for the first tokens of pages."""
    keys = original.keys
    chosen = np.unique(keys[np.linspace(0, len(keys) - 1, SAMPLE).astype(np.int64)]) if len(keys) else keys
    pages = [page for key in chosen.tolist() if (page := original.page(key)) is not None and len(page.vectors)]
    queries = [QueryTokens(page.vectors[:QUERY_TOKENS], [""] * len(page.vectors[:QUERY_TOKENS])) for page in pages]
    return [(_keys(original.search(one, DEEP)), _keys(copy.search(one, DEEP))) for one in queries]


def _keys(found: tuple[NDArray[np.int64], NDArray[np.float32]]) -> list[int]:
    """Return the keys, those of equal scores in order."""
    keys, scores = found
    return [int(keys[row]) for row in np.lexsort((keys, -np.round(scores, 3)))]


def _said(lanes: Iterable[LaneRecord]) -> str:
    return ", ".join(f"{lane.name} ({lane.space})" for lane in lanes) or "none"
