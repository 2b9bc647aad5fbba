"""Searches of one lane on Qdrant, as one commit of the catalog sees it.

Qdrant may hold points of documents that are being written or were just replaced. Results are filtered by the documents
that are live in the reader's commit, and the search is repeated with a higher limit while too few remain. So results
do not depend on what else the server holds.

MaxSim weights are applied by scaling the query's vectors: w * max <q, p> = max <w * q, p>. A windowed query
(`pagelens.index.late.maxsim`) scores a page by its best neighbouring tokens, which Qdrant cannot do: more pages than
requested are taken by MaxSim over the whole page, which is an upper bound, and these are scored exactly.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import CollectionDamaged
from pagelens.core.keys import document_of, page_of
from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.dense.exact_index import Matrix
from pagelens.index.lane_queries import NO_RESULT, SearchResult
from pagelens.index.lane_rows import parts_by_document
from pagelens.index.late.maxsim import score_page
from pagelens.index.late.token_codes import rotate_query
from pagelens.index.late.token_segments import TokenRows
from pagelens.index.records import DenseParts, TokenParts
from pagelens.index.selection import Selection
from pagelens.index.stores.qdrant.points import selection_filter, unpack_page
from pagelens.index.stores.qdrant.vector_collection import TOKENS, VectorCollection

EXACT_ROWS = 20_000  # lanes of one vector a row are scanned up to this size; larger ones use Qdrant's HNSW graph
EXTRA_ROWS = 8  # beyond those requested, for ties at the end
EXACT_PAGES = 32  # best pages scored again from the stored tokens, so that equal pages have equal scores
CACHED_PAGES = 1_024  # whose tokens are kept in memory; the tokens of a page key never change
MIN_CANDIDATES = 100  # pages that a windowed query scores exactly, at least
CANDIDATES_PER_RESULT = 3  # with 2, 5 of 255 questions had their first 10 in another order


class QdrantDenseView:
    """See `DenseView`."""

    index_name = "Qdrant"

    def __init__(self, lane: VectorCollection, live: NDArray[np.int64], rows: int) -> None:
        """`live` are the sorted keys of the commit's documents, which have `rows` rows."""
        self._lane, self._live, self._rows = lane, live, rows

    def __len__(self) -> int:
        return self._rows

    @property
    def keys(self) -> NDArray[np.int64]:
        """See `DenseView.keys`."""
        return self._lane.keys(self._live)

    @property
    def matrix(self) -> Matrix:
        """See `DenseView.matrix`."""
        return self._lane.matrix(self.keys)

    def parts_of(self, documents: Sequence[int]) -> DenseParts:
        """See `DenseView.parts_of`."""
        if not self._rows:
            return []  # the server has no collection before the lane's first row
        keys = self._lane.keys(np.array(documents, np.int64))
        return parts_by_document(keys, self._lane.matrix(keys))

    def search(self, query: NDArray[np.float32], k: int, *, selection: Selection | None = None) -> SearchResult:
        """See `DenseView.search`."""
        if k <= 0 or not self._rows or _selects_nothing(selection):
            return NO_RESULT
        only = selection_filter(selection, self._live)
        count, exact = min(k, self._rows), self._rows <= EXACT_ROWS
        keys, scores = search_visible(
            lambda limit: self._lane.search(query.tolist(), limit, only, exact=exact),
            lambda keys: visible_rows(page_of(keys), self._live, selection),
            count=count,
            limit=count + EXTRA_ROWS,
        )
        return best_rows(keys, scores, k)


