"""The ranking of a search, duplicates folded, before its pages are read: independent of how many of them are shown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pagelens.api.engine.arranged_results import BY_RELEVANCE, Arrangement, FieldReader, arrange, matching_pages
from pagelens.api.engine.results import Facet, HitGroup
from pagelens.core.keys import document_of
from pagelens.core.types import DEFAULT_DEPTH, Depth, Filters, FusedHit, Query, SearchStep
from pagelens.index.reader import Snapshot
from pagelens.retrieve.deduplication import MAX_HASH_DISTANCE, FoldedHit, fold_duplicates, hash_distances
from pagelens.retrieve.depth import DepthOptions, search_at_depth
from pagelens.retrieve.question_parts import QuestionSplitter, split_question
from pagelens.retrieve.search import Fusion, RetrievalResult, Retriever

FIRST_BLOCK, BLOCK_GROWTH = 100, 4  # ranks that are searched and folded together: 100, then up to 400, to 1,600, ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What is searched for beside the query: see `Engine.search`."""

    k: int
    filters: Filters
    lanes: Sequence[str] | None = None
    fusion: Fusion | None = None
    fold: bool = False
    arrangement: Arrangement = BY_RELEVANCE
    spelling: bool = True
    rerank: bool | None = None
    depth: Depth = DEFAULT_DEPTH
    split: QuestionSplitter = split_question  # of a thorough search
    on_search: Callable[[SearchStep], None] | None = None  # called after each search of a thorough search


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedPages:
    """Hits, best first. Two rankings of one query over one commit agree as far as both go."""

    retrieved: RetrievalResult  # without its hits
    hits: Sequence[FoldedHit]
    paths: Sequence[str] = ()  # of arranged hits: the path that each one's metadata belong to
    groups: Sequence[HitGroup] = ()
    complete: bool = True  # whether these are all that were found


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedSearch:
    """A search of one commit, of which any part can be shown, also after later commits."""

    query: str
    filters: Filters
    generation: int  # the commit
    ranked: RankedPages
    approximate: Sequence[str]  # lanes whose hits are guesses
    unread: Mapping[str, str]  # lanes that a part of the query was not searched in, with the reasons
    listing: bool  # whether there was nothing to rank by: no words, no picture
    facets: Sequence[Facet]
    notes: Sequence[str] = ()  # what of the query is not understood


def rank_pages(snapshot: Snapshot, retriever: Retriever, query: Query, options: SearchOptions) -> RankedPages:
    """Return at least `k` hits, if there are as many; `fold` puts duplicates of a better hit into that hit.

    How deep the lanes are ranked decides on the order of fused hits, and how many hits are compared on what is folded.
    Both happen in blocks of fixed sizes, of which a later one changes nothing in those before it: so that one page of
    results continues another one. Duplicates in different blocks are not folded.
    """
    hits: list[FoldedHit] = []
    retrieved: RetrievalResult | None = None
    complete = False
    for block, result, last in _blocks(snapshot, retriever, query, options):
        retrieved, complete = retrieved or result, last
        hits += _fold(snapshot, block) if options.fold else [FoldedHit(hit, ()) for hit in block]
        if len(hits) >= options.k:
            break
    assert retrieved is not None
    return RankedPages(retrieved=replace(retrieved, hits=()), hits=hits, complete=complete)


def rank_arranged_pages(snapshot: Snapshot, retriever: Retriever, query: Query, options: SearchOptions) -> RankedPages:
    """Search, and sort or group what is found. Without a query, each file that matches the filters is found once.

    `k` is the number of groups where there are some. Duplicates are not folded. Raises UsageError for an unknown field.
    """
    arrangement, filters, k = options.arrangement, options.filters, options.k
    reader = FieldReader(snapshot, filters)
    if query.words or query.image is not None:
        retrieved = _search(snapshot, retriever, query, options, k=arrangement.depth)
    else:
        conditions = retriever.apply_conditions(snapshot, query.conditions, filters)
        selection = conditions.selection
        retrieved = RetrievalResult(
            hits=matching_pages(reader, selection),
            query_references=[],
            page_count=conditions.page_count,
            idf={},
            labels=snapshot.label_table.counts(None if selection is None else selection.mask),
            notes=conditions.notes,
            nothing_found=conditions.nothing_left,
        )
    arranged = arrange(reader, retrieved.hits, arrangement, k=k)
    rows = snapshot.documents
    return RankedPages(
        retrieved=replace(retrieved, hits=()),
        hits=[FoldedHit(hit, ()) for hit, _ in arranged.hits],
        paths=[rows[document_of(hit.page)].paths[position] for hit, position in arranged.hits],
        groups=arranged.groups,
        complete=bool(arrangement.group_by) or len(arranged.hits) < k,
    )


def _search(
    snapshot: Snapshot, retriever: Retriever, query: Query, options: SearchOptions, *, k: int
) -> RetrievalResult:
    passed_on = DepthOptions(
        filters=options.filters,
        lanes=options.lanes,
        fusion=options.fusion,
        rerank=options.rerank,
        split=options.split,
        on_search=options.on_search,
    )
    return search_at_depth(snapshot, retriever, query, options.depth, k=k, options=passed_on)


def _blocks(
    snapshot: Snapshot, retriever: Retriever, query: Query, options: SearchOptions
) -> Iterator[tuple[list[FusedHit], RetrievalResult, bool]]:
    """Yield blocks of hits that were in none before, each with the search it is of, and whether it is the last."""
    seen: set[int] = set()
    end = FIRST_BLOCK
    while True:
        result = _search(snapshot, retriever, query, options, k=end)
        block = [hit for hit in result.hits if hit.page not in seen][: end - len(seen)]
        more = query.left_out and end < result.page_count and (block or end == FIRST_BLOCK)  # pictures are left out
        last = len(result.hits) < end and not more  # after the lanes were ranked: deeper ones may have further hits
        seen.update(hit.page for hit in block)
        yield block, result, last
        if last:
            return
        end *= BLOCK_GROWTH


def _fold(snapshot: Snapshot, hits: Sequence[FusedHit]) -> list[FoldedHit]:
    """Put duplicates of a better hit into that hit, except files that a metadata table has rows for."""
    documents = snapshot.document_rows(sorted({document_of(hit.page) for hit in hits}))
    listed = {key for key, row in documents.items() if row.records}
    photos = {key for key, row in documents.items() if row.document.kind == "photo"}
    hashes = snapshot.perceptual_hashes([hit.page for hit in hits if document_of(hit.page) not in listed])
    others = np.array([hashes[page] for page in hashes], np.uint64)
    near = [page for page, bits in hashes.items() if (hash_distances(bits, others) <= MAX_HASH_DISTANCE).sum() > 1]
    compared = snapshot.pages(sorted(page for page in near if document_of(page) not in photos))  # by their words
    return fold_duplicates(hits, compared, hashes, photos, k=len(hits))
