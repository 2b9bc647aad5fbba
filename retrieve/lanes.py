"""Lanes: each ranks pages its own way. `words` by BM25, `text` by the best passage's vector.

A lane knows one index of the snapshot; what becomes of its ranking is `retrieve.fusion`'s matter.
"""

from typing import Protocol

import numpy as np

from core.keys import document_of, page_of
from core.protocols import Analyzer, TextEncoder
from core.types import Hit, Ranking
from index.reader import Snapshot
from index.selection import Selection

PASSAGES_PER_PAGE = 4  # passages looked at for each page wanted; more when pages repeat


class Lane(Protocol):
    """Ranks pages for a query's text."""

    @property
    def name(self) -> str:
        """One word, as in the catalog and in results."""
        ...

    def rank(self, snapshot: Snapshot, text: str, depth: int, selection: Selection | None = None) -> Ranking:
        """Return at most `depth` live, selected pages, best first, ties by page key."""
        ...


class WordsLane:
    """BM25 over the pages' words (Robertson and Zaragoza, 2009), on the lexical index."""

    name = "words"

    def __init__(self, analyze: Analyzer) -> None:
        self._analyze = analyze

    def rank(self, snapshot: Snapshot, text: str, depth: int, selection: Selection | None = None) -> Ranking:
        """See `Lane.rank`."""
        strangers = max(0, len(snapshot.words) - snapshot.page_count)  # pages being written or just removed
        found = snapshot.words.search(self._analyze(text), depth + strangers, selection=selection)
        pages = np.array([page for page, _ in found], np.int64)
        live = np.isin(document_of(pages), snapshot.live)
        hits = [Hit(page, score) for (page, score), alive in zip(found, live, strict=True) if alive]
        return Ranking(self.name, hits[:depth])


class TextLane:
    """Cosine of the query with every passage; the best passage stands for its page."""

    name = "text"

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder

    def rank(self, snapshot: Snapshot, text: str, depth: int, selection: Selection | None = None) -> Ranking:
        """See `Lane.rank`."""
        vectors = snapshot.vectors(self.name)
        query = self._encoder.encode_queries([text])[0]
        allowed = None if selection is None else selection.mask(page_of(vectors.keys))
        wanted = depth * PASSAGES_PER_PAGE
        while True:
            rows, scores = vectors.index.search(query, wanted, allowed=allowed)
            best: dict[int, Hit] = {}
            for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
                passage = int(vectors.keys[row])
                best.setdefault(page_of(passage), Hit(page_of(passage), score, passage))
            if len(best) >= depth or len(rows) < wanted:
                break
            wanted *= 4
        hits = sorted(best.values(), key=lambda hit: (-hit.score, hit.page))
        return Ranking(self.name, hits[:depth])
