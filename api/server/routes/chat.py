"""OpenAI's chat completions API: every collection is a model; answers have links to the cited pages."""

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, NamedTuple
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import StreamingResponse

from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.auth.keys import Principal
from pagelens.api.server.dependencies import AppState, AppStateDep, PrincipalDep, RequestContext
from pagelens.api.server.markdown import MarkdownEscaper, escape_markdown
from pagelens.api.server.middleware.openai_errors import openai_error
from pagelens.api.server.problems import Problem, redact, to_problem
from pagelens.api.server.schemas.openai import (
    SOURCES_HEADING,
    Annotation,
    AnswerState,
    ChatCompletion,
    ChatCompletionRequest,
    ChatQuery,
    Choice,
    ChunkHeader,
    MessageOut,
    ModelOut,
    ModelsOut,
    TokensOut,
    UrlCitation,
    answer_schema,
    chunk,
    format_problem,
    parse_conversation,
    reply_without_search,
)
from pagelens.api.server.serialization import display_names, documents_by_path, missing_lanes
from pagelens.api.server.sse import MEDIA_TYPE
from pagelens.core.errors import GenerationError
from pagelens.core.types import Answer, AnswerEvent, Citation, Depth, Usage
from pagelens.generate.answer_text import confidence_text
from pagelens.generate.extraction.schemas import Schema, validation_errors
from pagelens.index.layout import Layout

router = APIRouter(route_class=AuthorizedRoute, prefix="/v1", tags=["openai"])

MODEL = "pagelens"
QUOTE_CHARS = 300  # of a quote in a link

_MARK = re.compile(r"\[(\d{1,3})\]")

ModelName = Annotated[str, InPath(max_length=100, examples=[MODEL])]


@router.get("/models", summary="Collections, as models")
@requires_scope("read")
def list_models(app_state: AppStateDep, caller: PrincipalDep) -> ModelsOut:
    """Return the collections that the caller can access as models, the default one first."""
    collections = app_state.service.collections
    names = [name for name in collections.names() if caller.can_access(name)]
    names.sort(key=lambda name: name != collections.default)
    return ModelsOut(data=[_model(app_state, name) for name in names])


