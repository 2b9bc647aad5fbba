"""A collection moved to other models: new vectors are made beside the old ones, and one rename switches to them.

    collection.next.json     what `collection.json` will be; there as long as a move is under way or was broken off
    vectors/<store>/         of the new lanes, beside those of the old: a store is a lane in one space
    catalog: unpictured      pages whose picture could not be made, until the switch

The order: commits of some pages each, their segments written and synced before the catalog names them; then half-read
documents go, and pages without a picture get their reason; then the next manifest is renamed over the old one: this is
the switch. After it the old stores are forgotten and removed. Killed before it the collection is what it was, and the
next move to the same lanes goes on behind the last commit; killed after it the collection is the new one, and the next
writer clears what is left of the old (`pagelens.index.writer_session`).

Lanes that keep their space are kept as they are. This module knows no encoders; who adds rows makes them.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text, delete, insert, select, update

from pagelens.core.errors import UsageError
from pagelens.core.keys import MAX_PAGES, document_of, page_key, page_of
from pagelens.core.types import Guess, TokenMatrix
from pagelens.index.admin import garbage_collection
from pagelens.index.admin.compaction import register_segment
from pagelens.index.catalog import reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import DocumentRow, PageRow, transaction
from pagelens.index.catalog.writes import DenseRows, remove_documents
from pagelens.index.lane_rows import pack_pages
from pagelens.index.late.token_segments import Storage, TokenRows
from pagelens.index.layout import LaneRecord, Layout, sync_folder, write_json
from pagelens.index.stores.vector_store import Written
from pagelens.index.writer import FLUSH_PAGES, FLUSH_ROWS, FLUSH_SECONDS
from pagelens.index.writer_session import drop_other_stores, next_manifest, open_for_writing, places_of, stores

# Made when a move begins, dropped when it ends.
_unpictured = Table(
    "unpictured",
    MetaData(),
    Column("page", BigInteger, primary_key=True, autoincrement=False),
    Column("document", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class ReembeddedPages:
    """What the new lanes hold of some pages, of one document or several."""

    pages: Sequence[int]  # page keys
    vectors: Mapping[str, DenseRows]  # lane of one vector a row -> these pages' rows
    tokens: Mapping[str, Sequence[TokenMatrix] | TokenRows] = field(default_factory=dict)  # lane of many vectors
    guesses: Mapping[int, Sequence[Guess]] = field(default_factory=dict)  # page key -> what its photo shows
    problems: Mapping[int, str] = field(default_factory=dict)  # page key -> why it could not be pictured


class CollectionReembedding:
    """A move to other lanes, a context manager that holds the writer's lock. Leaving it before `finish` keeps what
    was committed for the next time; `finish` switches.

    Raises CollectionLocked, CollectionNotFound, UsageError.
    """

    def __init__(
        self,
        root: Path,
        *,
        profile: str,
        lanes: Sequence[LaneRecord],
        storage: Storage = "int8",
        flush_pages: int = FLUSH_PAGES,
    ) -> None:
        """`lanes` are those that the collection shall have; `flush_pages` are held in memory before a commit."""
        self.layout = Layout(root)
        self._profile = profile
        self._lanes = {lane.name: lane for lane in lanes}
        self._storage: Storage = storage
        self._flush_pages = flush_pages
        self._stack = ExitStack()
        self._pending: list[ReembeddedPages] = []
        self._committed = time.monotonic()
        self.half_read = 0  # documents that `finish` dropped; the next indexing run reads them from the beginning

    def __enter__(self) -> "CollectionReembedding":
        with ExitStack() as stack:
            opened = stack.enter_context(open_for_writing(self.layout))
            self._engine, self._words, self._store = opened.engine, opened.words, opened.store
            self.files = opened.files
            self.before = opened.manifest
            self.after = replace(self.before, profile=self._profile, lanes=self._lanes)
            self.new = [lane for lane in self._lanes.values() if not self._kept(lane)]
            self._begin()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is None or kind is KeyboardInterrupt:
                self.commit()

    @property
    def unchanged(self) -> bool:
        """Whether the collection is already what it shall be."""
        return self.after == self.before

    def waiting(self) -> list[tuple[DocumentRow, list[int]]]:
        """Return the documents that can be found, each with the keys of those pages that are in no new store yet."""
        if not self.new:
            return []
        with transaction(self._engine) as connection:
            found = reads.read_documents(connection)
            done = self._pages_in_new_stores(connection)
        left = []
        for key, row in found.items():
            pages = np.array([page_key(key, number) for number in range(1, row.document.page_count + 1)], np.int64)
            if len(missing := np.setdiff1d(pages, done[_of_document(done, key)], assume_unique=True)):
                left.append((row, missing.tolist()))
        return left

    def pages(self, keys: Sequence[int]) -> list[PageRow]:
        """Return pages by key, in the order given."""
        with transaction(self._engine) as connection:
            found = reads.read_pages(connection, keys)
        return [found[key] for key in keys]

    def unpictured(self) -> list[DocumentRow]:
        """Return the documents with pages that could not be pictured when this move came to them."""
        with transaction(self._engine) as connection:
            keys = connection.execute(select(_unpictured.c.document).distinct()).scalars().all() if self.new else []
            found = reads.read_documents(connection)
        return [found[key] for key in sorted(keys) if key in found]

    def again(self, documents: Sequence[int]) -> None:
        """Forget what the new stores hold of some documents, so that they wait again."""
        self.commit()
        with transaction(self._engine) as connection:
            mine = select(t.segments.c.id).where(t.segments.c.store.in_([lane.store for lane in self.new]))
            for key in documents:
                connection.execute(delete(t.runs).where(t.runs.c.document == key, t.runs.c.segment.in_(mine)))
                connection.execute(delete(_unpictured).where(_unpictured.c.document == key))

    def add(self, moved: ReembeddedPages) -> None:
        """Store rows for the new lanes; those of lanes that are kept are left out. A commit makes them durable."""
        tokens = {
            lane.name: pack_pages(lane, moved.tokens[lane.name], self._storage)
            for lane in self.new
            if lane.space.multi_vector
        }
        vectors = {lane.name: moved.vectors[lane.name] for lane in self.new if not lane.space.multi_vector}
        self._pending.append(ReembeddedPages(moved.pages, vectors, tokens, moved.guesses, moved.problems))
        rows = sum(len(one.vectors) for moved in self._pending for one in moved.vectors.values())
        pages = sum(len(moved.pages) for moved in self._pending)
        late = time.monotonic() > self._committed + FLUSH_SECONDS
        if rows >= FLUSH_ROWS or pages >= self._flush_pages or late:
            self.commit()

    def commit(self) -> None:
        """Make everything pending durable, all lanes of a page at once. Nothing of it can be found before `finish`."""
        self._committed = time.monotonic()
        pending, self._pending = self._pending, []
        if not pending:
            return
        named = {lane.store: self._write_rows(lane, pending) for lane in self.new}
        with transaction(self._engine) as connection:
            for store, (name, runs) in named.items():
                if name:
                    register_segment(connection, store, name, runs)
            for moved in pending:
                _record(connection, moved)

    def finish(self) -> None:
        """Switch: from here on the collection is the new one, and nothing is left of the old."""
        self.commit()
        if self.unchanged:
            return
        self._clear_the_way()
        self.layout.next_manifest.replace(self.layout.manifest)
        sync_folder(self.layout.root)
        drop_other_stores(self._engine, self._store, stores(self.after))
        self._count_commit()  # readers look at the manifest again, even where no store went
        self._store.merge(self._engine, self.after)
        garbage_collection.collect_file_garbage(self._engine, places_of(self.layout, self.files))
        self._words.tidy()

    def _kept(self, lane: LaneRecord) -> bool:
        """Whether a lane's vectors stay. Raises UsageError where old and new ones would be one store."""
        old = self.before.lanes.get(lane.name)
        if old is None or old.store != lane.store:
            return False
        if (old.space, old.covers) != (lane.space, lane.covers):
            raise UsageError(
                f"expected the {lane.name!r} lane to cover {old.covers} as it does, found {lane.covers} in the same "
                f"space, {lane.space}. Index the files into a new collection."
            )
        return True

    def _begin(self) -> None:
        """Go on with a move to the same lanes, else clear what another one left, and say where this one goes."""
        begun = next_manifest(self.layout)
        self.resumed = begun is not None and begun.lanes == self.after.lanes and not self.unchanged
        if not self.resumed:  # emptied before the new manifest names them: a store is never half of one move
            drop_other_stores(self._engine, self._store, stores(self.before))
            with transaction(self._engine) as connection:
                _unpictured.drop(connection, checkfirst=True)
        if self.unchanged:
            self.layout.next_manifest.unlink(missing_ok=True)
            return
        with transaction(self._engine) as connection:
            _unpictured.create(connection, checkfirst=True)
        if begun != self.after:
            write_json(self.layout.next_manifest, self.after.as_json())

    def _pages_in_new_stores(self, connection: Connection) -> NDArray[np.int64]:
        """Return the sorted keys of pages with a row in any new store; a commit holds all rows of its pages."""
        found = [np.zeros(0, np.int64)]
        for lane in self.new:
            keys = self._store.named_keys(connection, lane)
            found.append(keys if lane.space.multi_vector else page_of(keys))
        return np.unique(np.concatenate(found))

    def _write_rows(self, lane: LaneRecord, pending: Sequence[ReembeddedPages]) -> Written:
        if not lane.space.multi_vector:
            return self._store.write_vectors(lane, [(one.pages, one.vectors[lane.name]) for one in pending])
        packed = [(one.pages, pack_pages(lane, one.tokens[lane.name], self._storage)) for one in pending]
        return self._store.write_tokens(lane, packed)

    def _clear_the_way(self) -> None:
        """Drop half-read documents, whose rows are in old stores only, and note the pages without a picture."""
        d, p = t.documents.c, t.pages.c
        with transaction(self._engine) as connection:
            half_read = connection.execute(select(d.key).where(d.live == 0)).scalars().all()
            remove_documents(connection, half_read)
            for page, problem in connection.execute(select(_unpictured.c.page, _unpictured.c.problem)).all():
                connection.execute(update(t.pages).where(p.key == page, p.problem == "").values(problem=problem))
            _unpictured.drop(connection)
            if half_read:
                reads.advance(connection)
        self.half_read = len(half_read)
        self._words.sync()

    def _count_commit(self) -> None:
        with transaction(self._engine) as connection:
            reads.advance(connection)


def _of_document(pages: NDArray[np.int64], document: int) -> slice:
    """Return where a document's pages stand among sorted page keys."""
    first, last = np.searchsorted(pages, [page_key(document, 1), page_key(document, MAX_PAGES) + 1])
    return slice(int(first), int(last))


def _record(connection: Connection, moved: ReembeddedPages) -> None:
    """Note what the lanes' rows do not say."""
    for page, guesses in moved.guesses.items():
        row = {"guesses": [list(guess) for guess in guesses]}
        connection.execute(update(t.pages).where(t.pages.c.key == page).values(row))
    if moved.problems:
        rows = [
            {"page": page, "document": document_of(page), "problem": problem}
            for page, problem in moved.problems.items()
        ]
        connection.execute(delete(_unpictured).where(_unpictured.c.page.in_(list(moved.problems))))
        connection.execute(insert(_unpictured), rows)
