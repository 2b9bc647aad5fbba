"""A query to ranked pages: every lane ranks, the rankings are fused, what the query names comes first.

Fusion is `pagelens.retrieve.fusion`, hearing is `pagelens.retrieve.query_references`; this module only puts them together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import UsageError
from pagelens.core.keys import document_of, ordinal_of, page_key
from pagelens.core.protocols import Analyzer
from pagelens.core.types import Evidence, Filters, FusedHit, Query, QueryTokens, Ranking, TokenMatrix
from pagelens.index.catalog.reads import PageRow
from pagelens.index.reader import Snapshot
from pagelens.index.selection import Selection, select_pages
from pagelens.retrieve.evidence import find_evidence
from pagelens.retrieve.fusion import K, reciprocal_rank_fusion
from pagelens.retrieve.heatmap import best_stretch, draw_heat, hottest_places, words_at
from pagelens.retrieve.lane_balance import balanced_weights
from pagelens.retrieve.lanes import ImageLane, Lane, PageLane, rank_together
from pagelens.retrieve.query_references import DocumentNames, PagesNamed, hear_pages

DEPTH = 200  # pages each lane ranks before fusion, at least
WORDS_REMEMBERED = 50_000
NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Fusion:
    """How rankings become one; left alone, as shipped."""

    k: float = K  # of reciprocal-rank fusion
    weights: Mapping[str, float] | None = None  # fixed ones, 1 for a lane without; None: each query is weighed
    scaled: bool = True  # by how sure each lane is (`pagelens.retrieve.fusion`)
    hearing: bool = True  # what the query names comes first


@dataclass(frozen=True, slots=True)
class Found:
    """The best pages, best first, and what the query was heard to name."""

    hits: Sequence[FusedHit]
    heard: Sequence[str]
    pages: int  # that the filters left to be ranked
    idf: Mapping[str, float]  # of the query's terms, over the collection


AS_SHIPPED = Fusion()


class Retriever:
    """Searches snapshots with a set of lanes. Holds no state but the names of the collection last searched."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        analyze: Analyzer,
        *,
        fusion: Fusion = AS_SHIPPED,
        missing: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`missing` are lanes that the collection has and this machine cannot serve, and why."""
        self._lanes = {lane.name: lane for lane in lanes}
        self._analyze = analyze
        self._analyze_word: Analyzer = lru_cache(WORDS_REMEMBERED)(analyze)  # pages of a collection share their words
        self._fusion = fusion
        self.missing = missing
        self._names: tuple[int, DocumentNames] = (-1, DocumentNames())

    def search(
        self,
        snapshot: Snapshot,
        query: Query,
        *,
        k: int,
        filters: Filters = NO_FILTERS,
        lanes: Sequence[str] | None = None,
        fusion: Fusion | None = None,
    ) -> Found:
        """Return the `k` best pages that the filters leave, fused over `lanes` (all by default); `fusion` once
        another than the retriever's."""
        how = fusion or self._fusion
        selection = select_pages(list(snapshot.documents.values()), filters)
        count = snapshot.page_count if selection is None else selection.count(snapshot.documents)
        depth = max(DEPTH, 2 * k)
        rankings = rank_together(snapshot, [lane.rank(query, depth, selection) for lane in self._chosen(lanes)])
        idf = snapshot.words.idf(self._analyze(query.words))
        weights = self._weigh(query, rankings, sum(idf.values())) if how.weights is None else how.weights
        hits = reciprocal_rank_fusion(rankings, k=how.k, weights=weights, scaled=how.scaled)
        if not how.hearing:
            return Found(hits[:k], [], count, idf)
        names = self._document_names(snapshot).hear(query.text, self._analyze)
        documents = [key for key in names if selection is None or selection.has(key)]
        pages = hear_pages(query.text)
        if documents:
            hits = _documents_first(hits, set(documents))
        if pages:
            hits = _pages_first(snapshot, hits, pages, selection, documents)
        return Found(hits[:k], _in_words(snapshot, pages, documents), count, idf)

    def evidence(self, snapshot: Snapshot, query: str, page: PageRow, hit: FusedHit | None = None) -> list[Evidence]:
        """Return why a page was found: its words that say most of the query, rare words weighing more; on a page
        without words the places of its picture that late interaction looked at."""
        if not query:
            return []
        terms = snapshot.words.idf(self._analyze(query))
        places = [place.passage for place in hit.lanes.values() if place.passage is not None] if hit else []
        passage = page.passages[ordinal_of(places[0])] if places else None
        found = find_evidence(
            page.text,
            terms,
            self._analyze_word,
            stretch=lambda: self._stretch(snapshot, query, page, hit),
            passage=passage,
        )
        if found:
            return [found]
        looked = self._looked(snapshot, query, page.key) if hit is None or "page" in hit.lanes else None
        if looked is None or looked[0].of_words:
            return []
        return [Evidence("", 0, 0, hottest_places(*looked[1:]))]

    def heat(self, snapshot: Snapshot, query: str, page: int, *, height: int, width: int) -> NDArray[np.float32] | None:
        """Return where the `page` lane looks on a page for a query, (height, width) in 0..1; None where it has none."""
        looked = self._looked(snapshot, query, page)
        if looked is None:
            return None
        lane, asked, tokens = looked
        return draw_heat(asked, tokens, of_words=lane.of_words, height=height, width=width)

    def _stretch(self, snapshot: Snapshot, query: str, page: PageRow, hit: FusedHit | None) -> tuple[int, int] | None:
        """Return the words of a page that the `page` lane found it by, where that looks at words."""
        if hit is None or "page" not in hit.lanes or not len(page.text.spans):
            return None
        looked = self._looked(snapshot, query, page.key)
        if looked is None or not looked[0].of_words:
            return None
        _, asked, tokens = looked
        return words_at(page.text, tokens.boxes[best_stretch(asked, tokens)])

    def _looked(self, snapshot: Snapshot, query: str, page: int) -> tuple[PageLane, QueryTokens, TokenMatrix] | None:
        lane = self._lanes.get("page")
        if not isinstance(lane, PageLane) or not query:
            return None
        tokens = lane.page_tokens(snapshot, page)
        return None if tokens is None else (lane, lane.tokens(query), tokens)

    def _weigh(self, query: Query, rankings: Sequence[Ranking], idf: float) -> Mapping[str, float]:
        image = self._lanes.get("image")
        return balanced_weights(
            query, rankings, idf=idf, one_space=isinstance(image, ImageLane) and image.in_text_space
        )

    def _chosen(self, names: Sequence[str] | None) -> list[Lane]:
        if names is None:
            return list(self._lanes.values())
        lost = [self.missing[name] for name in names if name in self.missing]
        if lost:
            raise UsageError(f"this lane cannot be served here: {lost[0]}")
        unknown = [name for name in names if name not in self._lanes]
        if unknown or not names:
            raise UsageError(f"expected lanes among {', '.join(self._lanes)}, found {', '.join(unknown) or 'none'}")
        return [self._lanes[name] for name in dict.fromkeys(names)]

    def _document_names(self, snapshot: Snapshot) -> DocumentNames:
        generation, names = self._names
        if generation != snapshot.generation:
            names = DocumentNames.of(snapshot.documents, self._analyze)
            self._names = (snapshot.generation, names)
        return names


