"""Errors as OpenAI's API words them, below the addresses that speak its protocol."""

import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pagelens.api.server.problems import MEDIA, TYPES, fault

ADDRESSES = ("/v1/chat/", "/v1/models")


class Dialect:
    """The layer that translates problem details."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not scope["path"].startswith(ADDRESSES):
            await self._app(scope, receive, send)
            return
        translated = _Translated(send)
        try:
            await self._app(scope, receive, translated)
        except Exception as exc:
            if translated.begun:
                raise
            await fault(exc).response(scope["state"]["request_id"])(scope, receive, translated)


class _Translated:
    """A `send` that holds a problem back until it is whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and (b"content-type", MEDIA.encode()) in message["headers"]:
            self._start = message
        elif self._start is None:
            self.begun = True
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._tell(self._start)

    async def _tell(self, start: Message) -> None:
        problem = json.loads(self._body)
        body = json.dumps(openai_error(problem)).encode()
        kept = [one for one in start["headers"] if one[0] not in (b"content-type", b"content-length")]
        headers = [*kept, (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        status = 400 if start["status"] == 422 else start["status"]
        self.begun = True
        await self._send({**start, "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def openai_error(problem: dict[str, Any]) -> dict[str, Any]:
    """Return problem details as OpenAI's error object."""
    status = problem["status"]
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    said = " ".join(filter(None, (problem["detail"], problem.get("next_step", ""))))
    first = next(iter(problem.get("errors", ())), None)
    param = first["field"].removeprefix("body.") if first else None
    code = "invalid_api_key" if status == 401 else problem["type"].removeprefix(TYPES)
    return {"error": {"message": said, "type": kind, "param": param, "code": code}}
