"""OpenAI's protocol: every collection is a model, and its answers come with links to the pages they rest on."""

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import StreamingResponse

from pagelens.api.engine.engine import Engine
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.auth.keys import Principal
from pagelens.api.server.concurrency import Overloaded
from pagelens.api.server.context import Caller, Door, Here, TheDoor
from pagelens.api.server.links import escaped, page_link
from pagelens.api.server.middleware.openai_errors import openai_error
from pagelens.api.server.problems import Problem, fault, overloaded, problem_of
from pagelens.api.server.schemas.openai import (
    SOURCES,
    Annotation,
    Asked,
    ChatRequest,
    Choice,
    Completion,
    Head,
    MessageOut,
    ModelOut,
    ModelsOut,
    TokensOut,
    UrlCitation,
    asked,
    chunk,
)
from pagelens.api.server.schemas.views import documents_of, names_of
from pagelens.api.server.sse import EVENTS
from pagelens.core.errors import PageLensError
from pagelens.core.types import Answer, AnswerEvent, Citation, Usage
from pagelens.index.layout import Layout

router = APIRouter(route_class=AuthorizedRoute, prefix="/v1", tags=["openai"])

MODEL = "pagelens"
ALIKE = 6  # pages told of for a picture
_MARK = re.compile(r"\[(\d{1,3})\]")

Name = Annotated[str, InPath(max_length=100, examples=[MODEL])]


@router.get("/models", summary="Collections, as models")
@requires_scope("read")
def list_models(door: TheDoor, caller: Caller) -> ModelsOut:
    """Return the collections that the caller sees, the default one first."""
    collections = door.service.collections
    names = sorted((name for name in collections.names() if caller.sees(name)), key=lambda n: n != collections.default)
    return ModelsOut(data=[_model(door, name) for name in names])


@router.get("/models/{model:path}", summary="A collection, as a model")
@requires_scope("read")
def read_model(door: TheDoor, caller: Caller, model: Name) -> ModelOut:
    """Return a collection under its name as a model."""
    return _model(door, _collection(door, caller, model))


@router.post(
    "/chat/completions",
    response_model=Completion,
    summary="Answer the last message from the documents",
    responses={200: {"content": {EVENTS: {"schema": {"type": "string"}}}}},
)
@requires_scope("read")
def complete(request: Request, door: TheDoor, caller: Caller, body: ChatRequest) -> Completion | StreamingResponse:
    """Answer with citations: as `annotations`, and as links below the text. A picture is searched by."""
    wanted = asked(body.messages, most=door.limits.query)
    here = Here(door, _collection(door, caller, body.model), caller, request.state.request_id)
    head = Head(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), body.model)
    pieces = _pieces(request, here, wanted)
    if not body.stream:
        *texts, end = pieces
        content = "".join(text for text in texts if isinstance(text, str))
        assert isinstance(end, _End)
        message = MessageOut(content=content, annotations=end.annotations)
        return Completion(
            id=head.id, created=head.created, model=head.model, choices=[Choice(message=message)], usage=end.usage
        )
    first = next(pieces)  # what goes wrong before anything is said is a status, not an event
    usage = body.stream_options is not None and body.stream_options.include_usage
    events = _events(head, chain([first], pieces), usage=usage, request_id=here.request_id)
    return StreamingResponse(events, media_type=EVENTS)


class _End:
    """What is told when all is said."""

    def __init__(self, annotations: list[Annotation], usage: TokensOut) -> None:
        self.annotations, self.usage = annotations, usage


def _events(head: Head, pieces: Iterator["str | _End"], *, usage: bool, request_id: str) -> Iterator[str]:
    """Yield an answer's pieces as server-sent data, as OpenAI's clients read it."""
    try:
        yield _data(chunk(head, {"role": "assistant", "content": ""}))
        for piece in pieces:
            if isinstance(piece, str):
                yield _data(chunk(head, {"content": piece}))
                continue
            told = [one.model_dump() for one in piece.annotations]
            yield _data(chunk(head, {"annotations": told} if told else {}, finish="stop"))
            if usage:
                yield _data({**head.fields(), "choices": [], "usage": piece.usage.model_dump()})
        yield "data: [DONE]\n\n"
    except PageLensError as exc:
        yield _failed(problem_of(exc), request_id)
    except Overloaded as exc:
        yield _failed(overloaded(exc), request_id)
    except Exception as exc:  # noqa: BLE001 - the stream's boundary: nobody may see what a fault says
        yield _failed(fault(exc), request_id)


