"""A collection opened for writing.

The order of a commit: vectors are stored durably (`pagelens.index.stores.vector_store`); the text is added to the
lexical index; then one catalog transaction registers the vectors, inserts the pages, makes finished documents live and
removes those that they replace; last, removed pages are deleted from the store and the lexical index. Wherever the
writer is killed, readers see the commits before and nothing else, and the next writer removes what was left
(`pagelens.index.writer_session`).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from pagelens.core.errors import ReadCode
from pagelens.core.keys import document_of, page_key
from pagelens.core.labels import StoredLabelSet
from pagelens.core.metadata_fields import Field, Record
from pagelens.core.types import MEMBER_SEPARATOR
from pagelens.index import garbage_collection
from pagelens.index.catalog import document_frequencies, label_rows, metadata_records, reads, unembedded, writes
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import DocumentRow, UnreadFile
from pagelens.index.catalog.transactions import transaction
from pagelens.index.catalog.writes import (
    insert_pages,
    link_path,
    register_segment,
    remove_documents,
    staged_at,
    unlink_path,
)
from pagelens.index.lane_filling import FLUSH_PAGES, FLUSH_ROWS, FLUSH_SECONDS, LaneFiller, save_facts
from pagelens.index.lane_rows import pack_pages
from pagelens.index.late.token_segments import Storage, TokenRows
from pagelens.index.layout import LaneRecord, Layout, load
from pagelens.index.lexical.bm25 import count_terms
from pagelens.index.lexical.lexical_index import indexed_text
from pagelens.index.lexical.vocabulary import VocabularyCache
from pagelens.index.records import DocumentPages, EmbeddedPages, WrittenRows
from pagelens.index.writer_session import file_stores, open_for_writing

FLUSH_PATHS = 1_000  # linked paths and failures that make a commit due
# Pages without vectors are committed sooner than `FLUSH_SECONDS`, so that they are found soon by their words; a commit
# takes 45 ms of CPU time:
WORDS_FLUSH_SECONDS = 2.0  # at the beginning,
WORDS_FLUSH_SHARE = 0.2  # later when so large a share of the time since the writer was opened has passed
COMPACT_PAGES = 4_096  # committed pages after which a long run compacts, so that searches meanwhile stay fast

KEEPS_OLD_VERSION: tuple[ReadCode, ...] = ("denied", "vanished", "changed")
"""Failures that do not depend on the file's content: the version indexed before stays."""


KeyedPages = Sequence[tuple[int, DocumentPages]]
"""Document keys and pages of these documents."""


@dataclass(slots=True)
class _Pending:
    """What the next commit will contain."""

    new: list[tuple[int, DocumentPages]] = field(default_factory=list)  # document key, its pages
    links: list[tuple[str, str]] = field(default_factory=list)  # path, SHA-256 of an indexed document
    failed: list[tuple[str, str | None, ReadCode, str]] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)  # document keys

    def __bool__(self) -> bool:
        return bool(self.new or self.links or self.failed or self.removed)

    def is_full(self, flush_pages: int) -> bool:
        rows = sum(len(passages) for _, new in self.new for passages in new.passages)
        pages = sum(len(new.pages) for _, new in self.new)
        return rows >= FLUSH_ROWS or pages >= flush_pages or len(self.links) + len(self.failed) >= FLUSH_PATHS


def words_flush_seconds(elapsed: float) -> float:
    """Return after how many seconds a commit of pages without vectors is due, `elapsed` seconds after the writer was
    opened."""
    return min(FLUSH_SECONDS, max(WORDS_FLUSH_SECONDS, WORDS_FLUSH_SHARE * elapsed))


class UnembeddedPages(NamedTuple):
    """Pages of a document that lack rows of the same lanes."""

    row: DocumentRow
    lanes: frozenset[str]
    pages: Sequence[int]  # page keys