def _documents_first(hits: Sequence[FusedHit], documents: set[int]) -> list[FusedHit]:
    """Put the pages of named documents before the others, each in their order."""
    marked = [replace(hit, named=document_of(hit.page) in documents) for hit in hits]
    return sorted(marked, key=lambda hit: not hit.named)


def _pages_first(
    snapshot: Snapshot,
    hits: Sequence[FusedHit],
    pages: PagesNamed,
    selection: Selection | None,
    documents: Sequence[int],
) -> list[FusedHit]:
    """Let the pages named take the place of their document's best page.

    Where only one document is in question (named, or left by the filters) they come first though no lane found them.
    """
    scope = list(documents)
    if not scope and selection is not None and selection.documents is not None:
        scope = selection.documents.tolist()
    only = scope if len(scope) == 1 else []
    best: dict[int, float] = {}
    for hit in hits:
        best.setdefault(document_of(hit.page), hit.score)
    named = _named_pages(snapshot, pages, sorted({*only, *best}), selection)
    found = {hit.page: hit for hit in hits}
    order = [page for document in only for page in named[document]]
    for hit in hits:
        order += [*named[document_of(hit.page)], hit.page]
    asked = {page for keys in named.values() for page in keys}
    result = []
    for page in dict.fromkeys(order):
        hit = found.get(page, FusedHit(page, 0.0, {}))
        if page in asked:
            hit = replace(hit, score=max(hit.score, best.get(document_of(page), 0.0)), named=True)
        result.append(hit)
    return result


def _named_pages(
    snapshot: Snapshot, pages: PagesNamed, documents: Sequence[int], selection: Selection | None
) -> dict[int, list[int]]:
    """Return, for each document, the keys of the pages named: those with the printed label, then those by position."""
    named: dict[int, list[int]] = {document: [] for document in documents}
    for label in pages.printed:
        for page in snapshot.labelled(documents, label):
            named[document_of(page)].append(page)
    counts = snapshot.document_rows(documents)
    for document, row in counts.items():
        named[document] += [page_key(document, number) for number in pages.numbers(row.document.page_count)]
    if selection is not None:
        named = {key: [page for page in found if selection.has_page(page)] for key, found in named.items()}
    return named


def _in_words(snapshot: Snapshot, pages: PagesNamed, documents: Sequence[int]) -> list[str]:
    """Say what was heard, for people."""
    said = [f"document {snapshot.documents[key].path}" for key in documents]
    said += [f"page {label}" for label in pages.printed]
    return said + [f"page {n}" if n > 0 else f"page {-n} from the end" for n in pages.positions]
