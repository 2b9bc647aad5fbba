"""A model's server on loopback that speaks both protocols over real HTTP and fails as real ones do, as scripted."""

import asyncio
import json
import math
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse


@dataclass(frozen=True)
class Complete:
    """Stream the pieces and end as the protocol asks."""

    pieces: Sequence[str]
    reason: str = "stop"
    logprobs: Mapping[str, float] | None = None  # of the first token (OpenAI's): alternative -> probability


@dataclass(frozen=True)
class Fail:
    """Answer with a status."""

    status: int
    message: str = "sorry"
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BreakOff:
    """Stream the pieces, then end without the last event, or drop the connection if not `cleanly`."""

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
    """Stream the pieces, then send nothing more; `ModelServer.left` is set when the client leaves."""

    pieces: Sequence[str]


@dataclass(frozen=True)
class Endless:
    """Stream for ever, until the client is gone."""


ScriptedReply = Complete | Fail | BreakOff | Garble | FailWithin | Stall | Endless


class Dropped(Exception):
    """Raised to drop the connection."""


@dataclass
class ModelServer:
    """The scripted replies, the requests, and whether a client left before the end of its reply."""

    replies: list[ScriptedReply] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    count: Callable[[dict[str, Any]], int] = lambda _: 321  # the tokens of a request, of OpenAI's protocol
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
        reply = self.replies.pop(0)
        if isinstance(reply, Fail):
            return Response(
                json.dumps(error(reply)), reply.status, headers=dict(reply.headers), media_type="application/json"
            )
        return StreamingResponse(self._stream(request, reply, events), media_type="text/event-stream")

    async def _stream(self, request: Request, reply: ScriptedReply, events: Any) -> AsyncIterator[str]:
        begin, piece, end, fail = events
        left = self.left  # an earlier test's stream may end during the next test
        yield begin()
        if isinstance(reply, Complete) and reply.logprobs is not None:
            yield _logprobs(reply)
        for text in getattr(reply, "pieces", ()):
            yield piece(text)
            await asyncio.sleep(0)  # each in a write of its own
        if isinstance(reply, Complete):
            yield end(reply.reason, self.count(await request.json()))
        elif isinstance(reply, Garble):
            yield "event: content_block_delta\ndata: {oops\n\n"
        elif isinstance(reply, FailWithin):
            yield fail(reply.kind)
        elif isinstance(reply, BreakOff) and not reply.cleanly:
            raise Dropped
        elif isinstance(reply, Stall | Endless):
            try:
                while not await request.is_disconnected():
                    if isinstance(reply, Endless):
                        yield piece("more ")
                    await asyncio.sleep(0.01)
            finally:  # where the connection is closed this is cancelled
                left.set()


@contextmanager
def running() -> Iterator[ModelServer]:
    """Yield a running server."""
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


def _logprobs(reply: Complete) -> str:
    """The likeliest alternatives of the first token, in a chunk without text."""
    assert reply.logprobs is not None
    top = [{"token": word, "logprob": math.log(share), "bytes": None} for word, share in reply.logprobs.items()]
    first = {"token": reply.pieces[0], "logprob": top[0]["logprob"], "bytes": None, "top_logprobs": top}
    [choice] = _choice({"content": ""})
    return _chunk(choices=[{**choice, "logprobs": {"content": [first], "refusal": None}}])


def _openai_end(reason: str, tokens: int) -> str:
    usage = {"prompt_tokens": tokens, "completion_tokens": 12, "total_tokens": tokens + 12}
    return _chunk(choices=_choice({}, reason)) + _chunk(choices=[], usage=usage) + "data: [DONE]\n\n"


def _openai_error(reply: Fail) -> dict[str, Any]:
    return {"error": {"message": reply.message, "type": "error", "code": reply.code or None}}


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


def _anthropic_end(reason: str, _: int) -> str:
    stop_reason = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}[reason]
    delta = _event(
        "message_delta", delta={"stop_reason": stop_reason, "stop_sequence": None}, usage={"output_tokens": 12}
    )
    return _event("content_block_stop", index=0) + delta + _event("message_stop")


def _anthropic_error(reply: Fail) -> dict[str, Any]:
    return {"type": "error", "error": {"type": reply.code or "error", "message": reply.message}}


_anthropic_events = (
    _anthropic_begin,
    lambda text: _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}),
    _anthropic_end,
    lambda kind: _event("error", error={"type": kind, "message": "within"}),
)
