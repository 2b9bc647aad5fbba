"""The `words` lane at rest, and what every place it may lie in does: `pagelens.index.lexical.local_words`, `pagelens.index.lexical.qdrant_words`.

It is a cache of the catalog: a page key never changes its text, so the lane is in step exactly when it has the
catalog's pages. Pages go in before the catalog's commit and out after it; what a reader finds are live pages of its
own commit, whatever else is there.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from pagelens.index.selection import Selection

Pages = Iterable[tuple[int, str]]
"""Page keys and what stands on the pages."""


def indexed_text(text: str, caption: str) -> str:
    """Return what the lane indexes of a page."""
    return f"{text}\n{caption}"


class LaneWords(Protocol):
    """BM25 over the live pages of one commit: k1 = 1.2, b = 0.75, terms and pairs of neighbouring terms."""

    def __len__(self) -> int:
        """The number of pages that count for the terms' frequencies."""
        ...

    def load_frequencies(self, connection: Connection, terms: Sequence[str]) -> None:
        """Look up what `idf` and `search` will want of a query's analyzed terms; `connection` sees the same commit."""
        ...

    def idf(self, term: str) -> float:
        """Return the inverse document frequency of an analyzed term that is known: ln(1 + (N - n + .5) / (n + .5))."""
        ...

    def search(
        self, terms: Sequence[str], k: int, *, selection: Selection | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return keys and scores of the k best selected pages that hold any of the terms, best first, ties by key.

        `terms` are analyzed terms in the query's order, and known."""
        ...


class LexicalIndex(Protocol):
    """The lane at rest. Writing is for the one writer, who holds the collection's lock."""

    def add(self, pages: Pages) -> None:
        """Make pages durable; they are not found before the catalog has them."""
        ...

    def forget(self, documents: Collection[int]) -> None:
        """Give up the pages of documents that the catalog has just forgotten."""
        ...

    def mark(self, generation: int) -> None:
        """Remember that the lane is in step with a generation of the catalog."""
        ...

    def in_step(self, generation: int) -> bool:
        """Whether a reader of that generation finds every page of it."""
        ...

    def sync(self) -> None:
        """Bring the lane in step: the pages it lacks go in, the pages it has too many go out."""
        ...

    def tidy(self) -> None:
        """Tidy up at the end of a writer's work, in step."""
        ...

    def mend(self) -> None:
        """Put right whatever `check` finds wrong."""
        ...

    def check(self, connection: Connection, *, deep: bool = False) -> list[str]:
        """Return what is wrong with the lane, in words; `deep` looks at every row."""
        ...

    def view(self, connection: Connection, live: NDArray[np.int64], pages: int) -> LaneWords:
        """Return the lane at the commit that `connection` sees; `live` are its documents, sorted, of so many pages."""
        ...

    def close(self) -> None:
        """Give up what writing holds open; readers are not disturbed."""
        ...


class SnapshotWords:
    """The `words` lane of a snapshot."""

    def __init__(self, words: LaneWords, connection: Connection) -> None:
        self._words, self._connection = words, connection

    def __len__(self) -> int:
        return len(self._words)

    def idf(self, terms: Sequence[str]) -> dict[str, float]:
        """Return the inverse document frequency of each of some analyzed terms: ln(1 + (N - n + .5) / (n + .5))."""
        self._words.load_frequencies(self._connection, terms)
        return {term: self._words.idf(term) for term in terms}

    def search(self, terms: Sequence[str], k: int, *, selection: Selection | None = None) -> list[tuple[int, float]]:
        """Return the k best selected pages as (key, score), best first, ties by key; `terms` as `LaneWords.search`."""
        self._words.load_frequencies(self._connection, terms)
        keys, scores = self._words.search(terms, k, selection=selection)
        return list(zip(keys.tolist(), scores.tolist(), strict=True))