def _data(value: object) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _failed(problem: Problem, request_id: str) -> str:
    return _data(openai_error(json.loads(bytes(problem.response(request_id).body))))


def _pieces(request: Request, here: Here, wanted: Asked) -> Iterator[str | _End]:
    """Yield the text in pieces, the links below it, last what is told of it."""
    if wanted.picture is not None:
        with here.door.searches.turn():
            yield from here.use(lambda engine: _alike(request, here, engine, wanted))
        return
    with here.door.answers.turn():
        engine, documents = here.use(lambda engine: (engine, documents_of(engine)))
        with closing(engine.ask_stream(wanted.question, history=wanted.history)) as events:
            yield from _answered(request, here, events, documents)


def _answered(
    request: Request, here: Here, events: Iterator[AnswerEvent], documents: Mapping[str, str]
) -> Iterator[str | _End]:
    said = ""
    for event in events:
        if isinstance(event, str):
            said += event
            yield event
        elif isinstance(event, Answer):
            if not said:
                said = event.text
                yield said
            cited = _cited(request, here, event.citations, documents)
            yield from _below(cited)
            yield _End(_annotations(said, cited), _tokens(event.usage))


def _alike(request: Request, here: Here, engine: Engine, wanted: Asked) -> list[str | _End]:
    """Return the pages and photos that a picture finds, as an answer says it."""
    found = engine.search(wanted.question, image=wanted.picture, k=ALIKE).hits
    names = names_of(here, [hit.ref.path for hit in found])
    cited = {
        mark: _Link(
            page_link(request, here.name, f"{hit.document}-{hit.ref.number}", wanted.question),
            f"{names[hit.ref.path]}, page {hit.label or hit.ref.number}",
        )
        for mark, hit in enumerate(found, 1)
    }
    lines = [f"- {escaped(one.title)} [{mark}]" for mark, one in cited.items()]
    said = "\n".join(["What is most like the picture:", *lines] if lines else ["Nothing is like the picture."])
    return [said, *_below(cited), _End(_annotations(said, cited), TokensOut())]


class _Link(NamedTuple):
    """A page to look at."""

    url: str
    title: str


def _cited(
    request: Request, here: Here, citations: Sequence[Citation], documents: Mapping[str, str]
) -> dict[int, _Link]:
    """Return where each mark leads."""
    names = names_of(here, [one.ref.path for one in citations])
    found: dict[int, _Link] = {}
    for one in citations:
        url = page_link(request, here.name, f"{documents.get(one.ref.path, '')}-{one.ref.number}", one.quote)
        found.setdefault(one.mark, _Link(url, f"{names[one.ref.path]}, page {one.label or one.ref.number}"))
    return found


def _below(cited: Mapping[int, _Link]) -> list[str]:
    """Return the links that stand below a text, as Markdown."""
    lines = [f"[{mark}] [{escaped(one.title)}]({one.url})" for mark, one in sorted(cited.items())]
    return [SOURCES + "\n".join(lines)] if lines else []


def _annotations(text: str, cited: Mapping[int, _Link]) -> list[Annotation]:
    """Return an annotation for each mark in the text."""
    found = []
    for one in _MARK.finditer(text):
        link = cited.get(int(one[1]))
        if link is not None:
            place = UrlCitation(start_index=one.start(), end_index=one.end(), url=link.url, title=link.title)
            found.append(Annotation(url_citation=place))
    return found


def _tokens(usage: Usage | None) -> TokensOut:
    read, written = (usage.input_tokens or 0, usage.output_tokens or 0) if usage else (0, 0)
    return TokensOut(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


def _collection(door: Door, caller: Principal, model: str) -> str:
    """Return the collection that a model's name means; one that a key is not for is none to it."""
    base, _, name = model.partition("/")
    name = name or door.service.collections.default
    if base != MODEL or name not in door.service.collections.names() or not caller.sees(name):
        said = f"expected a model like {MODEL!r} or '{MODEL}/COLLECTION', found {model!r}"
        step = "GET /v1/models lists those there are."
        raise Problem(404, "model_not_found", said, next_step=step, fields=[("body.model", "no such model")])
    return name


def _model(door: Door, name: str) -> ModelOut:
    collections = door.service.collections
    made = int(Layout(collections.require(name)).manifest.stat().st_mtime)
    return ModelOut(id=MODEL if name == collections.default else f"{MODEL}/{name}", created=made)
