"""The `words` lane in the collection's folder, on tantivy: implements `pagelens.index.lexical.lexical_index`.

`words.json` records the generation with which the index was in sync. A reader that sees another generation syncs the
index if it gets the writer's lock.
"""

import logging
import shutil
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from pagelens.core.errors import CollectionDamaged
from pagelens.core.keys import document_of
from pagelens.index.catalog import reads, undo_log
from pagelens.index.catalog.transactions import transaction
from pagelens.index.lane_queries import LexicalQuery, SearchResult
from pagelens.index.lexical.lexical_index import Pages, read_indexed_texts
from pagelens.index.lexical.tantivy_index import TantivyIndex, TantivySearcher

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

MAX_REMOVED_SHARE = 0.01  # of pages, removed but still in the term statistics, before the index is rebuilt
SMALL = 2_000  # pages; an index of so few is rebuilt (0.7 s) after any removal
MAX_PAGES_IN_MEMORY = 50_000  # 18 s and 0.1 GB; beyond, a reader that cannot write leaves a damaged lane out
VERIFIED_BYTES = 64 << 20  # of the index that are verified when a reader opens it: 0.1 s


class LocalLexicalIndex:
    """See `LexicalIndex`. A damaged index is dropped and built again from the catalog: by a writer at once, by a reader
    if it gets the writer's lock, and otherwise in the reader's memory."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._folder, self._engine = folder, engine
        self._opened: TantivyIndex | None = None

    def add(self, pages: Pages) -> None:
        """See `LexicalIndex.add`."""
        added = list(pages)

        def work(index: TantivyIndex) -> None:
            index.add(added)
            index.commit()

        self._rebuilding(work)

    def delete_documents(self, documents: Collection[int]) -> None:
        """See `LexicalIndex.delete_documents`."""

        def work(index: TantivyIndex) -> None:
            index.remove_documents(sorted(documents))
            index.commit()

        self._rebuilding(work)

    def mark_synced(self, generation: int) -> None:
        """See `LexicalIndex.mark_synced`."""
        self._rebuilding(lambda index: index.mark_synced(generation))

    def is_synced(self, generation: int) -> bool:
        """See `LexicalIndex.is_synced`."""
        try:
            self._index().verify(limit=VERIFIED_BYTES)
            return self._index().generation == generation
        except CollectionDamaged as exc:
            logger.warning("%s", exc)
            self._opened = None
            return False

    def sync(self) -> None:
        """See `LexicalIndex.sync`."""
        self._rebuilding(self._sync)

    def _sync(self, index: TantivyIndex) -> None:
        index.verify()  # before it is merged, which gives damage a fresh CRC
        with transaction(self._engine) as connection:
            generation = reads.generation(connection)
            if index.generation == generation and len(index.searcher()) >= reads.page_count(connection):
                return
            expected, found = reads.page_keys(connection), index.page_keys()
            missing, unknown = np.setdiff1d(expected, found), np.setdiff1d(found, expected)
            logger.info("words lane: %d pages to add, %d to remove", len(missing), len(unknown))
            index.remove(unknown.tolist())
            index.add(read_indexed_texts(connection, missing))
            index.commit()
            index.mark_synced(generation)

    def optimize(self) -> None:
        """Rebuild the index when removed pages distort its term statistics too much, and sync it."""
        pages, removed = self._rebuilding(lambda index: (len(index.searcher()), index.tombstones()))
        with transaction(self._engine) as connection:
            must_be_exact = pages <= SMALL or undo_log.is_kept(connection)  # an earlier commit's index is built anew
        if removed > (0 if must_be_exact else MAX_REMOVED_SHARE * pages):
            self.rebuild()
        self.sync()

    def rebuild(self) -> None:
        """See `LexicalIndex.rebuild`. One commit: readers see the old index, unless it was damaged, or the new one."""
        self._rebuilding(self._rebuild)

    def _rebuild(self, index: TantivyIndex) -> None:
        index.verify()
        with transaction(self._engine) as connection:
            index.clear()
            index.add(read_indexed_texts(connection, reads.page_keys(connection)))
            index.commit()
            index.mark_synced(reads.generation(connection))

    def check(self, connection: Connection, *, deep: bool = False) -> list[str]:
        """See `LexicalIndex.check`; all files are read and page keys are compared, `deep` or not."""
        del deep
        try:
            self._index().verify()
            missing = np.setdiff1d(reads.page_keys(connection), self._index().page_keys())
        except CollectionDamaged as exc:
            return [f"words: {exc}"]
        return (
            [f"words: {len(missing)} pages are not in the lexical index. Run: pagelens index"] if len(missing) else []
        )

    def view(self, connection: Connection, live: NDArray[np.int64], pages: int) -> "LocalLexicalView":
        """See `LexicalIndex.view`."""
        try:
            self._index().verify(limit=VERIFIED_BYTES)
            searcher = self._index().searcher()
            if len(searcher) < pages:
                raise CollectionDamaged(f"expected {pages} pages in the lexical index, found {len(searcher)}")
            return LocalLexicalView(searcher, live, pages)
        except CollectionDamaged as exc:
            problem = str(exc)
        self._opened, index = None, TantivyIndex(None)
        if pages > MAX_PAGES_IN_MEMORY:
            return LocalLexicalView(index.searcher(), live, 0, problem)
        logger.warning("words lane: built in memory for this process: %s", problem)
        index.add(read_indexed_texts(connection, reads.page_keys(connection)))
        index.commit()
        index.close()
        return LocalLexicalView(index.searcher(), live, pages)

    def close(self) -> None:
        """See `LexicalIndex.close`."""
        if self._opened is not None:
            try:
                self._opened.close()
            except CollectionDamaged as exc:
                logger.warning("the next writer builds the lexical index again: %s", exc)
                self._drop()

    def _index(self) -> TantivyIndex:
        if self._opened is None:
            self._opened = TantivyIndex(self._folder)
        return self._opened

    def _rebuilding(self, work: Callable[[TantivyIndex], Result]) -> Result:
        """Return `work(index)`. A damaged index is dropped and built again first; only for the writer."""
        try:
            return work(self._index())
        except CollectionDamaged as exc:
            logger.warning("the lexical index is built again: %s", exc)
        self._drop()  # outside the handler, whose traceback keeps tantivy's writer alive
        self._rebuild(self._index())
        return work(self._index())

    def _drop(self) -> None:
        self._opened = None
        shutil.rmtree(self._folder, ignore_errors=True)


class LocalLexicalView:
    """See `LexicalView`."""

    def __init__(self, searcher: TantivySearcher, live: NDArray[np.int64], pages: int, problem: str = "") -> None:
        self._searcher, self._live, self.problem = searcher, live, problem
        self._invisible = max(0, len(searcher) - pages)  # pages being written or just removed

    def __len__(self) -> int:
        return len(self._searcher)

    def idf(self, connection: Connection, terms: Sequence[str]) -> dict[str, float]:
        """See `LexicalView.idf`; the index has the frequencies itself."""
        del connection
        return {term: self._searcher.idf(term) for term in terms}

    def prepare(self, connection: Connection, query: LexicalQuery) -> Callable[[], SearchResult]:
        """See `LexicalView.prepare`."""
        del connection
        return partial(self._search, query)

    def _search(self, query: LexicalQuery) -> SearchResult:
        hits = self._searcher.search(
            query.terms, query.k + self._invisible, selection=query.selection, weights=query.weights
        )
        keys = np.array([key for key, _ in hits], np.int64)
        scores = np.array([score for _, score in hits], np.float32)
        visible = np.isin(document_of(keys), self._live)
        return keys[visible][: query.k], scores[visible][: query.k]
