"""The pages that an answerer is shown, and what an answer says of them. Asks no model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from glob import escape

from pagelens.api.engine import continuation
from pagelens.api.engine.hits import find, is_estimated
from pagelens.api.engine.lookup import find_document
from pagelens.core.keys import document_of, page_key
from pagelens.core.types import Answer, Filters, PageRef, Query, ShownPage
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.index.reader import Snapshot
from pagelens.retrieve.search import Retriever


def pages_for_question(
    snapshot: Snapshot, retriever: Retriever, question: str, *, k: int, filters: Filters, accepts_images: bool
) -> tuple[list[ShownPage], Mapping[str, float]]:
    """Return the pages that an answer may rest on, best first, and the idf of the question's terms.

    One page of those that are the same to a reader; a model that `accepts_images` gets behind the best the pages they go on on.
    """
    hits = find(snapshot, retriever, Query(question), k=k, filters=filters)
    scored = {one.hit.page: one.hit for one in hits.folded}
    chosen = {key: hits.pages[key] for key in scored}
    if accepts_images:
        chosen = continuation.reading_on(snapshot, list(chosen), chosen, k=k, last=filters.last_page)
    shown = []
    for key, page in chosen.items():
        one = _as_shown(hits.rows[document_of(key)], page)
        if key in scored:
            lanes = scored[key].lanes
            one = replace(one, score=scored[key].score, bm25=lanes["words"].score if "words" in lanes else None)
        shown.append(one)
    return shown, hits.found.idf


def pages_of_document(snapshot: Snapshot, retriever: Retriever, name: str, words: str, *, k: int) -> list[ShownPage]:
    """Return a document's pages in order; of more than `k`, those that have most to do with `words`. Raises
    NotFound."""
    row = find_document(snapshot, name)
    keys = [page_key(row.key, number) for number in range(1, row.document.page_count + 1)]
    if len(keys) > k:
        found = retriever.search(snapshot, Query(words), k=k, filters=Filters(paths=(escape(row.path),)))
        keys = sorted(hit.page for hit in found.hits)
    pages = snapshot.pages(keys)
    return [_as_shown(row, pages[key]) for key in keys]


def noted(answer: Answer, shown: Sequence[ShownPage]) -> Answer:
    """Return an answer that says which of the files it cites have no page numbers of their own."""
    estimated = {page.ref.path for page in shown if page.estimated}
    cited = dict.fromkeys(citation.ref.path for citation in answer.citations if citation.ref.path in estimated)
    names = [path.rpartition("/")[2] for path in cited]
    said = [f"The page numbers of {name} are estimated: its format has no pages of its own." for name in names]
    return replace(answer, notes=(*answer.notes, *said)) if said else answer


def _as_shown(row: DocumentRow, page: PageRow) -> ShownPage:
    ref = PageRef(row.path, page.number)
    return ShownPage(ref, page.label, row.document.title, page.text, estimated=is_estimated(row))
