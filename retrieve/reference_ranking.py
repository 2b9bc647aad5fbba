"""Moves the pages and documents that a query names to the front of a ranking."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pagelens.core.keys import document_of, page_key
from pagelens.core.types import FusedHit
from pagelens.index.reader import Snapshot
from pagelens.index.selection import Selection
from pagelens.retrieve.query_references import PageReferences


@dataclass(frozen=True, slots=True)
class QueryReferences:
    """The pages and the documents (by key) that a query names."""

    pages: PageReferences = field(default_factory=PageReferences)
    documents: Sequence[int] = ()

    def __bool__(self) -> bool:
        return bool(self.documents or self.pages)

    def describe(self, snapshot: Snapshot) -> list[str]:
        """Return each reference as text for users, documents first."""
        documents = [f"document {snapshot.documents[key].path}" for key in self.documents]
        labels = [f"page {label}" for label in self.pages.labels]
        numbers = [f"page {n}" if n > 0 else f"page {-n} from the end" for n in self.pages.positions]
        return documents + labels + numbers


def rank_referenced_first(
    snapshot: Snapshot, hits: Sequence[FusedHit], references: QueryReferences, selection: Selection | None
) -> list[FusedHit]:
    """Return the hits with those of referenced documents and pages first; hits that are referenced are marked so.

    Referenced pages that no lane found are added where it is clear which document they belong to.
    """
    ranked = list(hits)
    if references.documents:
        ranked = _documents_first(ranked, set(references.documents))
    if references.pages:
        ranked = _pages_first(snapshot, ranked, references, selection)
    return ranked


def _documents_first(hits: Sequence[FusedHit], documents: set[int]) -> list[FusedHit]:
    """Put the pages of referenced documents before the others; the order within both groups stays."""
    marked = [replace(hit, named=document_of(hit.page) in documents) for hit in hits]
    return sorted(marked, key=lambda hit: not hit.named)


def _pages_first(
    snapshot: Snapshot, hits: Sequence[FusedHit], references: QueryReferences, selection: Selection | None
) -> list[FusedHit]:
    """Put the referenced pages of each document directly before its best page, with at least that page's score.

    If only one document is in question (referenced, or the only one that the filters leave), its referenced pages come
    first even if no lane found them.
    """
    candidates = list(references.documents)
    if not candidates and selection is not None and selection.documents is not None:
        candidates = selection.documents.tolist()
    only = candidates if len(candidates) == 1 else []
    best_scores: dict[int, float] = {}  # by document
    for hit in hits:
        best_scores.setdefault(document_of(hit.page), hit.score)
    referenced = _referenced_pages(snapshot, references.pages, sorted({*only, *best_scores}), selection)
    order = [page for document in only for page in referenced[document]]
    for hit in hits:
        order += [*referenced[document_of(hit.page)], hit.page]
    hit_of = {hit.page: hit for hit in hits}
    all_referenced = {page for pages in referenced.values() for page in pages}
    result = []
    for page in dict.fromkeys(order):
        hit = hit_of.get(page, FusedHit(page, 0.0, {}))
        if page in all_referenced:
            hit = replace(hit, score=max(hit.score, best_scores.get(document_of(page), 0.0)), named=True)
        result.append(hit)
    return result


def _referenced_pages(
    snapshot: Snapshot, references: PageReferences, documents: Sequence[int], selection: Selection | None
) -> dict[int, list[int]]:
    """Return the keys of the referenced pages of each document: by printed label first, then by position."""
    referenced: dict[int, list[int]] = {document: [] for document in documents}
    for label in references.labels:
        for page in snapshot.pages_with_label(documents, label):
            referenced[document_of(page)].append(page)
    for document, row in snapshot.document_rows(documents).items():
        referenced[document] += [page_key(document, number) for number in references.numbers(row.document.page_count)]
    if selection is not None:
        referenced = {key: [page for page in pages if selection.has_page(page)] for key, pages in referenced.items()}
    return referenced
