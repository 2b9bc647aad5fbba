"""The `words` lane in the collection's folder, on tantivy: implements `pagelens.index.lexical.lexical_index`.

`words.json` records the generation with which the index was in sync. A reader that sees another generation syncs the
index if it gets the writer's lock.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from pagelens.core.keys import document_of
from pagelens.index.catalog import reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.transactions import transaction
from pagelens.index.lane_queries import LexicalQuery, SearchResult
from pagelens.index.lexical.lexical_index import Pages, indexed_text
from pagelens.index.lexical.tantivy_index import TantivyIndex, TantivySearcher

logger = logging.getLogger(__name__)

MAX_REMOVED_SHARE = 0.01  # of pages, removed but still in the term statistics, before the index is rebuilt
SMALL = 2_000  # pages; an index of so few is rebuilt (0.7 s) after any removal
BATCH = 2_000  # pages read from the catalog at a time


class LocalLexicalIndex:
    """See `LexicalIndex`."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._engine = engine
        self._index = TantivyIndex(folder)

    def add(self, pages: Pages) -> None:
        """See `LexicalIndex.add`."""
        self._index.add(pages)
        self._index.commit()

    def delete_documents(self, documents: Collection[int]) -> None:
        """See `LexicalIndex.delete_documents`."""
        self._index.remove_documents(sorted(documents))
        self._index.commit()

    def mark_synced(self, generation: int) -> None:
        """See `LexicalIndex.mark_synced`."""
        self._index.mark_synced(generation)

    def is_synced(self, generation: int) -> bool:
        """See `LexicalIndex.is_synced`."""
        return self._index.generation == generation

    def sync(self) -> None:
        """See `LexicalIndex.sync`."""
        with transaction(self._engine) as connection:
            generation = reads.generation(connection)
            if self._index.generation == generation:
                return
            expected, found = reads.page_keys(connection), self._index.page_keys()
            missing, unknown = np.setdiff1d(expected, found), np.setdiff1d(found, expected)
            logger.info("words lane: %d pages to add, %d to remove", len(missing), len(unknown))
            self._index.remove(unknown.tolist())
            self._index.add(_texts(connection, missing))
            self._index.commit()
            self._index.mark_synced(generation)

    def optimize(self) -> None:
        """Rebuild the index when removed pages distort its term statistics too much, and sync it."""
        pages, removed = len(self._index.searcher()), self._index.tombstones()
        if removed > (0 if pages <= SMALL else MAX_REMOVED_SHARE * pages):
            self.rebuild()
        self.sync()

    def rebuild(self) -> None:
        """See `LexicalIndex.rebuild`. One commit: readers see the old index or the new one."""
        with transaction(self._engine) as connection:
            self._index.clear()
            self._index.add(_texts(connection, reads.page_keys(connection)))
            self._index.commit()
            self._index.mark_synced(reads.generation(connection))

    def check(self, connection: Connection, *, deep: bool = False) -> list[str]:
        """See `LexicalIndex.check`; page keys are compared, `deep` or not."""
        del deep
        missing = np.setdiff1d(reads.page_keys(connection), self._index.page_keys())
        return (
            [f"words: {len(missing)} pages are not in the lexical index. Run: pagelens index"] if len(missing) else []
        )

    def view(self, connection: Connection, live: NDArray[np.int64], pages: int) -> "LocalLexicalView":
        """See `LexicalIndex.view`."""
        del connection
        return LocalLexicalView(self._index.searcher(), live, pages)

    def close(self) -> None:
        """See `LexicalIndex.close`."""
        self._index.close()


class LocalLexicalView:
    """See `LexicalView`."""

    def __init__(self, searcher: TantivySearcher, live: NDArray[np.int64], pages: int) -> None:
        self._searcher, self._live = searcher, live
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
        hits = self._searcher.search(query.terms, query.k + self._invisible, selection=query.selection)
        keys = np.array([key for key, _ in hits], np.int64)
        scores = np.array([score for _, score in hits], np.float32)
        visible = np.isin(document_of(keys), self._live)
        return keys[visible][: query.k], scores[visible][: query.k]


def _texts(connection: Connection, keys: NDArray[np.int64]) -> Iterator[tuple[int, str]]:
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH].tolist()
        rows = connection.execute(
            select(t.pages.c.key, t.pages.c.text, t.pages.c.caption).where(t.pages.c.key.in_(batch))
        )
        for key, text, caption in rows.all():
            yield key, indexed_text(text, caption)
