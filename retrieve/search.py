"""Search: each lane ranks pages, the rankings are fused, and what the query names comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import GenerationError, UsageError
from pagelens.core.keys import document_of
from pagelens.core.protocols import Analyzer, Reranker
from pagelens.core.query_conditions import Correction, PageConditions
from pagelens.core.terms import WantedTerms, plain_terms
from pagelens.core.types import Evidence, Filters, FusedHit, Query, Ranking, SearchStep
from pagelens.index.catalog.reads import PageRow
from pagelens.index.reader import Snapshot
from pagelens.index.selection import Selection
from pagelens.retrieve.deduplication import leave_out_images
from pagelens.retrieve.evidence import EvidenceFinder
from pagelens.retrieve.fusion import K, balanced_weights, reciprocal_rank_fusion, share_weights
from pagelens.retrieve.lanes import ImageLane, Lane, PageLane, TextLane, rank_lanes
from pagelens.retrieve.page_conditions import ConditionResult, apply_conditions
from pagelens.retrieve.page_languages import is_in_language_of_pages
from pagelens.retrieve.query_references import DocumentNameIndex, find_page_references
from pagelens.retrieve.reference_ranking import QueryReferences, rank_referenced_first
from pagelens.retrieve.relevance_floor import (
    FLOOR_OF_PHOTOS,
    FLOOR_OF_WORDS,
    NO_KNOWN_WORD,
    NO_WORD,
    FloorWeights,
    RelevanceSignals,
    best_scores,
    is_weak,
    mean_of_nearest,
    unknown_share,
)
from pagelens.retrieve.reranking.rerank import RERANKED
from pagelens.retrieve.reranking.rerank import rerank as rerank_hits
from pagelens.retrieve.spelling import correct_spelling
from pagelens.retrieve.term_weights import TermWeights

WHOLE_QUERY = 3  # first pages of the `words` lane that may have all of a query's words: then it is not weak
MIN_DEPTH = 200  # pages that each lane ranks before fusion, at least
NO_FILTERS = Filters()
NO_REFERENCES = QueryReferences()


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the lanes' rankings are fused. The defaults are those that measured best (docs/LOG.md)."""

    k: float = K  # of reciprocal-rank fusion
    weights: Mapping[str, float] | None = None  # by lane, 1 if absent; None: chosen for each query
    factors: Mapping[str, float] = field(default_factory=dict)  # of weights that are chosen for each query, by lane
    scaled: bool = True  # whether a page's share depends on its score too, see `pagelens.retrieve.fusion`
    query_references: bool = True  # whether pages and documents that the query names come first


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """The best pages, best first, and how they were searched for."""

    hits: Sequence[FusedHit]
    query_references: Sequence[str]  # what the query names, as text for users
    page_count: int  # pages that the filters left to be ranked
    idf: Mapping[str, float]  # of the query's terms, over the collection
    labels: Mapping[str, int] = field(default_factory=dict)  # label -> pages that have it, of those left to be ranked
    text: str = ""  # of the query that the pages were ranked by, corrected
    corrections: Sequence[Correction] = ()
    phrases: Sequence[str] = ()  # that stand on the pages, as the query demands
    notes: Sequence[str] = ()  # on the query's conditions, for users
    weak: bool = False  # whether nothing matches well: see `pagelens.retrieve.relevance_floor`
    nothing_found: str = ""  # why there are no hits, as a sentence
    steps: Sequence[SearchStep] = ()  # of a thorough search
    weights: Mapping[str, float] = field(default_factory=dict)  # of the lanes in the fusion, for this query
    coverage: Mapping[str, float] = field(default_factory=dict)  # lanes that lack selected pages -> share of all pages


DEFAULT_FUSION = Fusion()


