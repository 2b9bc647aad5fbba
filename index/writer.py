"""A collection opened for writing.

The order of a commit: vectors are made durable (`pagelens.index.stores.vector_store`); the pages' words go into the lexical index; then one
catalog transaction names the vectors, inserts the pages, makes finished documents live and removes what they replace;
last, removed pages leave the store and the lexical index. Whatever instant the writer dies at, readers see the commits
before it and nothing else, and the next writer clears what was left over (`pagelens.index.writer_session`).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection, delete, select

from pagelens.core.errors import ReadCode
from pagelens.core.keys import page_key
from pagelens.index.admin import garbage_collection
from pagelens.index.admin.compaction import register_segment
from pagelens.index.catalog import document_frequencies, reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import transaction
from pagelens.index.catalog.writes import NewPages, insert_pages, link_path, remove_documents, staged_at, unlink_path
from pagelens.index.lane_rows import pack_pages
from pagelens.index.late.token_segments import Storage, TokenRows
from pagelens.index.layout import LaneRecord, Layout, load
from pagelens.index.lexical.bm25 import read_terms
from pagelens.index.lexical.lexical_index import indexed_text
from pagelens.index.stores.vector_store import Written
from pagelens.index.writer_session import open_for_writing, places_of

FLUSH_ROWS = 1_024  # passages held in memory before a commit
FLUSH_PAGES = 256  # likewise
FLUSH_NOTES = 1_000  # paths and failures
FLUSH_SECONDS = 10.0  # between two commits, at most

KEPT_AFTER: tuple[ReadCode, ...] = ("denied", "vanished", "changed")
"""Failures that say nothing of the file's content: the version indexed before stays."""


Batches = Sequence[tuple[int, NewPages]]
"""Document keys, each with some of its pages."""


@dataclass(slots=True)
class _Pending:
    """What the next commit will hold."""

    new: list[tuple[int, NewPages]] = field(default_factory=list)  # document key, its pages
    same: list[tuple[str, str]] = field(default_factory=list)  # path, SHA-256 of a document that is here
    failed: list[tuple[str, str | None, ReadCode, str]] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)  # document keys

    def __bool__(self) -> bool:
        return bool(self.new or self.same or self.failed or self.removed)

    def full(self, flush_pages: int) -> bool:
        rows = sum(len(passages) for _, new in self.new for passages in new.passages)
        pages = sum(len(new.pages) for _, new in self.new)
        return rows >= FLUSH_ROWS or pages >= flush_pages or len(self.same) + len(self.failed) >= FLUSH_NOTES


