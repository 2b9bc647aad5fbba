"""Search results as the engine returns them: duplicates folded, each page with its evidence and its neighbours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from pagelens.api.engine.arranged_results import Arrangement, FieldReader, arrange, matching_pages, with_path_first
from pagelens.api.engine.file_names import is_gone
from pagelens.api.engine.results import FoundPage, HitGroup, NeighbourPage
from pagelens.core.keys import document_of, number_of, page_key
from pagelens.core.types import Filters, PageRef, Query
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.index.reader import Snapshot
from pagelens.retrieve.continuation import find_continuations
from pagelens.retrieve.deduplication import FoldedHit, fold_duplicates
from pagelens.retrieve.search import Fusion, RetrievalResult, Retriever

HITS_PER_RESULT, MAX_FOLDED_HITS = 3, 100  # hits searched for duplicates: for each result, and at most in all


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedResults:
    """At most `k` hits, best first, with their rows of the catalog."""

    retrieved: RetrievalResult
    hits: Sequence[FoldedHit]
    documents: Mapping[int, DocumentRow]  # by document key
    pages: Mapping[int, PageRow]  # by page key
    positions: Sequence[int] = ()  # of each hit's path among its document's: that whose metadata match the filters
    groups: Sequence[HitGroup] = ()


def search_pages(
    snapshot: Snapshot,
    retriever: Retriever,
    query: Query,
    *,
    k: int,
    filters: Filters,
    lanes: Sequence[str] | None = None,
    fusion: Fusion | None = None,
    fold: bool = True,
) -> FoldedResults:
    """Search; `fold` puts duplicates of a better hit into that hit, except files that a metadata table has rows for."""
    depth = max(k, min(HITS_PER_RESULT * k, MAX_FOLDED_HITS)) if fold else k
    retrieved = retriever.search(snapshot, query, k=depth, filters=filters, lanes=lanes, fusion=fusion)
    documents = snapshot.document_rows(sorted({document_of(hit.page) for hit in retrieved.hits}))
    pages = snapshot.pages([hit.page for hit in retrieved.hits])
    listed = {key for key, row in documents.items() if row.records}
    hashes = snapshot.perceptual_hashes([key for key in pages if document_of(key) not in listed]) if fold else {}
    photos = {key for key, row in documents.items() if row.document.kind == "photo"}
    hits = fold_duplicates(retrieved.hits, pages, hashes, photos, k=k)
    reader = FieldReader(snapshot, filters)
    positions = [reader.records(documents[document_of(hit.hit.page)])[0][0] for hit in hits] if listed else ()
    return FoldedResults(retrieved=retrieved, hits=hits, documents=documents, pages=pages, positions=positions)


def search_arranged_pages(
    snapshot: Snapshot,
    retriever: Retriever,
    query: Query,
    *,
    k: int,
    filters: Filters,
    arrangement: Arrangement,
    lanes: Sequence[str] | None = None,
    fusion: Fusion | None = None,
) -> FoldedResults:
    """Search, and sort or group what is found. Without a query, each file that matches the filters is found once.

    Duplicates are not folded. Raises UsageError for an unknown field.
    """
    reader = FieldReader(snapshot, filters)
    if query.words or query.image is not None:
        retrieved = retriever.search(snapshot, query, k=arrangement.depth, filters=filters, lanes=lanes, fusion=fusion)
    else:
        found = matching_pages(reader)
        selection = snapshot.select(filters)
        retrieved = RetrievalResult(
            hits=found,
            query_references=[],
            page_count=snapshot.page_count if selection is None else selection.count(snapshot.documents),
            idf={},
            labels=snapshot.label_table.counts(None if selection is None else selection.mask),
        )
    arranged = arrange(reader, retrieved.hits, arrangement, k=k)
    hits = [FoldedHit(hit, ()) for hit, _ in arranged.hits]
    return FoldedResults(
        retrieved=retrieved,
        hits=hits,
        documents=snapshot.document_rows(sorted({document_of(hit.hit.page) for hit in hits})),
        pages=snapshot.pages(sorted({hit.hit.page for hit in hits})),
        positions=[position for _, position in arranged.hits],
        groups=arranged.groups,
    )


def describe_hits(
    snapshot: Snapshot, retriever: Retriever, query: str, results: FoldedResults, *, neighbours: int, guesses: bool
) -> list[FoundPage]:
    """Return the pages found, each with its evidence and `neighbours` pages before and after it.

    `guesses`: include what the builtin image encoder takes a photo for; false where another encoder fills the lane.
    """
    pages = {hit.hit.page: results.pages[hit.hit.page] for hit in results.hits}
    evidence = {hit.hit.page: retriever.evidence(snapshot, query, pages[hit.hit.page], hit.hit) for hit in results.hits}
    labels = snapshot.labels_of(list(pages))
    continuations = find_continuations(snapshot, [(page, evidence[key]) for key, page in pages.items()])
    found = []
    for folded, position in zip_longest(results.hits, results.positions, fillvalue=0):
        assert isinstance(folded, FoldedHit) and isinstance(position, int)
        hit, page = folded.hit, pages[folded.hit.page]
        row = with_path_first(results.documents, document_of(page.key), position)
        continuation = continuations[page.key]
        found.append(
            FoundPage(
                ref=PageRef(row.path, page.number),
                label=page.label,
                title=row.document.title,
                kind=row.document.kind,
                document=row.document.sha256,
                page_count=row.document.page_count,
                score=hit.score,
                lanes=hit.lanes,
                named=hit.named,
                evidence=evidence[page.key],
                source=page.text.source,
                confidence=page.text.confidence,
                estimated=has_estimated_pages(row),
                duplicates=[
                    PageRef(results.documents[document_of(key)].path, number_of(key)) for key in folded.duplicates
                ],
                neighbours=_neighbours(snapshot, row, page.number, neighbours),
                continued_from=_page_ref(row, continuation.continued_from),
                continues_on=_page_ref(row, continuation.continues_on),
                guesses=page.guesses if guesses else (),
                gone=is_gone(row.paths),
                fields=row.records[0] if row.records else {},
                description=page.description,
                labels=labels.get(page.key, ()),
            )
        )
    return found


def has_estimated_pages(row: DocumentRow) -> bool:
    """Tell whether a document has page numbers of our layout only, since its format has none.

    False for a document of one page: that is page 1 in any layout.
    """
    return row.document.metadata.get("pages") == "estimated" and row.document.page_count > 1


def _page_ref(row: DocumentRow, number: int | None) -> PageRef | None:
    return None if number is None else PageRef(row.path, number)


def _neighbours(snapshot: Snapshot, row: DocumentRow, number: int, count: int) -> list[NeighbourPage]:
    """Return the pages at most `count` before or after page `number` of a document."""
    if not count:  # no catalog query: this is called for each hit
        return []
    numbers = range(max(1, number - count), min(row.document.page_count, number + count) + 1)
    pages = snapshot.pages([page_key(row.key, other) for other in numbers if other != number])
    return [
        NeighbourPage(PageRef(row.path, page.number), page.label, page.text.text) for _, page in sorted(pages.items())
    ]
