"""ASGI middleware that limits the size and the minimum speed of request bodies.

uvicorn limits neither. A reverse proxy can (nginx: `client_max_body_size`, `client_body_timeout`), but the server is
also used without one.
"""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.problems import Problem


class BodyLimitMiddleware:
    """Answers 413 to a body that is too large and 408 to one that is too slow, and reads no more of it."""

    def __init__(self, app: ASGIApp, *, limits: ServerLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a body that is checked while it is received."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limits = self._limits
        max_bytes = limits.upload_bytes if scope["path"].endswith("/documents") else limits.body_bytes
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > max_bytes:
            await _too_large(max_bytes).response(scope["state"]["request_id"])(scope, receive, send)
            return
        body = _LimitedBody(receive, send, max_bytes, limits)
        try:
            await self._app(scope, body.receive, body.send)
        except Exception:
            if body.problem is None:  # else the parser failed because the body was cut off here
                raise
        if body.problem is not None and not body.response_started:
            await body.problem.response(scope["state"]["request_id"])(scope, receive, send)


class _LimitedBody:
    """The body of one request. After a violation the app sees a disconnect and its response is suppressed."""

    def __init__(self, receive: Receive, send: Send, max_bytes: int, limits: ServerLimits) -> None:
        self._receive, self._send, self._max_bytes, self._limits = receive, send, max_bytes, limits
        self._started = time.monotonic()
        self._size = 0
        self._complete = False
        self.response_started = False
        self.problem: Problem | None = None

    async def receive(self) -> Message:
        """Return the next part of the body, or a disconnect after a violation."""
        if self._complete or self.problem is not None:
            return await self._receive() if self._complete else {"type": "http.disconnect"}
        idle = self._limits.body_idle_timeout
        remaining = idle + self._size / self._limits.min_body_rate - (time.monotonic() - self._started)
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, min(remaining, idle)))
        except TimeoutError:
            self.problem = _too_slow(self._limits)
            return {"type": "http.disconnect"}
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._size > self._max_bytes:
                self.problem = _too_large(self._max_bytes)
                return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """Send the app's response, unless a violation came before its start."""
        if self.problem is not None and not self.response_started:
            return
        self.response_started = True
        await self._send(message)


def _too_large(max_bytes: int) -> Problem:
    detail = f"expected a body of at most {max_bytes} bytes, found more"
    return Problem(413, "body-too-large", detail, next_step="Send less at once.", headers={"Connection": "close"})


def _too_slow(limits: ServerLimits) -> Problem:
    detail = (
        f"expected a body within {limits.body_idle_timeout:g} s, or at {limits.min_body_rate} bytes a second, "
        "found it slower"
    )
    return Problem(408, "body-too-slow", detail, next_step="Send it again.", headers={"Connection": "close"})
