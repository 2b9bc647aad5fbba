"""Answering: with citations, or an honest no; whole, or as it comes. And documents read into a schema's shape."""

import json
from collections.abc import Iterator
from contextlib import closing

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from pagelens.api.engine.engine import Engine
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.concurrency import Overloaded
from pagelens.api.server.context import Here, HereNow
from pagelens.api.server.problems import fault, overloaded, problem_of
from pagelens.api.server.schemas.requests import AnswerRequest, ExtractRequest
from pagelens.api.server.schemas.responses import AnswerReply, ExtractReply
from pagelens.api.server.schemas.views import (
    answer_reply,
    citation_out,
    documents_of,
    extract_reply,
    find_document,
    names_of,
)
from pagelens.api.server.sse import EVENTS, event, wants_events
from pagelens.core.errors import PageLensError
from pagelens.core.types import AnswerEvent, Citation

router = APIRouter(route_class=AuthorizedRoute, tags=["answers"])


@router.post(
    "/answer",
    response_model=AnswerReply,
    summary="Answer a question from the documents",
    responses={200: {"content": {EVENTS: {"schema": {"type": "string"}}}}},
)
@requires_scope("read", collection=True)
def answer(request: Request, here: HereNow, body: AnswerRequest) -> AnswerReply | StreamingResponse:
    """Answer with citations, or say that the documents do not; as Server-Sent Events (`Accept: text/event-stream`)
    the events `text`, `citation`, last `answer`, or `problem`."""
    if wants_events(request):
        return StreamingResponse(_events(here, body, request.state.request_id), media_type=EVENTS)
    with here.door.answers.turn():
        return here.use(lambda engine: _whole(here, engine, body))


@router.post("/extract", summary="Read a document into the shape of a JSON Schema")
@requires_scope("read", collection=True)
def extract(here: HereNow, body: ExtractRequest) -> ExtractReply:
    """Return a document's values with the page that each of them stands on. Needs a language model."""

    def work(engine: Engine) -> ExtractReply:
        with engine.snapshot() as snapshot:
            find_document(snapshot, body.document)
        found = engine.extract(body.document, body.wanted, k=body.k)
        return extract_reply(here, found, documents_of(engine))

    with here.door.answers.turn():
        return here.use(work)


def _whole(here: Here, engine: Engine, body: AnswerRequest) -> AnswerReply:
    found = engine.ask(body.question, k=body.k, filters=body.filters.filters(), history=body.turns())
    return answer_reply(here, found, documents_of(engine))


def _events(here: Here, body: AnswerRequest, request_id: str) -> Iterator[str]:
    """Yield an answer's events; what goes wrong once they flow is an event too."""
    try:
        with here.door.answers.turn():
            engine, documents = here.use(lambda engine: (engine, documents_of(engine)))
            filters = body.filters.filters()
            events = engine.ask_stream(body.question, k=body.k, filters=filters, history=body.turns())
            with closing(events):  # a caller who leaves stops the model
                for one in events:
                    yield _event(here, one, documents)
    except PageLensError as exc:
        yield event("problem", bytes(problem_of(exc).response(request_id).body).decode())
    except Overloaded as exc:
        yield event("problem", bytes(overloaded(exc).response(request_id).body).decode())
    except Exception as exc:  # noqa: BLE001 - the stream's boundary: nobody may see what a fault says
        yield event("problem", bytes(fault(exc).response(request_id).body).decode())


def _event(here: Here, one: AnswerEvent, documents: dict[str, str]) -> str:
    if isinstance(one, str):
        return event("text", json.dumps({"text": one}))
    if isinstance(one, Citation):
        return event("citation", citation_out(one, documents, names_of(here, [one.ref.path])).model_dump_json())
    return event("answer", answer_reply(here, one, documents).model_dump_json())
