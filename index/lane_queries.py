"""Queries to the indexes of a collection, one class for each kind of lane.

`pagelens.index.reader.Snapshot.search` answers several at once, so that a vector server is waited for only once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pagelens.core.keys import page_of
from pagelens.core.types import QueryTokens
from pagelens.index.selection import Selection

SearchResult: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Keys (n,) and scores (n,), best first."""

NO_WEIGHTS: Mapping[str, float] = MappingProxyType({})
NO_RESULT: SearchResult = (np.zeros(0, np.int64), np.zeros(0, np.float32))

ROWS_PER_PAGE = 4  # rows searched for each page requested; four times as many when pages repeat too often
ROWS_GROWTH = 4


@dataclass(frozen=True, slots=True)
class DenseQuery:
    """The `k` best pages of a lane with one vector a row. The result has the key and score of each page's best row."""

    lane: str
    vector: NDArray[np.float32]  # (dim,)
    k: int
    selection: Selection | None


@dataclass(frozen=True, slots=True)
class MultiVectorQuery:
    """The `k` best pages of a multi-vector lane by MaxSim. The result has page keys."""

    lane: str
    tokens: QueryTokens
    k: int
    selection: Selection | None


@dataclass(frozen=True, slots=True)
class LexicalQuery:
    """The `k` best pages by BM25; `terms` are analyzed terms in the query's order. The result has page keys.

    What a term adds to a score is multiplied by its weight, 1 where it has none; bigrams have none.
    """

    terms: tuple[str, ...]
    k: int
    selection: Selection | None
    weights: Mapping[str, float] = field(default_factory=dict)


LaneQuery: TypeAlias = DenseQuery | MultiVectorQuery | LexicalQuery


def best_row_per_page(search: Callable[[int], SearchResult], k: int) -> SearchResult:
    """Return the best row of each of the `k` best pages, ties by page key.

    `search` returns the keys of page and ordinal and the scores of the best rows, as many as its argument says. It is
    called with a larger number until `k` different pages are found or there are no more rows.
    """
    limit = k * ROWS_PER_PAGE
    while True:
        keys, scores = search(limit)
        pages, first = np.unique(page_of(keys), return_index=True)  # rows are best first: a page's first is its best
        if len(pages) >= k or len(keys) < limit:
            break
        limit *= ROWS_GROWTH
    rows = first[np.lexsort((pages, -scores[first]))][:k]
    return keys[rows], scores[rows]
