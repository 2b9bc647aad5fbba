"""Endpoints for answers with citations, complete or streamed, and for extraction by a JSON Schema."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.evidence.bundle import QuestionOptions
from pagelens.api.responses import AnswerResponse, ExtractResponse
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import ContextDep, RequestContext
from pagelens.api.server.image_decoding import decode_image
from pagelens.api.server.problems import to_problem
from pagelens.api.server.schemas.requests import (
    AnswerPdfRequest,
    AnswerRequest,
    ExtractRequest,
    SourceIn,
    SummaryRequest,
)
from pagelens.api.server.serialization import (
    answer_response,
    answer_step,
    citation_out,
    display_names,
    documents_by_path,
    evidence_bundle,
    extract_response,
    find_document,
    find_page,
)
from pagelens.api.server.sse import MEDIA_TYPE, format_event, wants_events
from pagelens.core.types import Answer, AnswerStep, Box, Citation, Depth, Filters, History, PageRef

if TYPE_CHECKING:
    from pagelens.api.engine.answer_pdf import MarkedPage

PDF_PIXELS = 1_400  # of the longer side of a page's image


class _Options(TypedDict):
    k: int
    filters: Filters
    history: History
    spelling: bool
    depth: Depth
    across: bool | None


router = APIRouter(route_class=AuthorizedRoute, tags=["answers"])


@router.post(
    "/answer",
    response_model=AnswerResponse,
    summary="Answer a question from the documents",
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
@requires_scope("read", collection=True)
def answer(request: Request, context: ContextDep, body: AnswerRequest) -> AnswerResponse | StreamingResponse:
    """Answer with citations, or say that the documents do not contain the answer.

    With `Accept: text/event-stream` the answer is streamed as the events `text`, `citation`, and last `answer` or
    `problem`; between them `step` says what is being done. Events of other names are to be ignored: there may be more.
    A picture searches together with the question; a language model sees it beside the pages. It is never cited, and
    nothing of it is kept.
    """
    image = decode_image(body.image)
    if wants_events(request):
        return StreamingResponse(_events(context, body, image, request.state.request_id), media_type=MEDIA_TYPE)
    with context.app_state.answers.slot():
        return context.use(lambda engine: _answer(context, engine, body, image))


@router.post(
    "/answer/pdf",
    response_class=Response,
    summary="An answer as a PDF with its pages",
    responses={200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}},
)
@requires_scope("read", collection=True)
def answer_pdf(context: ContextDep, body: AnswerPdfRequest) -> Response:
    """Return a PDF of an answer that was shown: its text, its sources, and their pages with the quotes marked."""
    from pagelens.api.engine.answer_pdf import make_answer_pdf  # loads MuPDF

    def work(engine: Engine) -> bytes:
        cited = [_cited_page(context, engine, source) for source in body.sources]
        pages = [page for _, page in cited]
        return make_answer_pdf(body.question, body.text, [line for line, _ in cited], pages)

    with context.app_state.images.slot():
        data = context.use(work)
    return Response(
        data, media_type="application/pdf", headers={"Content-Disposition": 'attachment; filename="answer.pdf"'}
    )


def _cited_page(context: RequestContext, engine: Engine, source: SourceIn) -> "tuple[str, MarkedPage]":
    """Return a source as a line, and its page with the marks. Raises NotFound."""
    from pagelens.api.engine.answer_pdf import MarkedPage

    with engine.snapshot() as snapshot:
        row, page = find_page(snapshot, source.page)
    name = display_names(context, [row.path])[row.path]
    caption = f"[{source.mark}] {name}, page {page.number}"
    boxes = [Box(box.x0, box.y0, box.x1, box.y1) for box in source.boxes]
    image = engine.page_image(PageRef(row.path, page.number), boxes=boxes, longest=PDF_PIXELS)
    line = f"{caption}: “{' '.join(source.quote.split())}”" if source.quote else caption
    return line, MarkedPage(caption=caption, image=image, ratio=page.height / page.width)


@router.post("/extract", summary="Extract values from a document by a JSON Schema")
@requires_scope("read", collection=True)
def extract(context: ContextDep, body: ExtractRequest) -> ExtractResponse:
    """Return a document's values, each with its page. A schema of your own needs a language model."""
    return extract_from(context, body, review=False)