@router.get("/models/{model:path}", summary="A collection, as a model")
@requires_scope("read")
def read_model(app_state: AppStateDep, caller: PrincipalDep, model: ModelName) -> ModelOut:
    """Return a collection as a model."""
    return _model(app_state, collection_of_model(app_state, caller, model))


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    summary="Answer the last message from the documents",
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
@requires_scope("read")
def complete(
    request: Request, app_state: AppStateDep, caller: PrincipalDep, body: ChatCompletionRequest
) -> ChatCompletion | StreamingResponse:
    """Answer with citations, as `annotations` and as links below the text.

    What a chat program asks for itself (a title of the conversation) is answered from the conversation. A picture in
    the question searches together with its words, and a language model sees it beside the pages. A
    follow-up may be about the picture of an earlier question. Pictures are data URLs; no address is fetched. With a
    language model, a `response_format` of type `json_schema` is answered in JSON; a `refusal` says which values that
    the schema demands the documents lack.
    """
    collection = collection_of_model(app_state, caller, body.model)
    context = RequestContext(app_state, collection, caller, request.state.request_id)
    header = ChunkHeader(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), body.model)
    pieces = _reply_pieces(request, context, body)
    if not body.stream:
        *texts, end = pieces
        content = "".join(text for text in texts if isinstance(text, str))
        assert isinstance(end, _StreamEnd)
        message = MessageOut(
            content=None if end.refusal else content,
            refusal=end.refusal,
            annotations=end.annotations,
            answer=end.answer,
        )
        return ChatCompletion(
            id=header.id, created=header.created, model=header.model, choices=[Choice(message=message)], usage=end.usage
        )
    first = next(pieces)  # an error before the first piece is an HTTP status, a later one an event
    usage = body.stream_options is not None and bool(body.stream_options.include_usage)
    events = _events(header, chain([first], pieces), usage=usage, request_id=context.request_id)
    return StreamingResponse(events, media_type=MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class _StreamEnd:
    """The last piece of an answer."""

    annotations: list[Annotation]
    answer: AnswerState | None  # None where nothing was asked of the documents, or for a refusal
    usage: TokensOut
    refusal: str | None = None  # in place of a text


def _reply_pieces(request: Request, context: RequestContext, body: ChatCompletionRequest) -> Iterator[str | _StreamEnd]:
    """Return the pieces of the reply to the last message. Raises Problem (400)."""
    reply = reply_without_search(body.messages)
    if reply is not None:
        return iter((reply, _StreamEnd([], None, TokensOut())))
    schema = answer_schema(body.response_format)
    query = parse_conversation(body.messages, max_chars=context.app_state.limits.query_chars)
    if schema is None:
        return _pieces(request, context, query, body.depth)
    return _json_pieces(request, context, query, schema, body.depth)


def _json_pieces(
    request: Request, context: RequestContext, query: ChatQuery, schema: Schema, depth: Depth
) -> Iterator[str | _StreamEnd]:
    """Yield an answer as JSON of the schema, then its end; only an end with a refusal where the documents lack a value
    that the schema demands. Raises Problem (400)."""
    if query.image is not None:
        raise format_problem("expected a question without a picture for JSON of a schema, found one with a picture")
    with context.app_state.answers.slot():
        engine, documents = context.use(lambda engine: (engine, documents_by_path(engine)))
        try:
            extraction = engine.extract_answer(query.question, schema, history=query.history, depth=depth)
        except GenerationError as exc:
            if exc.code != "no-model":
                raise
            raise format_problem(
                "expected the response_format text, found json_schema: JSON needs a language model (PAGELENS_LLM_MODEL)"
            ) from exc
    usage = _tokens(extraction.usage)
    if extraction.data is None or validation_errors(extraction.data, schema, nullable=False):
        lacking = f"give: {', '.join(extraction.absent)}" if extraction.absent else "answer"
        yield _StreamEnd([], None, usage, f"The documents do not {lacking}.")
        return
    text = json.dumps(extraction.data, ensure_ascii=False)
    yield text
    confirmed = [citation for citation in extraction.citations.values() if citation.state != "unconfirmed"]
    links = _citation_links(request, context, confirmed, documents)
    share = len(confirmed) / max(1, len(extraction.citations))
    state = AnswerState(found=True, confidence=share, reason=redact(" ".join(extraction.notes)))
    yield _StreamEnd([_annotation(link, 0, len(text)) for link in dict.fromkeys(links.values())], state, usage)


def _events(
    header: ChunkHeader, pieces: Iterator["str | _StreamEnd"], *, usage: bool, request_id: str
) -> Iterator[str]:
    """Yield the pieces of an answer as server-sent data in OpenAI's format."""
    try:
        yield _data(chunk(header, {"role": "assistant", "content": ""}))
        for piece in pieces:
            if isinstance(piece, str):
                yield _data(chunk(header, {"content": piece}))
                continue
            annotations = [annotation.model_dump() for annotation in piece.annotations]
            delta: dict[str, object] = {"annotations": annotations} if annotations else {}
            delta |= {"refusal": piece.refusal} if piece.refusal else {}
            state = {"answer": piece.answer.model_dump()} if piece.answer else {}
            yield _data(chunk(header, {**delta, **state}, finish="stop"))
            if usage:
                yield _data({**header.fields(), "choices": [], "usage": piece.usage.model_dump()})
        yield "data: [DONE]\n\n"
    except Exception as exc:  # noqa: BLE001 - the response has started: an error can only be an event
        yield _data(openai_error(json.loads(bytes(to_problem(exc).response(request_id).body))))


def _data(value: object) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _pieces(request: Request, context: RequestContext, query: ChatQuery, depth: Depth) -> Iterator[str | _StreamEnd]:
    """Yield the answer's text in pieces, then the links to its sources and its notes, then its end."""
    with context.app_state.answers.slot():
        engine, documents = context.use(lambda engine: (engine, documents_by_path(engine)))
        answer = engine.ask_stream(query.question, image=query.image, history=query.history, depth=depth)
        with closing(answer) as events:
            yield from _answer_pieces(request, context, events, documents)


def _answer_pieces(
    request: Request, context: RequestContext, events: Iterator[AnswerEvent], documents: Mapping[str, str]
) -> Iterator[str | _StreamEnd]:
    text, escaper = "", MarkdownEscaper()
    for event in events:
        if isinstance(event, str):
            piece = escaper.escape(event)
            text += piece
            yield piece
        elif isinstance(event, Answer):
            if not text:
                text = escaper.escape(event.text)
                yield text
            yield from _without_lanes(event.missing)
            links = _citation_links(request, context, event.citations, documents)
            yield from _sources(links)
            yield from (f"\n\n{escape_markdown(redact(note))}" for note in event.notes)
            state = AnswerState(
                found=event.found,
                confidence=event.confidence,
                reason=redact(event.reason),
                searches=[step.text for step in event.steps],
            )
            if links and state.reason:
                yield f"\n\n{escape_markdown(redact(confidence_text(event)))}"
            yield _StreamEnd(_annotations(text, links), state, _tokens(event.usage))


class _PageLink(NamedTuple):
    """A link to a page on the server's web page."""

    url: str
    title: str


def page_link(request: Request, collection: str, page: str, highlight: str = "") -> str:
    """Return the URL that opens a page in the web page, with `highlight` marked.

    All of it is in the fragment, which browsers do not send, so that no quote of a document appears in a server's log.
    """
    fields = {"page": page, "in": collection, "mark": " ".join(highlight.split())[:QUOTE_CHARS]}
    fragment = urlencode({name: value for name, value in fields.items() if value}, quote_via=quote)
    return f"{request.base_url}#{fragment}"


def _citation_links(
    request: Request, context: RequestContext, citations: Sequence[Citation], documents: Mapping[str, str]
) -> dict[int, _PageLink]:
    """Return a link for each mark; for a mark with several citations that of the first."""
    names = display_names(context, [citation.ref.path for citation in citations])
    links: dict[int, _PageLink] = {}
    for citation in citations:
        ref = citation.ref
        url = page_link(request, context.collection, f"{documents.get(ref.path, '')}-{ref.number}", citation.quote)
        links.setdefault(citation.mark, _PageLink(url, f"{names[ref.path]}, page {citation.label or ref.number}"))
    return links


def _sources(links: Mapping[int, _PageLink]) -> list[str]:
    """Return the list of links below an answer, in Markdown; an empty list without links."""
    lines = [f"[{mark}] [{escape_markdown(link.title)}]({link.url})" for mark, link in sorted(links.items())]
    return [SOURCES_HEADING + "\n".join(lines)] if lines else []


def _without_lanes(missing: Mapping[str, str]) -> list[str]:
    """Return a paragraph for each lane that was left out, in Markdown."""
    lines = [f"Without the {lane} lane: {escape_markdown(reason)}" for lane, reason in missing_lanes(missing).items()]
    return ["".join(f"\n\n{line}" for line in lines)] if lines else []


def _annotations(text: str, links: Mapping[int, _PageLink]) -> list[Annotation]:
    """Return an annotation for each mark in the text that has a link."""
    annotations = []
    for mark in _MARK.finditer(text):
        link = links.get(int(mark[1]))
        if link is not None:
            annotations.append(_annotation(link, mark.start(), mark.end()))
    return annotations


def _annotation(link: _PageLink, start: int, end: int) -> Annotation:
    return Annotation(url_citation=UrlCitation(start_index=start, end_index=end, url=link.url, title=link.title))


def _tokens(usage: Usage | None) -> TokensOut:
    prompt, completion = (usage.input_tokens or 0, usage.output_tokens or 0) if usage else (0, 0)
    return TokensOut(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


def collection_of_model(app_state: AppState, caller: Principal, model: str) -> str:
    """Return the collection of a model's name. Raises Problem (404), also for one that the key is not valid for."""
    base, _, name = model.partition("/")
    name = name or app_state.service.collections.default
    if base != MODEL or name not in app_state.service.collections.names() or not caller.can_access(name):
        detail = f"expected a model like {MODEL!r} or '{MODEL}/COLLECTION', found {model!r}"
        step = "GET /v1/models lists the models."
        raise Problem(404, "model_not_found", detail, next_step=step, fields=[("body.model", "no such model")])
    return name


def _model(app_state: AppState, name: str) -> ModelOut:
    collections = app_state.service.collections
    created = int(Layout(collections.require(name)).manifest.stat().st_mtime)
    return ModelOut(id=MODEL if name == collections.default else f"{MODEL}/{name}", created=created)
