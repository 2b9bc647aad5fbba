"""A model's server on loopback that speaks both protocols over real HTTP and fails as real ones do, turn by turn."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse


@dataclass(frozen=True)
class Say:
    """Stream the pieces and end as the protocol asks."""

    pieces: Sequence[str]
    reason: str = "stop"


@dataclass(frozen=True)
class Fail:
    """Answer with a status."""

    status: int
    message: str = "sorry"
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BreakOff:
    """Stream the pieces, then end: `cleanly` as if all were said, else by dropping the connection."""

    pieces: Sequence[str]
    cleanly: bool = True


@dataclass(frozen=True)
class Garble:
    """Stream the pieces, then something that is no JSON."""

    pieces: Sequence[str]


@dataclass(frozen=True)
class FailWithin:
    """Stream the pieces, then an error as an event."""

    pieces: Sequence[str]
    kind: str


@dataclass(frozen=True)
class Stall:
    """Stream the pieces, then say nothing more; the client's going is noted."""

    pieces: Sequence[str]


@dataclass(frozen=True)
class Endless:
    """Stream for ever, until the client is gone."""


Turn = Say | Fail | BreakOff | Garble | FailWithin | Stall | Endless


class Dropped(Exception):
    """The connection is dropped here."""


@dataclass
class ModelServer:
    """The script, what was asked, and whether a client left before its reply was over."""

    turns: list[Turn] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    root: str = ""

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/v1/chat/completions")
        async def complete(request: Request) -> Response:
            return await self._reply(request, _openai_events, _openai_error)

        @app.post("/v1/messages")
        async def message(request: Request) -> Response:
            return await self._reply(request, _anthropic_events, _anthropic_error)

        return app

    async def _reply(self, request: Request, events: Any, error: Any) -> Response:
        self.requests.append(await request.json())
        self.headers.append(dict(request.headers))
        turn = self.turns.pop(0)
        if isinstance(turn, Fail):
            return Response(
                json.dumps(error(turn)), turn.status, headers=dict(turn.headers), media_type="application/json"
            )
        return StreamingResponse(self._stream(request, turn, events), media_type="text/event-stream")

    async def _stream(self, request: Request, turn: Turn, events: Any) -> AsyncIterator[str]:
        begin, piece, end, fail = events
        left = self.left  # an earlier test's stream may end during the next test
        yield begin()
        for text in getattr(turn, "pieces", ()):
            yield piece(text)
            await asyncio.sleep(0)  # each in a write of its own
        if isinstance(turn, Say):
            yield end(turn.reason)
        elif isinstance(turn, Garble):
            yield "event: content_block_delta\ndata: {oops\n\n"
        elif isinstance(turn, FailWithin):
            yield fail(turn.kind)
        elif isinstance(turn, BreakOff) and not turn.cleanly:
            raise Dropped
        elif isinstance(turn, Stall | Endless):
            try:
                while not await request.is_disconnected():
                    if isinstance(turn, Endless):
                        yield piece("more ")
                    await asyncio.sleep(0.01)
            finally:  # where the connection is closed this is cancelled
                left.set()


@contextmanager
def running() -> Iterator[ModelServer]:
    """Yield a server that runs."""
    server = ModelServer()
    listening = socket.create_server(("127.0.0.1", 0))
    server.root = f"http://127.0.0.1:{listening.getsockname()[1]}"
    runner = uvicorn.Server(uvicorn.Config(server.app(), log_level="critical", lifespan="off"))
    thread = threading.Thread(target=runner.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        runner.should_exit = True
        runner.force_exit = True
        thread.join(10)
        listening.close()


# OpenAI's protocol


def _chunk(**parts: Any) -> str:
    whole = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tiny", **parts}
    return f"data: {json.dumps(whole)}\n\n"


def _choice(delta: Mapping[str, str], reason: str | None = None) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "finish_reason": reason}]


def _openai_end(reason: str) -> str:
    usage = {"prompt_tokens": 321, "completion_tokens": 12, "total_tokens": 333}
    return _chunk(choices=_choice({}, reason)) + _chunk(choices=[], usage=usage) + "data: [DONE]\n\n"


def _openai_error(turn: Fail) -> dict[str, Any]:
    return {"error": {"message": turn.message, "type": "error", "code": turn.code or None}}


_openai_events = (
    lambda: _chunk(choices=_choice({"role": "assistant", "content": ""})),
    lambda text: _chunk(choices=_choice({"content": text})),
    _openai_end,
    lambda kind: f"data: {json.dumps({'error': {'message': 'within', 'code': kind, 'type': kind}})}\n\n",
)


# Anthropic's


def _event(name: str, **parts: Any) -> str:
    return f"event: {name}\ndata: {json.dumps({'type': name, **parts})}\n\n"


def _anthropic_begin() -> str:
    usage = {"input_tokens": 321, "output_tokens": 1}
    message = {"id": "m1", "type": "message", "role": "assistant", "content": [], "model": "tiny", "usage": usage}
    start = _event("message_start", message={**message, "stop_reason": None, "stop_sequence": None})
    return start + _event("content_block_start", index=0, content_block={"type": "text", "text": ""})


def _anthropic_end(reason: str) -> str:
    said = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}[reason]
    delta = _event("message_delta", delta={"stop_reason": said, "stop_sequence": None}, usage={"output_tokens": 12})
    return _event("content_block_stop", index=0) + delta + _event("message_stop")


def _anthropic_error(turn: Fail) -> dict[str, Any]:
    return {"type": "error", "error": {"type": turn.code or "error", "message": turn.message}}


_anthropic_events = (
    _anthropic_begin,
    lambda text: _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}),
    _anthropic_end,
    lambda kind: _event("error", error={"type": kind, "message": "within"}),
)