class CollectionWriter:
    """The one writer of a collection, a context manager. Leaving it in peace commits; an error drops what is pending.

    Raises CollectionLocked when another process writes, CollectionNotFound when there is nothing to write to.
    """

    def __init__(self, root: Path, *, flush_pages: int = FLUSH_PAGES, storage: Storage = "int8") -> None:
        """`flush_pages` are held in memory before a commit; a long document takes several. `storage` is how
        lanes of many vectors are stored from now on; what is stored otherwise stays as it is."""
        self.layout = Layout(root)
        self._flush_pages = flush_pages
        self._storage: Storage = storage
        self.manifest = load(self.layout)
        self._stack = ExitStack()
        self._pending = _Pending()
        self._committed = time.monotonic()
        self._keys: Iterator[int] = iter(())
        self._begun: dict[str, int] = {}  # SHA-256 -> key, of documents whose first pages came in this run

    def __enter__(self) -> "CollectionWriter":
        with ExitStack() as stack:
            opened = stack.enter_context(open_for_writing(self.layout))
            self.manifest, self._engine, self._words = opened.manifest, opened.engine, opened.words
            self._store, self.files = opened.store, opened.files
            self._load()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is KeyboardInterrupt:
                self.commit()  # whole windows only are pending: the next run goes on behind them
            if kind is None:
                self.commit()
                self._store.merge(self._engine, self.manifest)
                garbage_collection.collect_file_garbage(self._engine, places_of(self.layout, self.files))
                self._words.tidy()

    def known(self, sha256: str) -> int | None:
        """Return None for bytes never seen, the page to go on from for half-read ones, 0 for what needs no reading."""
        if sha256 in self._documents:
            live, pages_in = self._documents[sha256]
            return 0 if live else pages_in + 1
        return 0 if sha256 in self._failures else None

    def failed_before(self, sha256: str) -> str | None:
        """Return why these bytes could not be read last time, or None."""
        return self._failures[sha256][1] if sha256 in self._failures else None

    def add(self, new: NewPages) -> None:
        """Store pages; a document becomes visible, whole, with the commit that holds its last page."""
        key = self._begun.get(new.document.sha256) or self._begin(new.document.sha256)
        self._pending.new.append((key, replace(new, tokens=self._pack(new))))  # a quarter of the memory from here on
        self._commit_when_full()

    def same(self, path: str, sha256: str) -> bool:
        """Note that a path leads to bytes already here; return whether that was news."""
        if sha256 in (self._paths.get(path), self._failed_at.get(path)):
            return False
        self._pending.same.append((path, sha256))
        self._commit_when_full()
        return True

    def fail(self, path: str, sha256: str | None, code: ReadCode, reason: str) -> None:
        """Record why a file could not be read. What was staged of it goes; so does its older version, unless the
        failure says nothing of the file's content (see `KEPT_AFTER`)."""
        self._pending.new = [(key, new) for key, new in self._pending.new if new.path != path]
        self._pending.failed.append((path, sha256, code, reason))
        if sha256 in self._begun:
            del self._begun[sha256]  # its key dies with what was staged, now
            self.commit()
        self._commit_when_full()

    def remove(self, documents: Sequence[int]) -> None:
        """Forget documents by key."""
        self._pending.removed.extend(documents)
        self.commit()

    def forget_paths(self, gone: Sequence[str]) -> list[str]:
        """Forget paths and failures of files that are gone; a document goes with its last path. Return those known."""
        self.commit()
        with transaction(self._engine) as connection:
            known = [path for path in gone if reads.document_at(connection, path) is not None]
            orphans: set[int] = set()
            for path in gone:
                orphans |= unlink_path(connection, path)
                connection.execute(delete(t.failures).where(t.failures.c.path == path))
            if known and not orphans:  # documents that have other paths: nothing else would tell open readers
                self._words.mark(reads.advance(connection))
        self._pending.removed.extend(orphans)
        self.commit()
        self._load()
        return known

    def forget_failures(self, paths: Sequence[str] | None = None) -> list[str]:
        """Forget recorded failures, all or of these paths, so that their files are read again; return the paths."""
        with transaction(self._engine) as connection:
            known = [failure.path for failure in reads.read_failures(connection)]
            chosen = known if paths is None else [path for path in known if path in set(paths)]
            for path in chosen:
                connection.execute(delete(t.failures).where(t.failures.c.path == path))
        self._load()
        return chosen

    def commit(self) -> None:
        """Make everything pending durable and visible, in one step."""
        self._committed = time.monotonic()
        if not self._pending:
            return
        pending, self._pending = self._pending, _Pending()
        named = {lane.store: self._write_rows(lane, pending.new) for lane in self.manifest.lanes.values()}
        self._words.add(_texts(pending.new))
        with transaction(self._engine) as connection:
            removed = self._record(connection, pending, named)
            generation = reads.advance(connection)
        if removed:
            self._store.forget(self.manifest, removed)
            self._words.forget(removed)
        self._words.mark(generation)
        self._remember(pending, removed)

    def _remember(self, pending: _Pending, removed: set[int]) -> None:
        """Keep what `known` and `same` answer from in step with a commit."""
        if removed or pending.failed or pending.same:
            self._load()
            return
        for _, new in pending.new:
            self._documents[new.document.sha256] = (new.last, new.pages[-1].number if new.pages else 0)
            if new.last:
                self._paths[new.path] = new.document.sha256

    def _load(self) -> None:
        """Read what `known` and `same` answer from."""
        with transaction(self._engine) as connection:
            d, p, f = t.documents.c, t.paths.c, t.failures.c
            rows = connection.execute(select(d.sha256, d.live, d.pages_in))
            self._documents = {sha256: (bool(live), pages_in) for sha256, live, pages_in in rows}
            links = connection.execute(select(p.path, d.sha256).join(t.documents, d.key == p.document))
            self._paths: dict[str, str] = {row.path: row.sha256 for row in links}
            why = connection.execute(select(f.path, f.sha256, f.code, f.reason).where(f.sha256.is_not(None))).all()
            self._failures = {row.sha256: (row.code, row.reason) for row in why}
            self._failed_at = {row.path: row.sha256 for row in why}

    def _begin(self, sha256: str) -> int:
        """Return the key of a document whose first pages of this run are here: its own if half-read, else a new one."""
        with transaction(self._engine) as connection:
            staged = reads.find_document(connection, sha256)
        key = self._next_key() if staged is None else int(staged.key)
        self._begun[sha256] = key
        return key

    def _next_key(self) -> int:
        key = next(self._keys, None)
        if key is None:
            with transaction(self._engine) as connection:
                self._keys = iter(reads.reserve_documents(connection))
            key = next(self._keys)
        return key

    def _commit_when_full(self) -> None:
        if self._pending.full(self._flush_pages) or time.monotonic() > self._committed + FLUSH_SECONDS:
            self.commit()

    def _write_rows(self, lane: LaneRecord, batches: Batches) -> Written:
        """Make the rows of a lane durable."""
        keys = [[page_key(document, page.number) for page in new.pages] for document, new in batches]
        if lane.space.multi_vector:
            packed = [pack_pages(lane, new.tokens[lane.name], self._storage) for _, new in batches]
            return self._store.write_tokens(lane, list(zip(keys, packed, strict=True)))
        if lane.covers == "passages":
            for _, new in batches:
                counts = new.vectors[lane.name].counts
                assert list(counts) == [len(one) for one in new.passages], (lane.name, counts)
        dense = [new.vectors[lane.name] for _, new in batches]
        return self._store.write_vectors(lane, list(zip(keys, dense, strict=True)))

    def _pack(self, new: NewPages) -> dict[str, TokenRows]:
        """Return the tokens of each lane of many vectors as they are stored."""
        many = {name: lane for name, lane in self.manifest.lanes.items() if lane.space.multi_vector}
        return {name: pack_pages(lane, new.tokens[name], self._storage) for name, lane in many.items()}

    def _record(self, connection: Connection, pending: _Pending, named: Mapping[str, Written]) -> set[int]:
        """Write everything of one commit into the catalog; return the documents that went."""
        removed = set(pending.removed)
        for key, new in pending.new:
            removed |= insert_pages(connection, key, new)
        document_frequencies.enter(connection, (read_terms(text) for _, text in _texts(pending.new)))
        for store, (name, runs) in named.items():
            if name:
                register_segment(connection, store, name, runs)
        for path, sha256, code, reason in pending.failed:
            reads.record_failure(connection, path, sha256, code, reason)
            removed |= staged_at(connection, path)
            if code not in KEPT_AFTER:
                removed |= unlink_path(connection, path)
        for path, sha256 in pending.same:
            removed |= link_path(connection, path, sha256)
        remove_documents(connection, sorted(removed))
        return removed


def _texts(batches: Batches) -> Iterator[tuple[int, str]]:
    """Return page keys and what the `words` lane indexes of each page."""
    for key, new in batches:
        for page in new.pages:
            yield page_key(key, page.number), indexed_text(page.text.text, page.caption)