class QdrantMultiVectorView:
    """See `MultiVectorView`."""

    index_name = "Qdrant"

    def __init__(self, lane: VectorCollection, live: NDArray[np.int64], rows: int) -> None:
        """See `QdrantDenseView`."""
        self._lane, self._live, self._rows = lane, live, rows
        self._cache: dict[int, TokenRows] = {}

    def __len__(self) -> int:
        return self._rows

    @property
    def keys(self) -> NDArray[np.int64]:
        """See `MultiVectorView.keys`."""
        return self._lane.keys(self._live)

    def page(self, key: int) -> TokenMatrix | None:
        """See `MultiVectorView.page`."""
        if not np.isin(document_of(key), self._live):
            return None
        found = self._stored([key]).get(key)
        return None if found is None else found.matrix(0)

    def parts_of(self, documents: Sequence[int]) -> TokenParts:
        """See `MultiVectorView.parts_of`."""
        if not self._rows:
            return []
        keys = self._lane.keys(np.array(documents, np.int64)).tolist()
        found = self._stored(keys)
        return [([key], found[key]) for key in keys if key in found]

    def search(self, query: QueryTokens, k: int, *, selection: Selection | None = None) -> SearchResult:
        """See `MultiVectorView.search`."""
        if k <= 0 or not self._rows or not len(query.vectors) or _selects_nothing(selection):
            return NO_RESULT
        weights = np.ones(len(query.vectors), np.float32) if query.weights is None else query.weights
        assert (weights >= 0).all(), "scaling the query gives weighted MaxSim only for weights of 0 or more"
        vectors = (query.vectors * weights[:, None]).tolist()
        only = selection_filter(selection, self._live)
        keys, bounds = search_visible(
            lambda limit: self._lane.search(vectors, limit, only),
            lambda keys: visible_rows(keys, self._live, selection),
            count=min(k, self._rows),
            limit=max(MIN_CANDIDATES, CANDIDATES_PER_RESULT * k) if query.window else k + EXTRA_ROWS,
        )
        return best_rows(*self._scored(query, keys, bounds), k)

    def _scored(self, query: QueryTokens, keys: NDArray[np.int64], bounds: NDArray[np.float32]) -> SearchResult:
        """Return exact scores: of all candidates of a windowed query, else of the first ones only."""
        count = len(keys) if query.window else min(EXACT_PAGES, len(keys))
        stored = self._stored(keys[:count].tolist())
        scores, found = bounds.copy(), np.ones(len(keys), np.bool_)
        for row, key in enumerate(keys[:count].tolist()):
            found[row] = key in stored  # it may be deleted between the two requests
            if key in stored:
                tokens = stored[key].tokens
                turned = rotate_query(query) if tokens.rotated else query
                scores[row] = score_page(turned, *tokens.read(tokens.used))
        return keys[found], scores[found]

    def _stored(self, pages: Sequence[int]) -> dict[int, TokenRows]:
        """Return the stored tokens of pages by key; missing pages are left out."""
        found = {page: rows for page in pages if (rows := self._cache.get(page)) is not None}
        missing = [page for page in pages if page not in found]
        for page, text in self._lane.payloads(missing, TOKENS).items():
            try:
                found[page] = unpack_page(str(text), self._lane.dim)
            except ValueError as exc:
                raise CollectionDamaged(f"page {page} at {self._lane}: {exc}. Run: pagelens doctor --deep") from exc
        if len(self._cache) + len(missing) > CACHED_PAGES:
            self._cache = {}
        self._cache.update(found)
        return found


def search_visible(
    search: Callable[[int], SearchResult],
    mask: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
    *,
    count: int,
    limit: int,
) -> SearchResult:
    """Return the rows that `search(limit)` finds and `mask(keys)` keeps; `limit` is doubled until `count` are kept or
    there are no more rows."""
    while True:
        keys, scores = search(limit)
        kept = mask(keys)
        if kept.sum() >= count or len(keys) < limit:
            return keys[kept], scores[kept]
        limit *= 2


def visible_rows(pages: NDArray[np.int64], live: NDArray[np.int64], selection: Selection | None) -> NDArray[np.bool_]:
    """Return a mask of the pages that belong to live documents and are selected."""
    visible = np.isin(document_of(pages), live)
    return visible if selection is None else visible & selection.mask(pages)


def best_rows(keys: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> SearchResult:
    """Return the k best rows, best first, ties by key."""
    order = np.lexsort((keys, -scores))[:k]
    return keys[order], scores[order]


def _selects_nothing(selection: Selection | None) -> bool:
    return selection is not None and selection.documents is not None and not len(selection.documents)
