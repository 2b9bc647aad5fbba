"""The protocol of the `words` lane's index, and of its view at one commit. Implemented on tantivy and on Qdrant.

The index is a cache of the catalog. The text of a page key never changes, so the index is in sync exactly when it has
the pages of the catalog. Pages are added before the catalog's commit and deleted after it; a reader finds only live
pages of its own commit, whatever else the index contains.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from pagelens.core.word_breaks import join_broken_words, other_forms
from pagelens.index.catalog import tables as t
from pagelens.index.lane_queries import LexicalQuery, SearchResult

BATCH = 2_000  # pages read from the catalog at a time

Pages = Iterable[tuple[int, str]]
"""Page keys and the pages' indexed text."""


def indexed_text(text: str, caption: str) -> str:
    """Return the text that the lane indexes for a page: words that are broken at line ends are whole."""
    return "\n".join((join_broken_words(text), caption, *other_forms(text)))


def read_indexed_texts(connection: Connection, keys: NDArray[np.int64]) -> Iterator[tuple[int, str]]:
    """Yield the keys of pages and their indexed texts."""
    return ((key, indexed_text(text, caption)) for key, text, caption in read_texts(connection, keys))


def read_texts(connection: Connection, keys: NDArray[np.int64]) -> Iterator[tuple[int, str, str]]:
    """Yield the keys of pages, their texts and their captions."""
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH].tolist()
        rows = select(t.pages.c.key, t.pages.c.text, t.pages.c.caption).where(t.pages.c.key.in_(batch))
        yield from ((key, text, caption) for key, text, caption in connection.execute(rows).all())


class LexicalView(Protocol):
    """BM25 over the live pages of one commit: k1 = 1.2, b = 0.75, over terms and bigrams."""

    @property
    def problem(self) -> str:
        """Why the lane finds nothing, where its index is damaged and cannot be built again here; otherwise empty."""
        ...

    def __len__(self) -> int:
        """The number of pages counted in document frequencies."""
        ...

    def idf(self, connection: Connection, terms: Sequence[str]) -> dict[str, float]:
        """Return ln(1 + (N - n + .5) / (n + .5)) for each analyzed term; `connection` reads the view's commit."""
        ...

    def prepare(self, connection: Connection, query: LexicalQuery) -> Callable[[], SearchResult]:
        """Read what a search needs from the catalog and return the search, which no longer uses `connection`.

        It returns keys and scores of the best selected pages with any of the terms, best first, ties by key.
        """
        ...


class LexicalIndex(Protocol):
    """The lane's index. Only the one writer, who holds the collection's lock, calls the methods that write."""

    def add(self, pages: Pages) -> None:
        """Store pages durably; they are found once the catalog has them."""
        ...

    def delete_documents(self, documents: Collection[int]) -> None:
        """Delete the pages of documents that the catalog has just removed."""
        ...

    def mark_synced(self, generation: int) -> None:
        """Record that the index is in sync with a generation of the catalog."""
        ...

    def is_synced(self, generation: int) -> bool:
        """Whether a reader of that generation finds all its pages."""
        ...

    def sync(self) -> None:
        """Add the pages that are missing and delete those that the catalog does not have."""
        ...

    def optimize(self) -> None:
        """Sync, and rewrite what has become inexact, at the end of a writer's work."""
        ...

    def rebuild(self) -> None:
        """Write the whole index again from the catalog."""
        ...

    def check(self, connection: Connection, *, deep: bool = False) -> list[str]:
        """Return descriptions of all problems; `deep` reads every row of a server."""
        ...

    def view(self, connection: Connection, live: NDArray[np.int64], pages: int) -> LexicalView:
        """Return the view at the commit that `connection` reads.

        `live` are the sorted keys of its documents, which have `pages` pages.
        """
        ...

    def close(self) -> None:
        """Close what writing needs; views stay usable."""
        ...
