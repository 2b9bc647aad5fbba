"""ASGI middleware that converts problem details to OpenAI's error object below the paths of OpenAI's API."""

import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pagelens.api.server.problems import MEDIA_TYPE, TYPE_PREFIX, internal_problem

PATH_PREFIXES = ("/v1/chat/", "/v1/embeddings", "/v1/models", "/v1/rerank")


class OpenAIErrorsMiddleware:
    """Converts error responses, and exceptions, of OpenAI's API."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PATH_PREFIXES):
            await self._app(scope, receive, send)
            return
        converter = _ErrorConverter(send)
        try:
            await self._app(scope, receive, converter)
        except Exception as exc:
            if converter.response_started:
                raise
            await internal_problem(exc).response(scope["state"]["request_id"])(scope, receive, converter)


class _ErrorConverter:
    """A `send` that collects a problem's body and sends it converted; other responses pass unchanged."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None  # of a problem
        self._body = b""
        self.response_started = False

    async def __call__(self, message: Message) -> None:
        is_start = message["type"] == "http.response.start"
        if is_start and (b"content-type", MEDIA_TYPE.encode()) in message["headers"]:
            self._start = message
        elif self._start is None:
            self.response_started = True
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_converted(self._start)

    async def _send_converted(self, start: Message) -> None:
        body = json.dumps(openai_error(json.loads(self._body))).encode()
        kept = [header for header in start["headers"] if header[0] not in (b"content-type", b"content-length")]
        headers = [*kept, (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        status = 400 if start["status"] == 422 else start["status"]
        self.response_started = True
        await self._send({**start, "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def openai_error(problem: dict[str, Any]) -> dict[str, Any]:
    """Return problem details as OpenAI's error object."""
    status = problem["status"]
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    sentences = (problem["detail"].rstrip("."), problem.get("next_step", ""))
    message = ". ".join(filter(None, sentences))
    first = next(iter(problem.get("errors", ())), None)
    param = first["field"].removeprefix("body.") if first else None
    code = "invalid_api_key" if status == 401 else problem["type"].removeprefix(TYPE_PREFIX)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
