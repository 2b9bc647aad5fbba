"""The `words` lane in the collection's own folder, on tantivy (`pagelens.index.lexical.tantivy_index`): see `pagelens.index.lexical.lexical_index`.

`words.json` remembers the catalog's generation for which the index was in step with it; whoever finds another one, and
gets the writer's lock, brings it in step.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from pagelens.core.keys import document_of
from pagelens.index.catalog import reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import transaction
from pagelens.index.lexical.lexical_index import Pages, indexed_text
from pagelens.index.lexical.tantivy_index import WordsIndex, WordsSearcher
from pagelens.index.selection import Selection

logger = logging.getLogger(__name__)

TOMBSTONE_SHARE = 0.01  # removed pages still in the term statistics before the lexical index is written anew;
FEW_PAGES = 2_000  # in a collection of so few (0.7 s), any removed page is reason enough
BATCH = 2_000  # pages read at a time when the lexical index catches up


class EmbeddedWords:
    """See `LexicalIndex`."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._engine = engine
        self._index = WordsIndex(folder)

    def add(self, pages: Pages) -> None:
        """See `LexicalIndex.add`."""
        self._index.add(pages)
        self._index.commit()

    def forget(self, documents: Collection[int]) -> None:
        """See `LexicalIndex.forget`."""
        self._index.remove_documents(sorted(documents))
        self._index.commit()

    def mark(self, generation: int) -> None:
        """See `LexicalIndex.mark`."""
        self._index.mark(generation)

    def in_step(self, generation: int) -> bool:
        """See `LexicalIndex.in_step`."""
        return self._index.generation == generation

    def sync(self) -> None:
        """See `LexicalIndex.sync`."""
        with transaction(self._engine) as connection:
            generation = reads.generation(connection)
            if self._index.generation == generation:
                return
            wanted, found = reads.page_keys(connection), self._index.page_keys()
            missing, strange = np.setdiff1d(wanted, found), np.setdiff1d(found, wanted)
            logger.info("words lane: %d pages to add, %d to remove", len(missing), len(strange))
            self._index.remove(strange.tolist())
            self._index.add(_texts(connection, missing))
            self._index.commit()
            self._index.mark(generation)

    def tidy(self) -> None:
        """Write the index anew when removed pages weigh too much on its term statistics."""
        pages, removed = len(self._index.searcher()), self._index.tombstones()
        if removed > (0 if pages <= FEW_PAGES else TOMBSTONE_SHARE * pages):
            self.mend()
        self.sync()

    def mend(self) -> None:
        """Write the index anew."""
        with transaction(self._engine) as connection:
            self._index.clear()
            self._index.add(_texts(connection, reads.page_keys(connection)))
            self._index.commit()  # one commit: readers see the old index or the new one
            self._index.mark(reads.generation(connection))

    def check(self, connection: Connection, *, deep: bool = False) -> list[str]:
        """See `LexicalIndex.check`."""
        absent = np.setdiff1d(reads.page_keys(connection), self._index.page_keys())
        return [f"words: {len(absent)} pages are not in the lexical index. Run: pagelens index"] * bool(len(absent))

    def view(self, connection: Connection, live: NDArray[np.int64], pages: int) -> "EmbeddedLaneWords":
        """See `LexicalIndex.view`."""
        return EmbeddedLaneWords(self._index.searcher(), live, pages)

    def close(self) -> None:
        """See `LexicalIndex.close`."""
        self._index.close()


class EmbeddedLaneWords:
    """See `LaneWords`."""

    def __init__(self, searcher: WordsSearcher, live: NDArray[np.int64], pages: int) -> None:
        self._searcher, self._live = searcher, live
        self._strangers = max(0, len(searcher) - pages)  # pages being written or just removed

    def __len__(self) -> int:
        return len(self._searcher)

    def load_frequencies(self, connection: Connection, terms: Sequence[str]) -> None:
        """Nothing: the index counts its terms itself."""

    def idf(self, term: str) -> float:
        """See `LaneWords.idf`."""
        return self._searcher.idf(term)

    def search(
        self, terms: Sequence[str], k: int, *, selection: Selection | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `LaneWords.search`."""
        found = self._searcher.search(terms, k + self._strangers, selection=selection)
        keys = np.array([key for key, _ in found], np.int64)
        keep = np.isin(document_of(keys), self._live)
        return keys[keep][:k], np.array([score for _, score in found], np.float32)[keep][:k]


def _texts(connection: Connection, keys: NDArray[np.int64]) -> Iterator[tuple[int, str]]:
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH].tolist()
        rows = connection.execute(
            select(t.pages.c.key, t.pages.c.text, t.pages.c.caption).where(t.pages.c.key.in_(batch))
        )
        for key, text, caption in rows.all():
            yield key, indexed_text(text, caption)