def extract_from(context: RequestContext, body: ExtractRequest, *, review: bool) -> ExtractResponse:
    """Return a document's values; with `review` those that are unsure are kept for a person."""

    def work(engine: Engine) -> ExtractResponse:
        with engine.snapshot() as snapshot:
            find_document(snapshot, body.document)
        extraction = engine.extract(body.document, body.json_schema, k=body.k, all_pages=body.all_pages, review=review)
        return extract_response(context, extraction, documents_by_path(engine))

    with context.app_state.answers.slot():
        return context.use(work)


@router.post("/summary", summary="Summarise a document, or all pages that match filters")
@requires_scope("read", collection=True)
def summary(context: ContextDep, body: SummaryRequest) -> AnswerResponse:
    """Return a summary as an answer: each sentence with its pages, checked on them.

    By the language model, which is sent all pages; without one the outline: quoted first sentences and figures.
    """

    def work(engine: Engine) -> AnswerResponse:
        path = None
        if body.document is not None:
            with engine.snapshot() as snapshot:
                path = find_document(snapshot, body.document).path
        made = engine.summarise(path, filters=body.filters.filters(), sentences=body.sentences)
        return answer_response(context, replace(made, question="Summary"), documents_by_path(engine))

    with context.app_state.answers.slot():
        return context.use(work)


def _answer(context: RequestContext, engine: Engine, body: AnswerRequest, image: bytes | None) -> AnswerResponse:
    engine = engine.as_of(body.as_of) if body.as_of else engine
    answer = engine.ask(body.question, image=image, **_options(body))
    return _response(context, engine, body, answer, documents_by_path(engine))


def _response(
    context: RequestContext, engine: Engine, body: AnswerRequest, answer: Answer, documents: dict[str, str]
) -> AnswerResponse:
    response = answer_response(context, answer, documents)
    response.bundle = evidence_bundle(context, engine, answer, _question_options(body)) if body.bundle else None
    return response


def _question_options(body: AnswerRequest) -> QuestionOptions | None:
    """Return how a question was asked; None for one with a picture or a conversation."""
    if body.image is not None or body.history:
        return None
    return QuestionOptions(
        k=body.k, filters=body.filters.filters(), spelling=body.spelling, depth=body.depth, across=body.across
    )


def _options(body: AnswerRequest) -> _Options:
    return {
        "k": body.k,
        "filters": body.filters.filters(),
        "history": body.history_pairs(),
        "spelling": body.spelling,
        "depth": body.depth,
        "across": body.across,
    }


def _events(context: RequestContext, body: AnswerRequest, image: bytes | None, request_id: str) -> Iterator[str]:
    """Yield an answer's events; an error becomes the event `problem`."""
    try:
        with context.app_state.answers.slot():
            engine = context.use(lambda engine: engine.as_of(body.as_of) if body.as_of else engine)
            documents = documents_by_path(engine)
            events = engine.ask_stream(body.question, image=image, **_options(body))
            with closing(events):  # stops the model if the caller disconnects
                for item in events:
                    if isinstance(item, Answer):
                        whole = _response(context, engine, body, item, documents)
                        yield format_event("answer", whole.model_dump_json())
                    else:
                        yield _event(context, item, documents)
    except Exception as exc:  # noqa: BLE001 - the response has started: an error can only be an event
        yield format_event("problem", bytes(to_problem(exc).response(request_id).body).decode())


def _event(context: RequestContext, item: str | Citation | AnswerStep, documents: dict[str, str]) -> str:
    if isinstance(item, str):
        return format_event("text", json.dumps({"text": item}))
    if isinstance(item, AnswerStep):
        return format_event("step", answer_step(context, item, documents).model_dump_json())
    names = display_names(context, [item.ref.path])
    return format_event("citation", citation_out(item, documents, names).model_dump_json())
