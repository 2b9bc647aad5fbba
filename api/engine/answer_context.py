"""The pages that an answerer is given, and the notes added to its answer."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from glob import escape
from queue import SimpleQueue
from typing import Protocol

from pagelens.api.engine.file_names import is_gone
from pagelens.api.engine.found_pages import has_estimated_pages, search_pages
from pagelens.api.engine.ranked_pages import SearchOptions
from pagelens.core.keys import document_of, page_key
from pagelens.core.types import (
    Answer,
    AnswerEvent,
    AnswerStep,
    ContextPage,
    Filters,
    FusedHit,
    PageRef,
    PhotoMatch,
    Query,
    SearchStep,
    UserImage,
)
from pagelens.encode.loading import BUILTIN
from pagelens.generate.answer_text import not_found_text
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.index.reader import Snapshot
from pagelens.retrieve.continuation import add_continuation_pages
from pagelens.retrieve.search import RetrievalResult, Retriever


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerContext:
    """What a question is answered from."""

    searched: str  # the question without operators and fields, corrected
    pages: list[ContextPage]
    retrieved: RetrievalResult
    image: UserImage | None  # that the question is about
    notes: list[str]
    missing: dict[str, str]  # lanes that did not look for pages, each with the reason
    generation: int  # the commit that was searched


def pages_for_question(
    snapshot: Snapshot, retriever: Retriever, query: Query, options: SearchOptions, *, accepts_images: bool
) -> tuple[list[ContextPage], RetrievalResult]:
    """Return at most `options.k` pages to answer from, best first, and how they were searched for.

    Duplicates are left out. Where the answerer `accepts_images`, the best pages are followed by those they continue on.
    """
    k, filters = options.k, options.filters
    results = search_pages(snapshot, retriever, query, replace(options, fold=True))
    hits = {folded.hit.page: folded.hit for folded in results.hits}
    pages = {key: results.pages[key] for key in hits}
    if accepts_images:
        pages = add_continuation_pages(snapshot, list(pages), pages, k=k, last_page=filters.last_page)
    shown = []
    for key, row in pages.items():
        page = shown_page(results.documents[document_of(key)], row)
        if key in hits:
            lanes = hits[key].lanes
            scores = {name: lanes[name].score for name in ("words", "visual") if name in lanes}
            page = replace(page, score=hits[key].score, bm25=scores.get("words"), visual=scores.get("visual"))
            if results.documents[document_of(key)].document.kind == "photo":
                page = replace(page, photo=_photo_match(snapshot, row, hits[key]))
        shown.append(page)
    return shown, results.retrieved


def pages_of_document(
    snapshot: Snapshot, load_retriever: Callable[[], Retriever], row: DocumentRow, query: str, *, k: int
) -> tuple[list[ContextPage], bool]:
    """Return a document's pages in order, and whether these are all: of more than `k`, the `k` best for `query`."""
    keys = [page_key(row.key, number) for number in range(1, row.document.page_count + 1)]
    all_read = len(keys) <= k
    if not all_read:
        found = load_retriever().search(
            snapshot, Query(query, spelling=False), k=k, filters=Filters(paths=(escape(row.path),))
        )
        keys = sorted(hit.page for hit in found.hits if document_of(hit.page) == row.key)  # names differ in case only
    pages = snapshot.pages(keys)
    return [shown_page(row, pages[key]) for key in keys], all_read


class FindPages(Protocol):
    """Finds the pages to answer from."""

    def __call__(self, *, on_search: Callable[[SearchStep], None]) -> AnswerContext:
        """`on_search` is called after each search of a thorough search."""
        ...


def with_searches(find_pages: FindPages) -> Generator[AnswerStep, None, AnswerContext]:
    """Yield each search of a thorough search once it has ended; return what was found. It runs in a thread, which is
    waited for where the generator is closed before."""
    ended: SimpleQueue[SearchStep | None] = SimpleQueue()
    with ThreadPoolExecutor(1, thread_name_prefix="thorough-search") as thread:
        finding = thread.submit(copy_context().run, partial(find_pages, on_search=ended.put))
        finding.add_done_callback(lambda _: ended.put(None))
        while (search := ended.get()) is not None:
            yield AnswerStep(stage="searched", search=search)
    return finding.result()


def answer_without_pages(question: str, nothing_found: str) -> Generator[AnswerEvent]:
    """Yield the answer where no page is left to be read; `nothing_found` says why, as a sentence."""
    reason = nothing_found[0].lower() + nothing_found[1:].removesuffix(".")
    text = not_found_text((), reason)
    yield text
    yield Answer(
        question=question, text=text, found=False, citations=(), context_pages=(), confidence=0.0, reason=reason
    )


_GONE = "{} is gone since it was indexed; `pagelens index FOLDER --prune` forgets files that are gone."


def with_notes(answer: Answer, shown: Sequence[ContextPage]) -> Answer:
    """Return the answer with a note for each cited file whose page numbers are estimated, or that is gone."""
    estimated = {page.ref.path for page in shown if page.estimated}
    paths = dict.fromkeys(citation.ref.path for citation in answer.citations if citation.ref.path in estimated)
    names = [path.rpartition("/")[2] for path in paths]
    notes = [f"The page numbers of {name} are estimated: its format has no pages of its own." for name in names]
    cited = dict.fromkeys(citation.ref.path for citation in answer.citations)
    notes += [_GONE.format(path.rpartition("/")[2]) for path in cited if is_gone([path])]
    return replace(answer, notes=(*answer.notes, *notes)) if notes else answer


def _photo_match(snapshot: Snapshot, page: PageRow, hit: FusedHit) -> PhotoMatch:
    approximate = "image" in snapshot.lanes and snapshot.lanes["image"].model == BUILTIN
    return PhotoMatch(
        facts=page.caption,
        similarity=hit.lanes["image"].score if "image" in hit.lanes else None,
        guesses=page.guesses if approximate else (),
        approximate=approximate,
        description=page.description.labelled if page.description else "",
    )


def shown_page(row: DocumentRow, page: PageRow) -> ContextPage:
    """Return a page as an answerer is given it."""
    ref = PageRef(row.path, page.number)
    return ContextPage(
        ref=ref, label=page.label, title=row.document.title, text=page.text, estimated=has_estimated_pages(row)
    )
