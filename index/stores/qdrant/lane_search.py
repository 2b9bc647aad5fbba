"""Search in a lane that lies on Qdrant, as one commit of the catalog knows it.

Qdrant may hold points of documents that are being written, or were just replaced. What it finds is looked up among
the documents that are live in the reader's commit; what is not is dropped, and more is asked for while too few are
left. Nothing that decides what is shown depends on the server's state.

MaxSim is weighed by scaling the query's vectors: w * max <q, p> = max <w * q, p>. A query by windows
(`pagelens.index.late.maxsim`) scores a page by its best neighbouring tokens, which Qdrant does not know: more pages than wanted
are taken by MaxSim over the whole page, which is never less than that, and these are scored exactly.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import CollectionDamaged
from pagelens.core.keys import document_of, page_of
from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.dense.exact_index import Matrix
from pagelens.index.lane_rows import parts_by_document
from pagelens.index.late.maxsim import score_page
from pagelens.index.late.token_segments import TokenRows, with_summaries
from pagelens.index.selection import Selection
from pagelens.index.stores.qdrant.lane import TOKENS, QdrantLane
from pagelens.index.stores.qdrant.points import selected, unpack_page
from pagelens.index.stores.vector_store import DenseParts, TokenParts

EXACT_UNTIL = 20_000  # rows of one vector; up to these every one is looked at, beyond, Qdrant's graph is used
SPARE = 8  # rows beyond those wanted, for ties at the end
EXACT_PAGES = 32  # of MaxSim's best, scored from the tokens at rest: equal pages are ties to the last bit
REMEMBERED = 1_024  # pages whose tokens are kept: a page key never changes its tokens
LEAST = 100  # pages that a query by windows looks at first, at least,
PER_RESULT = 3  # and for each page wanted; with 2, 5 of 255 questions had their first 10 in another order

Found = tuple[NDArray[np.int64], NDArray[np.float32]]

NONE: Found = (np.zeros(0, np.int64), np.zeros(0, np.float32))


class QdrantVectors:
    """See `LaneVectors`."""

    def __init__(self, lane: QdrantLane, live: NDArray[np.int64], rows: int) -> None:
        """`live` are sorted keys of documents, which have so many `rows`."""
        self._lane, self._live, self._rows = lane, live, rows

    def __len__(self) -> int:
        return self._rows

    @property
    def keys(self) -> NDArray[np.int64]:
        """See `LaneVectors.keys`."""
        return self._lane.keys(self._live)

    @property
    def matrix(self) -> Matrix:
        """See `LaneVectors.matrix`."""
        return self._lane.matrix(self.keys)

    def parts_of(self, documents: Sequence[int]) -> DenseParts:
        """See `LaneVectors.parts_of`."""
        keys = self._lane.keys(np.array(documents, np.int64))
        return parts_by_document(keys, self._lane.matrix(keys))

    def search(self, query: NDArray[np.float32], k: int, *, selection: Selection | None = None) -> Found:
        """See `LaneVectors.search`."""
        if k <= 0 or not self._rows or _empty(selection):
            return NONE
        only = selected(selection, self._live)
        limit = min(k + SPARE, self._rows + SPARE)
        while True:
            keys, scores = self._lane.nearest(query.tolist(), limit, only, exact=self._rows <= EXACT_UNTIL)
            keep = visible(page_of(keys), self._live, selection)
            if keep.sum() >= min(k, self._rows) or len(keys) < limit:
                break
            limit *= 2
        return best(keys[keep], scores[keep], k)


class QdrantTokens:
    """See `LaneTokens`."""

    def __init__(self, lane: QdrantLane, live: NDArray[np.int64], rows: int) -> None:
        """As `QdrantVectors`."""
        self._lane, self._live, self._rows = lane, live, rows
        self._remembered: dict[int, TokenRows] = {}

    def __len__(self) -> int:
        return self._rows

    @property
    def keys(self) -> NDArray[np.int64]:
        """See `LaneTokens.keys`."""
        return self._lane.keys(self._live)

    def page(self, key: int) -> TokenMatrix | None:
        """See `LaneTokens.page`."""
        if not np.isin(document_of(key), self._live):
            return None
        found = self._at_rest([key]).get(key)
        return None if found is None else found.matrix(0)

    def parts_of(self, documents: Sequence[int]) -> TokenParts:
        """See `LaneTokens.parts_of`; summaries are made anew."""
        keys = self._lane.keys(np.array(documents, np.int64)).tolist()
        found = self._at_rest(keys)
        return [([key], with_summaries(found[key])) for key in keys if key in found]

    def search(self, query: QueryTokens, k: int, *, selection: Selection | None = None) -> Found:
        """See `LaneTokens.search`."""
        if k <= 0 or not self._rows or not len(query.vectors) or _empty(selection):
            return NONE
        weights = np.ones(len(query.vectors), np.float32) if query.weights is None else query.weights
        assert (weights >= 0).all(), "MaxSim is weighed by scaling the query, which holds for weights of 0 or more"
        vectors = (query.vectors * weights[:, None]).tolist()
        only = selected(selection, self._live)
        limit = max(LEAST, PER_RESULT * k) if query.window else k + SPARE
        while True:
            keys, bounds = self._lane.nearest(vectors, limit, only)
            keep = visible(keys, self._live, selection)
            if keep.sum() >= min(k, self._rows) or len(keys) < limit:
                break
            limit *= 2
        return best(*self._scored(query, keys[keep], bounds[keep]), k)

    def _scored(self, query: QueryTokens, keys: NDArray[np.int64], bounds: NDArray[np.float32]) -> Found:
        """Return exact scores: of all pages where a window is asked for, else of the first ones only."""
        count = len(keys) if query.window else min(EXACT_PAGES, len(keys))
        found = self._at_rest(keys[:count].tolist())
        scores, there = bounds.copy(), np.ones(len(keys), np.bool_)
        for place, key in enumerate(keys[:count].tolist()):
            there[place] = key in found  # removed between the two requests
            if key in found:
                scores[place] = score_page(query, found[key].tokens.codes, found[key].tokens.scales)
        return keys[there], scores[there]

    def _at_rest(self, pages: Sequence[int]) -> dict[int, TokenRows]:
        """Return pages' tokens as they lie at rest; those that are not there are left out."""
        found = {page: rows for page in pages if (rows := self._remembered.get(page)) is not None}
        wanted = [page for page in pages if page not in found]
        for page, text in self._lane.payloads(wanted, TOKENS).items():
            try:
                found[page] = unpack_page(str(text), self._lane.dim)
            except ValueError as exc:
                raise CollectionDamaged(f"page {page} at {self._lane}: {exc}. Run: pagelens doctor --deep") from exc
        if len(self._remembered) + len(wanted) > REMEMBERED:
            self._remembered = {}
        self._remembered.update(found)
        return found


def visible(pages: NDArray[np.int64], live: NDArray[np.int64], selection: Selection | None) -> NDArray[np.bool_]:
    """Return which pages are of live documents, and selected."""
    known = np.isin(document_of(pages), live)
    return known if selection is None else known & selection.mask(pages)


def best(keys: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Found:
    """Return the k best, best first, ties by key."""
    order = np.lexsort((keys, -scores))[:k]
    return keys[order], scores[order]


def _empty(selection: Selection | None) -> bool:
    return selection is not None and selection.documents is not None and not len(selection.documents)