class Retriever:
    """Searches snapshots with a set of lanes. Its only state is a cache of the last snapshot's document names."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        analyze: Analyzer,
        *,
        fusion: Fusion = DEFAULT_FUSION,
        reranker: Reranker | None = None,
        reranks: bool = False,
        unavailable: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`reranks`: whether searches are reranked that do not say. `unavailable` maps each lane that the collection
        has but this machine cannot search to the reason."""
        self._lanes = {lane.name: lane for lane in lanes}
        self.analyze = analyze
        self._term_weights = TermWeights(analyze)
        self._fusion = fusion
        self._reranker, self._reranks = reranker, reranks
        self.unavailable = unavailable
        page_lane = self._lanes.get("page")
        self._evidence = EvidenceFinder(analyze, page_lane if isinstance(page_lane, PageLane) else None)
        self._names: tuple[int, DocumentNameIndex] = (-1, DocumentNameIndex())  # generation, names

    @property
    def lane_names(self) -> list[str]:
        """The names of its lanes."""
        return list(self._lanes)

    def rerank_cost(self, rerank: bool | None) -> str:
        """Return what reranking costs for each search that says `rerank`, in words; "" where it costs nothing."""
        reranker = self._reranker if (self._reranks if rerank is None else rerank) else None
        return reranker.cost if reranker is not None else ""

    def search(
        self,
        snapshot: Snapshot,
        query: Query,
        *,
        k: int,
        filters: Filters = NO_FILTERS,
        lanes: Sequence[str] | None = None,
        fusion: Fusion | None = None,
        rerank: bool | None = None,
    ) -> RetrievalResult:
        """Return the `k` best pages that match the filters, fused over `lanes` (None: all).

        `fusion` replaces the retriever's own for this search. `rerank`: whether the first pages are reranked (None: as
        the retriever does, and not where `lanes` or `fusion` are given). Raises UsageError for lanes that cannot be
        searched, and where there is no reranker.
        """
        reranker = self._choose_reranker(rerank, default=lanes is None and fusion is None)
        fusion = fusion or self._fusion
        query, corrections = self.corrected(snapshot, query)
        conditions = self.apply_conditions(snapshot, query.conditions, filters)
        selection = conditions.selection
        terms, chosen = self.analyze(query.words), self._select_lanes(lanes)
        result = RetrievalResult(
            hits=[],
            query_references=[],
            page_count=conditions.page_count,
            idf={},
            text=query.text,
            corrections=corrections,
            phrases=conditions.phrases,
            notes=conditions.notes,
        )
        if not conditions.page_count:
            return replace(result, nothing_found=conditions.nothing_left)
        searched_by_words = query.image is None and bool(query.text) and not conditions.phrases
        if searched_by_words and not plain_terms(terms):
            return replace(result, nothing_found=NO_WORD)
        rankings = rank_lanes(snapshot, chosen, query, max(MIN_DEPTH, 2 * k), selection)
        known_idf = snapshot.idf(list(dict.fromkeys(map(str, terms))))
        idf = {term: known_idf[term] for term in plain_terms(terms)}
        searched_idf = self._term_weights.weighted_idf(query.words, idf)
        lacking = _lacking_pages(snapshot, chosen, query, selection)
        weights = self._weights(query, rankings, sum(searched_idf.values()), fusion, lacking)
        rankings = [ranking for ranking in rankings if weights.get(ranking.lane, 1.0) > 0]
        references = self._references(snapshot, query.text, selection) if fusion.query_references else NO_REFERENCES
        in_this_order = not (references or query.left_out) and conditions.preferred is None  # else any hit may be first
        fused = reciprocal_rank_fusion(
            rankings,
            k=fusion.k,
            weights=weights,
            scaled=fusion.scaled,
            lacking=_lanes_of_words(chosen, lacking),
            limit=max(k, RERANKED) if in_this_order else None,
        )
        hits, notes = _reranked(snapshot, reranker, query, fused, idf)
        if conditions.preferred is not None:
            hits = _selected_first(hits, conditions.preferred)
        hits = leave_out_images(snapshot, rank_referenced_first(snapshot, hits, references, selection), query.left_out)
        coverage = {name: share for name, share in snapshot.coverage().items() if name in lacking} if lacking else {}
        result = replace(
            result,
            query_references=references.describe(snapshot),
            idf=idf,
            notes=[*conditions.notes, *notes, *describe_coverage(coverage)],
            weights=weights,
            coverage=coverage,
            labels=snapshot.label_table.counts(None if selection is None else selection.mask),
        )
        if not searched_by_words or result.query_references:
            return replace(result, hits=hits[:k])
        return self._with_floor(replace(result, hits=hits[:k]), snapshot, query, rankings, terms, known_idf, chosen)

    def _with_floor(
        self,
        result: RetrievalResult,
        snapshot: Snapshot,
        query: Query,
        rankings: Sequence[Ranking],
        terms: Sequence[str],
        idf: Mapping[str, float],
        lanes: Sequence[Lane],
    ) -> RetrievalResult:
        """Return a result that says whether it is weak: see `pagelens.retrieve.relevance_floor`. `idf` has all of the
        query's `terms`, other forms too."""
        best = best_scores(rankings)
        floor = self._floor(lanes, best)
        if floor is None:
            return result
        unknown = unknown_share(terms, idf, snapshot.page_count)
        if floor.across_languages and not is_in_language_of_pages(snapshot, query.text, self.analyze):
            unknown = 0.0
        signals = RelevanceSignals(
            best=best,
            nearest=mean_of_nearest(rankings),
            idf_sum=sum(self._term_weights.weighted_idf(query.words, idf).values()),
            unknown=unknown,
            page_count=result.page_count,
            collection_size=snapshot.page_count,
        )
        weak = is_weak(signals, floor) and not self._has_all_words(snapshot, terms, rankings)
        if "text" in result.coverage:  # a page may be near that has no vector yet: its words speak for it
            weak = weak and is_weak(signals, FLOOR_OF_WORDS)
        # Words in other letters may be of a language that an encoder reads; photos are found without words.
        if weak and unknown == 1 and query.text.isascii() and "image" not in best and not result.coverage:
            return replace(result, hits=[], nothing_found=NO_KNOWN_WORD)
        return replace(result, weak=weak and bool(result.hits))

    def _has_all_words(self, snapshot: Snapshot, terms: Sequence[str], rankings: Sequence[Ranking]) -> bool:
        """Return whether one of the first pages of the `words` lane has all of a query's terms, in any form."""
        wanted = WantedTerms.of(terms)
        first = sorted(
            hit.page for ranking in rankings if ranking.lane == "words" for hit in ranking.hits[:WHOLE_QUERY]
        )
        texts = snapshot.texts(np.array(first, np.int64))
        titles = snapshot.documents
        return any(
            wanted.found_in(self.analyze(f"{titles[document_of(key)].document.title}\n{text}\n{caption}"))
            == wanted.plain
            for key, text, caption in texts
        )

    def _floor(self, lanes: Sequence[Lane], best: Mapping[str, float]) -> FloorWeights | None:
        """Return the floor for results of these lanes; None where none was measured for their encoders."""
        by_name = {lane.name: lane for lane in lanes}
        text, image = by_name.get("text"), by_name.get("image")
        if isinstance(image, ImageLane) and not image.has_floor:
            return None
        if isinstance(text, TextLane) and "text" in best:
            return text.floor
        return FLOOR_OF_WORDS if "words" in by_name else FLOOR_OF_PHOTOS if image else None

    def with_reranker(self, reranker: Reranker | None, *, fusion: Fusion | None = None) -> "Retriever":
        """Return a retriever with the same lanes that reranks all searches that do not say otherwise; None: none.

        `fusion` replaces its own.
        """
        return Retriever(
            list(self._lanes.values()),
            self.analyze,
            fusion=fusion or self._fusion,
            reranker=reranker,
            reranks=reranker is not None,
            unavailable=self.unavailable,
        )

    def apply_conditions(self, snapshot: Snapshot, conditions: PageConditions, filters: Filters) -> ConditionResult:
        """Return the pages that match the filters and meet the conditions of a query."""
        return apply_conditions(snapshot, conditions, snapshot.select(filters), self.analyze)

    def corrected(self, snapshot: Snapshot, query: Query) -> tuple[Query, Sequence[Correction]]:
        """Return a query in which words that no page has are corrected, if it allows that, and the corrections."""
        terms = plain_terms(self.analyze(query.text)) if query.spelling else []
        if len(snapshot.known(terms)) == len(set(terms)):
            return query, ()
        text, corrections = correct_spelling(snapshot, query.text, self.analyze, exact=query.conditions.phrases)
        return replace(query, text=text), corrections

    def evidence(
        self,
        snapshot: Snapshot,
        query: str,
        page: PageRow,
        hit: FusedHit | None = None,
        *,
        phrases: Sequence[str] = (),
    ) -> list[Evidence]:
        """Return why a page was found: see `EvidenceFinder.find`."""
        return self._evidence.find(snapshot, query, page, hit, phrases=phrases)

    def heat_map(
        self, snapshot: Snapshot, query: str, page: int, *, height: int, width: int
    ) -> NDArray[np.float32] | None:
        """Return how much each place of a page adds to its score: see `EvidenceFinder.heat_map`."""
        return self._evidence.heat_map(snapshot, query, page, height=height, width=width)

    def _choose_reranker(self, rerank: bool | None, *, default: bool) -> Reranker | None:
        if rerank and self._reranker is None:
            raise UsageError("expected a reranker, found none: PAGELENS_RERANKER names one (builtin, or a model)")
        return self._reranker if (self._reranks and default if rerank is None else rerank) else None

    def _select_lanes(self, names: Sequence[str] | None) -> list[Lane]:
        if names is None:
            return list(self._lanes.values())
        reasons = [self.unavailable[name] for name in names if name in self.unavailable]
        if reasons:
            raise UsageError(f"this lane cannot be served here: {reasons[0]}")
        unknown = [name for name in names if name not in self._lanes]
        if unknown or not names:
            raise UsageError(f"expected lanes among {', '.join(self._lanes)}, found {', '.join(unknown) or 'none'}")
        return [self._lanes[name] for name in dict.fromkeys(names)]

    def _weights(
        self,
        query: Query,
        rankings: Sequence[Ranking],
        idf_sum: float,
        fusion: Fusion,
        lacking: Mapping[str, NDArray[np.int64]],
    ) -> Mapping[str, float]:
        """Return each lane's weight: the fusion's own, or those chosen for the query times the fusion's factors.

        The best cosine of a text lane that lacks pages (`lacking`) cannot be compared with that of photos.
        """
        if fusion.weights is not None:
            return fusion.weights
        image = self._lanes.get("image")
        comparable = isinstance(image, ImageLane) and image.in_text_space and "text" not in lacking
        weights = balanced_weights(
            query,
            rankings,
            idf_sum=idf_sum,
            comparable_cosines=comparable,
            weights={name: lane.weight for name, lane in self._lanes.items()},
            image_query_weights=share_weights(
                {name: lane.image_query_weight for name, lane in self._lanes.items()},
                {name: lane.query_part for name, lane in self._lanes.items()},
                query.text_share,
            ),
        )
        return {lane: weight * fusion.factors.get(lane, 1.0) for lane, weight in weights.items()}

    def _references(self, snapshot: Snapshot, query: str, selection: Selection | None) -> QueryReferences:
        """Return what the query names; documents only if the filters leave them."""
        documents = self._document_names(snapshot).find_document_references(query, self.analyze)
        selected = [key for key in documents if selection is None or selection.has(key)]
        return QueryReferences(find_page_references(query), selected)

    def _document_names(self, snapshot: Snapshot) -> DocumentNameIndex:
        generation, names = self._names
        if generation != snapshot.generation:
            names = DocumentNameIndex.of(snapshot.documents, self.analyze)
            self._names = (snapshot.generation, names)
        return names


