"""Rows of lanes for pages that the catalog has already: for re-embedding, and for pages that were indexed words first.

Pages are committed in batches: their rows are made durable in the stores, then one catalog transaction registers them.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine, select

from pagelens.index.catalog import reads, writes
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import PageRow
from pagelens.index.catalog.transactions import transaction
from pagelens.index.lane_rows import pack_pages
from pagelens.index.late.token_segments import Storage
from pagelens.index.layout import LaneRecord
from pagelens.index.records import EmbeddedPages, WrittenRows
from pagelens.index.stores.vector_store import VectorStore

FLUSH_ROWS = 1_024  # passages that make a commit due
FLUSH_PAGES = 256  # pages that make a commit due
FLUSH_SECONDS = 10.0  # from the last commit until one is due

SaveFacts = Callable[[Connection, Sequence[EmbeddedPages]], None]
"""Writes what else a commit says of pages, in the transaction that registers their rows."""


class LaneFiller:
    """Adds rows of lanes to pages of the catalog; a commit makes them durable, all rows of a page at once."""

    def __init__(
        self,
        engine: Engine,
        store: VectorStore,
        lanes: Iterable[LaneRecord],
        *,
        save_facts: SaveFacts,
        after_commit: Callable[[int], None] = lambda _: None,
        storage: Storage = "int8",
        flush_pages: int = FLUSH_PAGES,
    ) -> None:
        """`after_commit` is called with the number of pages of each commit. `flush_pages` pages are held in memory
        before one."""
        self._engine, self._store, self._lanes = engine, store, list(lanes)
        self._save_facts, self._after_commit = save_facts, after_commit
        self._storage: Storage = storage
        self._flush_pages = flush_pages
        self._pending: list[EmbeddedPages] = []
        self._committed = time.monotonic()

    def pages(self, keys: Sequence[int]) -> list[PageRow]:
        """Return pages by key, in the order of `keys`. Raises CollectionDamaged."""
        with transaction(self._engine) as connection:
            rows = reads.read_pages(connection, keys)
        reads.require_undamaged(rows.values())
        return [rows[key] for key in keys]

    def add(self, pages: EmbeddedPages) -> None:
        """Add the rows of pages; those for lanes that are not filled are ignored."""
        tokens = {
            lane.name: pack_pages(lane, pages.tokens[lane.name], self._storage)
            for lane in self._lanes
            if lane.name in pages.tokens  # packed tokens take a quarter of the memory
        }
        self._pending.append(replace(pages, tokens=tokens))
        row_count = sum(len(rows.vectors) for pending in self._pending for rows in pending.vectors.values())
        page_count = sum(len(pending.pages) for pending in self._pending)
        overdue = time.monotonic() > self._committed + FLUSH_SECONDS
        if row_count >= FLUSH_ROWS or page_count >= self._flush_pages or overdue:
            self.commit()

    def commit(self) -> None:
        """Make all added rows durable."""
        self._committed = time.monotonic()
        pending, self._pending = self._pending, []
        if not pending:
            return
        written = {lane.store: self._write_rows(lane, pending) for lane in self._lanes}
        with transaction(self._engine) as connection:
            for store, (name, runs) in written.items():
                if name:
                    writes.register_segment(connection, store, name, runs)
            self._save_facts(connection, pending)
        self._after_commit(sum(len(pages.pages) for pages in pending))

    def _write_rows(self, lane: LaneRecord, pending: Sequence[EmbeddedPages]) -> WrittenRows:
        if not lane.space.multi_vector:
            dense = [(pages.pages, pages.vectors[lane.name]) for pages in pending if lane.name in pages.vectors]
            return self._store.write_vectors(lane, dense)
        tokens = [
            (pages.pages, pack_pages(lane, pages.tokens[lane.name], self._storage))
            for pages in pending
            if lane.name in pages.tokens
        ]
        return self._store.write_tokens(lane, tokens)


def save_guesses(connection: Connection, pages: EmbeddedPages) -> None:
    """Save what photos show in the catalog."""
    for page, guesses in pages.guesses.items():
        writes.update_page(connection, page, {"guesses": [list(guess) for guess in guesses]})


def save_facts(connection: Connection, pages: EmbeddedPages) -> None:
    """Save what making the rows of pages has found out about them: guesses, problems, perceptual hashes, tables."""
    save_guesses(connection, pages)
    for page, problem in pages.problems.items():
        if connection.execute(select(t.pages.c.problem).where(t.pages.c.key == page)).scalar() == "":
            writes.update_page(connection, page, {"problem": problem})
    writes.save_perceptual_hashes(connection, pages.perceptual_hashes)
    writes.save_table_outlines(connection, pages.tables)
