"""Re-embedding of a collection for other lanes: new vectors are stored beside the old ones, then one rename switches.

    collection.next.json     the future `collection.json`; exists while re-embedding is running or interrupted
    vectors/<store>/         of the new lanes, beside those of the old; a store holds a lane in one space
    catalog: unrendered      pages whose image could not be rendered, until the switch

Pages are committed in batches: their segments are written and synced before the catalog names them. At the end partly
indexed documents are removed, pages without an image get their reason, and the next manifest is renamed over the old
one: this is the switch. Then the old stores are removed. A process killed before the switch leaves the collection as it
was, and the next run for the same lanes continues after the last commit. A process killed after it leaves the new
collection, and the next writer removes what is left of the old (`pagelens.index.writer_session`). Lanes whose space
stays the same keep their vectors.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text, delete, insert, select

from pagelens.core.errors import UsageError
from pagelens.core.keys import MAX_PAGES, document_of, page_key, page_of
from pagelens.index import garbage_collection
from pagelens.index.catalog import reads, writes
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.index.catalog.transactions import transaction
from pagelens.index.catalog.writes import remove_documents
from pagelens.index.lane_filling import FLUSH_PAGES, LaneFiller, save_guesses
from pagelens.index.late.token_segments import Storage
from pagelens.index.layout import LaneRecord, Layout, sync_folder, write_json
from pagelens.index.records import EmbeddedPages
from pagelens.index.writer_session import drop_other_stores, file_stores, next_manifest, open_for_writing, store_names

# Created when re-embedding starts, dropped at the switch.
_unrendered = Table(
    "unrendered",
    MetaData(),
    Column("page", BigInteger, primary_key=True, autoincrement=False),
    Column("document", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
)


class CollectionReembedding:
    """The storage side of re-embedding; a context manager that holds the writer lock. Leaving it before `finish` keeps
    what was committed for the next run; `finish` switches to the new lanes.

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
        """`lanes` are the future lanes; `flush_pages` pages are held in memory before a commit."""
        self.layout = Layout(root)
        self._profile = profile
        self._lanes = {lane.name: lane for lane in lanes}
        self._storage: Storage = storage
        self._flush_pages = flush_pages
        self._stack = ExitStack()
        self.unfinished_documents = 0  # partly indexed ones removed by `finish`; indexing starts them again

    def __enter__(self) -> "CollectionReembedding":
        with ExitStack() as stack:
            opened = stack.enter_context(open_for_writing(self.layout))
            self._engine, self._words, self._store = opened.engine, opened.words, opened.store
            self.files = opened.files
            self.before = opened.manifest
            self.after = replace(self.before, profile=self._profile, lanes=self._lanes)
            self.new = [lane for lane in self._lanes.values() if not self._kept(lane)]
            self._filler = LaneFiller(
                self._engine,
                self._store,
                self.new,
                save_facts=_save_page_facts,
                storage=self._storage,
                flush_pages=self._flush_pages,
            )
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
        """Whether the collection already has the future profile and lanes."""
        return self.after == self.before

    def pending_pages(self) -> list[tuple[DocumentRow, list[int]]]:
        """Return the live documents that are not done, each with the keys of its pages that are in no new store yet."""
        if not self.new:
            return []
        with transaction(self._engine) as connection:
            documents = reads.read_documents(connection)
            done = self._pages_in_new_stores(connection)
        pending = []
        for key, row in documents.items():
            pages = np.array([page_key(key, number) for number in range(1, row.document.page_count + 1)], np.int64)
            if len(missing := np.setdiff1d(pages, done[_of_document(done, key)], assume_unique=True)):
                pending.append((row, missing.tolist()))
        return pending

    def pages(self, keys: Sequence[int]) -> list[PageRow]:
        """See `LaneFiller.pages`."""
        return self._filler.pages(keys)

    def documents_without_images(self) -> list[DocumentRow]:
        """Return the documents with pages whose image could not be rendered in this or an interrupted run."""
        with transaction(self._engine) as connection:
            keys = connection.execute(select(_unrendered.c.document).distinct()).scalars().all() if self.new else []
            documents = reads.read_documents(connection)
        return [documents[key] for key in sorted(keys) if key in documents]

    def requeue(self, documents: Sequence[int]) -> None:
        """Remove documents from the new stores, so that their pages are pending again."""
        self.commit()
        with transaction(self._engine) as connection:
            new_segments = select(t.segments.c.id).where(t.segments.c.store.in_([lane.store for lane in self.new]))
            for key in documents:
                connection.execute(delete(t.runs).where(t.runs.c.document == key, t.runs.c.segment.in_(new_segments)))
                connection.execute(delete(_unrendered).where(_unrendered.c.document == key))

    def add(self, pages: EmbeddedPages) -> None:
        """Add rows for the new lanes; rows for lanes that are kept are ignored. The next commit makes them durable."""
        self._filler.add(pages)

    def commit(self) -> None:
        """Make all added rows durable, all lanes of a page at once. Searches use them only after `finish`."""
        self._filler.commit()

    def finish(self) -> None:
        """Commit, switch to the new lanes, and remove the old ones."""
        self.commit()
        if self.unchanged:
            return
        self._prepare_switch()
        self.layout.next_manifest.replace(self.layout.manifest)
        sync_folder(self.layout.root)
        drop_other_stores(self._engine, self._store, store_names(self.after))
        self._advance_generation()  # readers then read the manifest again, even if no store was removed
        self._store.compact(self._engine, self.after)
        garbage_collection.collect_file_garbage(self._engine, file_stores(self.layout, self.files))
        self._words.optimize()

    def _kept(self, lane: LaneRecord) -> bool:
        """Return whether a lane keeps its vectors. Raises UsageError if old and new vectors would share a store."""
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
        """Continue an interrupted run for the same lanes; otherwise remove its rows and write the next manifest."""
        interrupted = next_manifest(self.layout)
        self.resumed = interrupted is not None and interrupted.lanes == self.after.lanes and not self.unchanged
        if not self.resumed:  # new stores are emptied before the next manifest names them
            drop_other_stores(self._engine, self._store, store_names(self.before))
            with transaction(self._engine) as connection:
                _unrendered.drop(connection, checkfirst=True)
        if self.unchanged:
            self.layout.next_manifest.unlink(missing_ok=True)
            return
        with transaction(self._engine) as connection:
            _unrendered.create(connection, checkfirst=True)
        if interrupted != self.after:
            write_json(self.layout.next_manifest, self.after.as_json())

    def _pages_in_new_stores(self, connection: Connection) -> NDArray[np.int64]:
        """Return the sorted keys of pages with a row in any new store; a commit writes all rows of a page."""
        page_keys = [np.zeros(0, np.int64)]
        for lane in self.new:
            keys = self._store.cataloged_keys(connection, lane)
            page_keys.append(keys if lane.space.multi_vector else page_of(keys))
        return np.unique(np.concatenate(page_keys))

    def _prepare_switch(self) -> None:
        """Remove partly indexed documents, which have rows in old stores only, and save why pages have no image."""
        d, p = t.documents.c, t.pages.c
        with transaction(self._engine) as connection:
            unfinished = connection.execute(select(d.key).where(d.live == 0)).scalars().all()
            remove_documents(connection, unfinished)
            for page, problem in connection.execute(select(_unrendered.c.page, _unrendered.c.problem)).all():
                if connection.execute(select(p.problem).where(p.key == page)).scalar() == "":
                    writes.update_page(connection, page, {"problem": problem})
            _unrendered.drop(connection)
            if unfinished:
                writes.advance_generation(connection)
        self.unfinished_documents = len(unfinished)
        self._words.sync()

    def _advance_generation(self) -> None:
        with transaction(self._engine) as connection:
            writes.advance_generation(connection)


def _of_document(pages: NDArray[np.int64], document: int) -> slice:
    """Return the slice of sorted page keys that belongs to a document."""
    first, last = np.searchsorted(pages, [page_key(document, 1), page_key(document, MAX_PAGES) + 1])
    return slice(int(first), int(last))


def _save_page_facts(connection: Connection, pending: Sequence[EmbeddedPages]) -> None:
    """Save guesses, perceptual hashes and problems of pages in the catalog; problems count with the switch only."""
    for pages in pending:
        save_guesses(connection, pages)
        writes.save_perceptual_hashes(connection, pages.perceptual_hashes)
        writes.save_table_outlines(connection, pages.tables)
        rows = [
            {"page": page, "document": document_of(page), "problem": problem}
            for page, problem in pages.problems.items()
        ]
        if rows:
            connection.execute(delete(_unrendered).where(_unrendered.c.page.in_(list(pages.problems))))
            connection.execute(insert(_unrendered), rows)
