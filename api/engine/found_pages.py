"""Search results as the engine returns them: pages of a ranking, each with its evidence and its neighbours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from pagelens.api.engine.arranged_results import FieldReader, with_path_first
from pagelens.api.engine.file_names import is_gone
from pagelens.api.engine.ranked_pages import RankedPages, SearchOptions, rank_pages
from pagelens.api.engine.results import FoundPage, NeighbourPage
from pagelens.core.errors import RankingExpired
from pagelens.core.keys import document_of, number_of, page_key
from pagelens.core.types import Filters, PageRef, Query
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.index.reader import Snapshot
from pagelens.retrieve.continuation import find_continuations
from pagelens.retrieve.deduplication import FoldedHit
from pagelens.retrieve.search import RetrievalResult, Retriever

EXPIRED = "expected the collection as it was when these results were ranked, found that it changed since"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedResults:
    """Hits of a ranking with their rows of the catalog."""

    retrieved: RetrievalResult
    hits: Sequence[FoldedHit]
    documents: Mapping[int, DocumentRow]  # by document key
    pages: Mapping[int, PageRow]  # by page key
    positions: Sequence[int] = ()  # of each hit's path among its document's: that whose metadata match the filters


def search_pages(snapshot: Snapshot, retriever: Retriever, query: Query, options: SearchOptions) -> FoldedResults:
    """Search, and return the `k` best hits."""
    ranked = rank_pages(snapshot, retriever, query, options)
    return read_hits(snapshot, ranked, options.filters, first=0, size=options.k)


def read_hits(
    snapshot: Snapshot, ranked: RankedPages, filters: Filters, *, first: int, size: int | None
) -> FoldedResults:
    """Return `size` hits of a ranking from index `first` on (None: all) with their rows.

    The snapshot may be of a later commit than the ranking. Raises RankingExpired if one of the hits is not in it.
    """
    end = None if size is None else first + size
    hits, paths = ranked.hits[first:end], ranked.paths[first:end]
    keys = {page for hit in hits for page in (hit.hit.page, *hit.duplicates)}
    documents = snapshot.document_rows(sorted({document_of(page) for page in keys}))
    pages = snapshot.pages(sorted({hit.hit.page for hit in hits}))
    if any(document_of(page) not in documents for page in keys) or any(hit.hit.page not in pages for hit in hits):
        raise RankingExpired(EXPIRED)
    return FoldedResults(
        retrieved=ranked.retrieved,
        hits=hits,
        documents=documents,
        pages=pages,
        positions=_positions(
            FieldReader(snapshot, filters), [documents[document_of(hit.hit.page)] for hit in hits], paths
        ),
    )


def _positions(reader: FieldReader, rows: Sequence[DocumentRow], paths: Sequence[str]) -> list[int]:
    """Return the position of each hit's path among its document's: of `paths` if given, else the first that matches."""
    matching = [[position for position, _ in reader.records(row)] if row.records else [0] for row in rows]
    if paths:
        matching = [[row.paths.index(path)] if path in row.paths else [] for row, path in zip(rows, paths, strict=True)]
    if not all(matching):
        raise RankingExpired(EXPIRED)
    return [positions[0] for positions in matching]


def describe_hits(
    snapshot: Snapshot, retriever: Retriever, results: FoldedResults, *, neighbours: int, guesses: bool
) -> list[FoundPage]:
    """Return the pages found, each with its evidence and `neighbours` pages before and after it.

    `guesses`: include what the builtin image encoder takes a photo for; false where another encoder fills the lane.
    """
    pages = {hit.hit.page: results.pages[hit.hit.page] for hit in results.hits}
    text, phrases = results.retrieved.text, results.retrieved.phrases
    evidence = {
        hit.hit.page: retriever.evidence(snapshot, text, pages[hit.hit.page], hit.hit, phrases=phrases)
        for hit in results.hits
    }
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
                rerank=hit.rerank,
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