class CollectionWriter:
    """The one writer of a collection, a context manager. A normal exit commits; an error discards what is pending.

    Raises CollectionLocked when another process writes, CollectionNotFound when there is no collection.
    """

    def __init__(
        self,
        root: Path,
        *,
        flush_pages: int = FLUSH_PAGES,
        compact_pages: int = COMPACT_PAGES,
        storage: Storage = "int8",
        words_flush_seconds: Callable[[float], float] = words_flush_seconds,
    ) -> None:
        """`flush_pages`: pages that make a commit due; a long document takes several commits. `compact_pages`: pages
        that make a compaction due before the end. `storage`: number format of new rows in multi-vector lanes; see
        `pagelens.index.stores.compaction` too. `words_flush_seconds`: see the function of this name."""
        self.layout = Layout(root)
        self._flush_pages = flush_pages
        self._compact_pages = compact_pages
        self._not_compacted = 0  # pages committed since the last compaction
        self._storage: Storage = storage
        self._words_flush_seconds = words_flush_seconds
        self.manifest = load(self.layout)
        self._stack = ExitStack()
        self._pending = _Pending()
        self._opened = self._committed = time.monotonic()
        self._keys: Iterator[int] = iter(())
        self._started: dict[str, int] = {}  # SHA-256 -> key of documents that this writer has added pages of

    def __enter__(self) -> "CollectionWriter":
        with ExitStack() as stack:
            session = stack.enter_context(open_for_writing(self.layout))
            self.manifest, self._engine, self._words = session.manifest, session.engine, session.words
            self._store, self.files = session.store, session.files
            self.filler = LaneFiller(
                self._engine,
                self._store,
                self.manifest.lanes.values(),
                save_facts=self._save_embedded,
                after_commit=self._after_filling,
                storage=self._storage,
                flush_pages=self._flush_pages,
            )
            self._load()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if isinstance(error, OSError):
                raise error  # here, so that `open_for_writing` translates a full disk or a missing permission
            if kind is not None and issubclass(kind, KeyboardInterrupt):
                self.commit()  # the next run continues after the committed pages
                self.filler.commit()
            if kind is None:
                self.commit()
                self.filler.commit()
                self._store.compact(self._engine, self.manifest)
                garbage_collection.collect_file_garbage(self._engine, file_stores(self.layout, self.files))
                self._words.optimize()
                with transaction(self._engine) as connection:
                    VocabularyCache(self.layout.vocabulary).write(connection)

    def resume_page(self, sha256: str) -> int | None:
        """Return the page number from which a file with these bytes must be read: None for new files, a number for
        incomplete documents, 0 for files that need no reading."""
        if sha256 in self._documents:
            live, pages_in = self._documents[sha256]
            return 0 if live else pages_in + 1
        return 0 if sha256 in self._failures else None

    def path_facts(self, sha256: str) -> tuple[str, list[str]]:
        """Return what an indexed document took from its paths (`Document.path_facts`), and its paths."""
        if any(new.document.sha256 == sha256 for _, new in self._pending.new):
            self.commit()
        f, d, p = t.path_facts.c, t.documents.c, t.paths.c
        with transaction(self._engine) as connection:
            digests = select(f.digest).join(t.documents, d.key == f.document).where(d.sha256 == sha256)
            paths = select(p.path).join(t.documents, d.key == p.document).where(d.sha256 == sha256)
            return (
                connection.execute(digests).scalar() or "",
                list(connection.execute(paths.order_by(p.path)).scalars()),
            )

    def failed_before(self, sha256: str) -> str | None:
        """Return why a file with these bytes could not be read before, or None."""
        return self._failures[sha256][1] if sha256 in self._failures else None

    def add(self, new: DocumentPages) -> None:
        """Add pages; a document becomes visible as a whole with the commit of its last page. Pages that are not
        embedded are found by their words, until `filler` is given their rows."""
        key = self._started.get(new.document.sha256) or self._document_key(new.document.sha256)
        self._pending.new.append(
            (key, replace(new, tokens=self._pack(new)))
        )  # packed tokens take a quarter of the memory
        if new.last:
            self._started.pop(new.document.sha256, None)
        self._commit_when_full()

    def link(self, path: str, sha256: str) -> bool:
        """Record that a path has bytes that are known already; return whether this was new."""
        if sha256 in (self._paths.get(path), self._failed_at.get(path)):
            return False
        self._pending.links.append((path, sha256))
        self._commit_when_full()
        return True

    def record_failure(self, path: str, sha256: str | None, code: ReadCode, reason: str) -> None:
        """Record why a file could not be read. Its staged pages are dropped, and its older version too, unless the
        failure code is in `KEEPS_OLD_VERSION`."""
        self._pending.new = [(key, new) for key, new in self._pending.new if new.path != path]
        self._pending.failed.append((path, sha256, code, reason))
        if sha256 in self._started:
            del self._started[sha256]  # the commit removes its staged pages with its key
            self.commit()
        self._commit_when_full()

    def record_members(self, sha256: str, count: int) -> None:
        """Record how many members of a container are read."""
        if self._containers.get(sha256) == count:
            return
        with transaction(self._engine) as connection:
            connection.execute(delete(t.containers).where(t.containers.c.sha256 == sha256))
            connection.execute(insert(t.containers).values(sha256=sha256, members=count))
        self._containers[sha256] = count

    def lacks_members(self, path: str, sha256: str) -> bool:
        """Tell whether members of a container at a path, or of containers in it, are neither indexed nor failed."""
        if sha256 not in self._containers:
            return False
        self.commit()
        known = Counter(container_of(member) for member in self.member_paths())
        below = path + MEMBER_SEPARATOR
        inner = {other: digest for other, digest in self._paths.items() if other.startswith(below)}
        return any(
            known[container] < self._containers.get(digest, 0) for container, digest in {path: sha256, **inner}.items()
        )

    def member_paths(self) -> list[str]:
        """Return the known paths of members, indexed or failed."""
        return [path for path in {**self._paths, **self._failed_at} if MEMBER_SEPARATOR in path]

    def replace_unread_files(self, files: Sequence[UnreadFile], is_replaced: Callable[[str], bool]) -> None:
        """Record files that are not read, in place of the recorded ones whose path `is_replaced`."""
        self.commit()
        with transaction(self._engine) as connection:
            recorded = reads.read_unread_files(connection)
            new = {file.path: file for file in files}
            kept = [file for file in recorded if file.path not in new and not is_replaced(file.path)]
            if {*recorded} == {*kept, *new.values()}:
                return
            connection.execute(delete(t.unread_files))
            rows = [file._asdict() for file in (*kept, *new.values())]
            if rows:
                connection.execute(insert(t.unread_files), rows)
            self._words.mark_synced(writes.advance_generation(connection))

    def read_metadata(self) -> tuple[dict[str, Field], dict[str, Record]]:
        """Return the fields of metadata tables by name, and their records by path."""
        self.commit()
        with transaction(self._engine) as connection:
            return metadata_records.read_fields(connection), metadata_records.read_records(connection)

    def write_metadata(self, fields: Mapping[str, Field], records: Mapping[str, Record]) -> None:
        """Replace the fields by these, and the records of these paths, in one commit; vectors and texts stay."""
        self.commit()
        with transaction(self._engine) as connection:
            metadata_records.write(connection, fields, records)
            self._words.mark_synced(writes.advance_generation(connection))

    def write_labels(self, label_set: StoredLabelSet, labels: label_rows.PageLabels) -> None:
        """Replace the labels of the label set of this name, in one commit; vectors and texts stay."""
        self.commit()
        with transaction(self._engine) as connection:
            label_rows.write(connection, label_set, labels)
            self._words.mark_synced(writes.advance_generation(connection))

    def forget_labels(self, name: str) -> bool:
        """Remove a label set and its labels; return whether there was one."""
        self.commit()
        with transaction(self._engine) as connection:
            found = label_rows.forget(connection, name)
            self._words.mark_synced(writes.advance_generation(connection))
        return found

    def remove_documents(self, documents: Sequence[int]) -> None:
        """Remove documents by key."""
        self._pending.removed.extend(documents)
        self.commit()

    def remove_paths(self, paths: Sequence[str], *, moved: bool = False) -> list[str]:
        """Remove paths and their failures; a document is removed with its last path. Return the paths that had one.

        `moved`: a document's other paths get the path's record of metadata, if they have none.
        """
        self.commit()
        with transaction(self._engine) as connection:
            documents = {path: reads.document_at(connection, path) for path in paths}
            known = [path for path, document in documents.items() if document is not None]
            orphans: set[int] = set()
            for path in paths:
                document = documents[path]
                if moved and document is not None:
                    metadata_records.move(connection, path, document)
                orphans |= unlink_path(connection, path)
                connection.execute(delete(t.failures).where(t.failures.c.path == path))
            metadata_records.forget_unknown_paths(connection)
            if known and not orphans:  # no commit follows that would tell readers of the change
                self._words.mark_synced(writes.advance_generation(connection))
        self._pending.removed.extend(orphans)
        self.commit()
        self._load()
        return known

    def clear_failures(self, paths: Sequence[str] | None = None) -> list[str]:
        """Remove recorded failures, all or of these paths, so that the files are read again; return the paths."""
        with transaction(self._engine) as connection:
            recorded = [failure.path for failure in reads.read_failures(connection)]
            cleared = recorded if paths is None else [path for path in recorded if path in set(paths)]
            for path in cleared:
                connection.execute(delete(t.failures).where(t.failures.c.path == path))
        self._load()
        return cleared

    def unembedded_pages(self, first: Set[str] = frozenset()) -> list[UnembeddedPages]:
        """Return the pages of live documents that lack rows of lanes, for `filler`; documents of the SHA-256 in `first`
        come first."""
        self.commit()
        names = {lane.store: name for name, lane in self.manifest.lanes.items()}
        with transaction(self._engine) as connection:
            lacking = unembedded.stores_by_page(connection)
            documents = reads.read_documents(connection) if lacking else {}
        grouped: dict[tuple[int, frozenset[str]], list[int]] = {}
        for page, stores in lacking.items():
            lanes = frozenset(names[store] for store in stores if store in names)
            grouped.setdefault((document_of(page), lanes), []).append(page)
        found = [UnembeddedPages(documents[key], lanes, pages) for (key, lanes), pages in grouped.items() if lanes]
        return sorted(found, key=lambda part: (part.row.document.sha256 not in first, part.pages[0]))

    def _save_embedded(self, connection: Connection, pending: Sequence[EmbeddedPages]) -> None:
        for pages in pending:
            save_facts(connection, pages)
            for lane in (*pages.vectors, *pages.tokens):
                unembedded.remove(connection, pages.pages, self.manifest.lanes[lane].store)
        self._filled = writes.advance_generation(connection)

    def _after_filling(self, pages: int) -> None:
        self._words.mark_synced(self._filled)
        self._compact_when_due(pages)

    def _compact_when_due(self, pages: int) -> None:
        self._not_compacted += pages
        if self._not_compacted >= self._compact_pages:
            self._not_compacted = 0
            self._store.compact(self._engine, self.manifest)

    def commit(self) -> None:
        """Make everything pending durable and visible in one step."""
        self._committed = time.monotonic()
        if not self._pending:
            return
        pending, self._pending = self._pending, _Pending()
        written = {lane.store: self._write_rows(lane, pending.new) for lane in self.manifest.lanes.values()}
        self._words.add(_texts(pending.new))
        with transaction(self._engine) as connection:
            removed = self._write_catalog(connection, pending, written)
            generation = writes.advance_generation(connection)
        if removed:
            self._store.delete_documents(self.manifest, removed)
            self._words.delete_documents(removed)
        self._words.mark_synced(generation)
        self._update_state(pending, removed)
        self._compact_when_due(sum(len(new.pages) for _, new in pending.new))

    def _update_state(self, pending: _Pending, removed: set[int]) -> None:
        """Update what `resume_page`, `failed_before` and `link` need after a commit."""
        if removed or pending.failed or pending.links:
            self._load()
            return
        for _, new in pending.new:
            self._documents[new.document.sha256] = (new.last, new.pages[-1].number if new.pages else 0)
            if new.last:
                self._paths[new.path] = new.document.sha256

    def _load(self) -> None:
        """Read what `resume_page`, `failed_before` and `link` need."""
        with transaction(self._engine) as connection:
            d, p, f = t.documents.c, t.paths.c, t.failures.c
            rows = connection.execute(select(d.sha256, d.live, d.pages_in))
            self._documents = {sha256: (bool(live), pages_in) for sha256, live, pages_in in rows}
            links = connection.execute(select(p.path, d.sha256).join(t.documents, d.key == p.document))
            self._paths: dict[str, str] = {row.path: row.sha256 for row in links}
            failures = connection.execute(select(f.path, f.sha256, f.code, f.reason).where(f.sha256.is_not(None))).all()
            by_content = [row for row in failures if row.code not in KEEPS_OLD_VERSION]  # the others are tried again
            self._failures = {row.sha256: (row.code, row.reason) for row in by_content}
            self._failed_at = {row.path: row.sha256 for row in failures}
            members = connection.execute(select(t.containers.c.sha256, t.containers.c.members))
            self._containers: dict[str, int] = {row.sha256: row.members for row in members}

    def _document_key(self, sha256: str) -> int:
        """Return the key of a document: that of the incomplete one with these bytes, or a new one, which will take the
        place of a complete one with these bytes."""
        with transaction(self._engine) as connection:
            staged = reads.find_document(connection, sha256)
        key = self._next_key() if staged is None or staged.live else int(staged.key)
        self._started[sha256] = key
        return key

    def _next_key(self) -> int:
        key = next(self._keys, None)
        if key is None:
            with transaction(self._engine) as connection:
                self._keys = iter(writes.reserve_documents(connection))
            key = next(self._keys)
        return key

    def _commit_when_full(self) -> None:
        now = time.monotonic()
        has_vectors = any(new.embedded for _, new in self._pending.new)
        seconds = FLUSH_SECONDS if has_vectors else self._words_flush_seconds(now - self._opened)
        if self._pending.is_full(self._flush_pages) or now > self._committed + seconds:
            self.commit()

    def _write_rows(self, lane: LaneRecord, batch: KeyedPages) -> WrittenRows:
        """Store the rows of a lane durably."""
        batch = [(document, new) for document, new in batch if new.embedded]
        keys = [[page_key(document, page.number) for page in new.pages] for document, new in batch]
        if lane.space.multi_vector:
            packed = [pack_pages(lane, new.tokens[lane.name], self._storage) for _, new in batch]
            return self._store.write_tokens(lane, list(zip(keys, packed, strict=True)))
        if lane.covers == "passages":
            for _, new in batch:
                counts = new.vectors[lane.name].counts
                assert list(counts) == [len(passages) for passages in new.passages], (lane.name, counts)
        dense = [new.vectors[lane.name] for _, new in batch]
        return self._store.write_vectors(lane, list(zip(keys, dense, strict=True)))

    def _pack(self, new: DocumentPages) -> dict[str, TokenRows]:
        """Return the tokens of each multi-vector lane as they are stored."""
        lanes = {name: lane for name, lane in self.manifest.lanes.items() if lane.space.multi_vector and new.embedded}
        return {name: pack_pages(lane, new.tokens[name], self._storage) for name, lane in lanes.items()}

    def _write_catalog(self, connection: Connection, pending: _Pending, written: Mapping[str, WrittenRows]) -> set[int]:
        """Write the catalog's part of a commit; return the documents that it removes."""
        removed = set(pending.removed)
        for key, new in pending.new:
            removed |= insert_pages(connection, key, new)
            if not new.embedded:
                lanes = [lane for lane in self.manifest.lanes.values() if lane.has_rows_for(new.document.kind)]
                pages = [page_key(key, page.number) for page in new.pages]
                unembedded.add(connection, pages, [lane.store for lane in lanes])
        document_frequencies.add_pages(connection, (count_terms(text) for _, text in _texts(pending.new)))
        for store, (name, runs) in written.items():
            if name:
                register_segment(connection, store, name, runs)
        for path, sha256, code, reason in pending.failed:
            writes.record_failure(connection, path, sha256, code, reason)
            removed |= staged_at(connection, path)
            if code not in KEEPS_OLD_VERSION:
                removed |= unlink_path(connection, path)
        for path, sha256 in pending.links:
            removed |= link_path(connection, path, sha256)
        remove_documents(connection, sorted(removed))
        if removed:
            metadata_records.forget_unknown_paths(connection)
        return removed


def container_of(path: str) -> str:
    """Return the path of the container that a member is directly in; "" where a path is no member's."""
    return path.rpartition(MEMBER_SEPARATOR)[0]


def _texts(batch: KeyedPages) -> Iterator[tuple[int, str]]:
    """Yield page keys and the indexed text of each page."""
    for key, new in batch:
        for page in new.pages:
            yield page_key(key, page.number), indexed_text(page.text.text, page.caption)