def _lacking_pages(
    snapshot: Snapshot, lanes: Sequence[Lane], query: Query, selection: Selection | None
) -> dict[str, NDArray[np.int64]]:
    """Return the selected pages that lanes do not have yet, by lane; only lanes that use the query and lack any."""
    parts = {"both", *(["words"] if query.words else []), *(["images"] if query.image is not None else [])}
    found = {lane.name: snapshot.unembedded(lane.name) for lane in lanes if lane.query_part in parts}
    if selection is not None:
        found = {name: pages[selection.mask(pages)] for name, pages in found.items() if len(pages)}
    return {name: pages for name, pages in found.items() if len(pages)}


def _lanes_of_words(lanes: Sequence[Lane], lacking: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Return the lanes that rank pages by the words of a query, with the pages that each lacks, where one lacks any."""
    names = [lane.name for lane in lanes if lane.query_part == "words"]
    nothing = np.zeros(0, np.int64)
    return {name: lacking.get(name, nothing) for name in names} if not lacking.keys().isdisjoint(names) else {}


def describe_coverage(coverage: Mapping[str, float]) -> list[str]:
    """Return a note for users on lanes that lack pages, where any does."""
    shares = ", ".join(f"{lane} {int(100 * share)}%" for lane, share in coverage.items())
    if not shares:
        return []
    return [
        f"Not all pages have their vectors yet ({shares}): until indexing is complete, the others are found by their "
        "words, photos by their file names."
    ]


def _reranked(
    snapshot: Snapshot, reranker: Reranker | None, query: Query, hits: Sequence[FusedHit], idf: Mapping[str, float]
) -> tuple[Sequence[FusedHit], Sequence[str]]:
    """Return the hits reranked, and notes for users: a model that cannot be asked leaves the fused order."""
    if reranker is None:
        return hits, ()
    try:
        return rerank_hits(snapshot, reranker, query, hits, idf), ()
    except GenerationError as exc:
        return hits, (f"Not reranked: {exc}",)


def _selected_first(hits: Sequence[FusedHit], selection: Selection) -> list[FusedHit]:
    """Return the hits that are selected before the others; the order within both groups stays."""
    selected = selection.mask(np.array([hit.page for hit in hits], np.int64))
    return [hits[row] for row in np.argsort(~selected, kind="stable")]
