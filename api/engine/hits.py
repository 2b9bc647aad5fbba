"""What a search found, as it is shown: pages that are the same to a reader folded, each with its evidence, what stands
beside it and where its words go on. Ranks nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pagelens.api.engine import continuation, deduplication
from pagelens.api.engine.deduplication import Folded
from pagelens.api.engine.results import FoundPage, NeighbourPage
from pagelens.core.keys import document_of, number_of, page_key
from pagelens.core.types import Filters, PageRef, Query
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.index.reader import Snapshot
from pagelens.retrieve.search import Found, Fusion, Retriever

FOLD_FROM, FOLD_MOST = 3, 100  # hits looked at for each one wanted, and at most; more would be another ranking


@dataclass(frozen=True, slots=True)
class Hits:
    """The pages found, best first, at most as many as were wanted, and what the catalog has of them."""

    found: Found
    folded: Sequence[Folded]
    rows: Mapping[int, DocumentRow]
    pages: Mapping[int, PageRow]


def find(
    snapshot: Snapshot,
    retriever: Retriever,
    query: Query,
    *,
    k: int,
    filters: Filters,
    lanes: Sequence[str] | None = None,
    fusion: Fusion | None = None,
    fold: bool = True,
) -> Hits:
    """Search; `fold` puts pages that are the same to a reader behind the best of them."""
    wanted = max(k, min(FOLD_FROM * k, FOLD_MOST)) if fold else k
    found = retriever.search(snapshot, query, k=wanted, filters=filters, lanes=lanes, fusion=fusion)
    rows = snapshot.document_rows(sorted({document_of(hit.page) for hit in found.hits}))
    pages = snapshot.pages([hit.page for hit in found.hits])
    looks = snapshot.looks(list(pages)) if fold else {}
    photos = {key for key, row in rows.items() if row.document.kind == "photo"}
    return Hits(found, deduplication.fold(found.hits, pages, looks, photos, k=k), rows, pages)


def found_pages(
    snapshot: Snapshot, retriever: Retriever, query: str, hits: Hits, *, neighbours: int, guesses: bool
) -> list[FoundPage]:
    """Return the pages found, each with its evidence and `neighbours` pages before and behind it. `guesses`: with what
    the image lane takes them for."""
    shown = [(one, hits.pages[one.hit.page]) for one in hits.folded]
    why = {page.key: retriever.evidence(snapshot, query, page, one.hit) for one, page in shown}
    crossings = continuation.told(snapshot, [(page, why[page.key]) for _, page in shown])
    found = []
    for one, page in shown:
        row, told = hits.rows[document_of(page.key)], crossings[page.key]
        found.append(
            FoundPage(
                ref=PageRef(row.path, page.number),
                label=page.label,
                title=row.document.title,
                kind=row.document.kind,
                document=row.document.sha256,
                page_count=row.document.page_count,
                score=one.hit.score,
                lanes=one.hit.lanes,
                named=one.hit.named,
                evidence=why[page.key],
                source=page.text.source,
                confidence=page.text.confidence,
                estimated=is_estimated(row),
                duplicates=[PageRef(hits.rows[document_of(key)].path, number_of(key)) for key in one.behind],
                neighbours=_neighbours(snapshot, row, page.number, neighbours),
                continued_from=_beside(row, told.before),
                continues_on=_beside(row, told.after),
                guesses=page.guesses if guesses else (),  # those of a lane that was moved stay at rest
            )
        )
    return found


def is_estimated(row: DocumentRow) -> bool:
    """Tell whether a document's pages are where its layout here ends them, since its format has none; one page is
    the first, however it is laid out."""
    return row.document.metadata.get("pages") == "estimated" and row.document.page_count > 1


def _beside(row: DocumentRow, number: int | None) -> PageRef | None:
    return None if number is None else PageRef(row.path, number)


def _neighbours(snapshot: Snapshot, row: DocumentRow, number: int, count: int) -> list[NeighbourPage]:
    """Return the pages of a document that stand at most `count` before or behind one."""
    if not count:  # asks the catalogue nothing: this is called for each hit
        return []
    numbers = range(max(1, number - count), min(row.document.page_count, number + count) + 1)
    pages = snapshot.pages([page_key(row.key, one) for one in numbers if one != number])
    return [
        NeighbourPage(PageRef(row.path, page.number), page.label, page.text.text) for _, page in sorted(pages.items())
    ]
