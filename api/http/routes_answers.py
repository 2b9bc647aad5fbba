"""Answering: with citations, or an honest no; whole, or as it comes."""

import json
from collections.abc import Iterator
from contextlib import closing

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from api.engine import Engine
from api.http.context import Here, HereNow
from api.http.gates import Overloaded
from api.http.problems import fault, overloaded, problem_of
from api.http.replies import AnswerReply
from api.http.requests import AnswerRequest
from api.http.streams import EVENTS, event, wants_events
from api.http.views import answer_reply, citation_out, names_of
from core.errors import PageLensError
from core.types import AnswerEvent, Citation

router = APIRouter(tags=["answers"])


@router.post(
    "/answer",
    response_model=AnswerReply,
    summary="Answer a question from the documents",
    responses={200: {"content": {EVENTS: {"schema": {"type": "string"}}}}},
)
def answer(request: Request, here: HereNow, body: AnswerRequest) -> AnswerReply | StreamingResponse:
    """Answer with citations, or say that the documents do not; as Server-Sent Events (`Accept: text/event-stream`)
    the events `text`, `citation`, last `answer`, or `problem`."""
    if wants_events(request):
        return StreamingResponse(_events(here, body, request.state.request_id), media_type=EVENTS)
    with here.door.answers.turn():
        return here.use(lambda engine: _whole(here, engine, body))


def _whole(here: Here, engine: Engine, body: AnswerRequest) -> AnswerReply:
    found = engine.ask(body.question, k=body.k, filters=body.filters.filters())
    return answer_reply(here, found, _documents(engine))


def _events(here: Here, body: AnswerRequest, request_id: str) -> Iterator[str]:
    """Yield an answer's events; what goes wrong once they flow is an event too."""
    try:
        with here.door.answers.turn():
            engine, documents = here.use(lambda engine: (engine, _documents(engine)))
            events = engine.ask_stream(body.question, k=body.k, filters=body.filters.filters())
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


def _documents(engine: Engine) -> dict[str, str]:
    """Return the document of each path."""
    with engine.snapshot() as snapshot:
        return {path: row.document.sha256 for row in snapshot.documents.values() for path in row.paths}
