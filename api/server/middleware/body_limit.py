"""Bodies are bounded as they come: so many bytes, at such a pace. What is too large or too slow is not read further."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pagelens.api.server.limits import Limits
from pagelens.api.server.problems import Problem


class Bodies:
    """The layer that counts what is received."""

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through whose body keeps within its bounds."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._limits.upload if scope["path"].endswith("/documents") else self._limits.body
        said = Headers(scope=scope).get("content-length", "")
        if said.isdecimal() and int(said) > most:
            await _too_large(most).response(scope["state"]["request_id"])(scope, receive, send)
            return
        counted = _Counted(receive, send, most, self._limits)
        try:
            await self._app(scope, counted.receive, counted.send)
        except Exception:
            if counted.problem is None:  # else the parser choked on the end that we made
                raise
        if counted.problem is not None and not counted.started:
            await counted.problem.response(scope["state"]["request_id"])(scope, receive, send)


class _Counted:
    """One request's body, and its answer held back once the body has failed."""

    def __init__(self, receive: Receive, send: Send, most: int, limits: Limits) -> None:
        self._receive, self._send, self._most, self._limits = receive, send, most, limits
        self._began = time.monotonic()
        self._size = 0
        self._whole = False
        self.started = False
        self.problem: Problem | None = None

    async def receive(self) -> Message:
        """Return the next part of the body; the end of the connection once it has failed."""
        if self._whole or self.problem is not None:
            return await self._receive() if self._whole else {"type": "http.disconnect"}
        left = self._limits.idle + self._size / self._limits.slowest - (time.monotonic() - self._began)
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, min(left, self._limits.idle)))
        except TimeoutError:
            self.problem = _too_slow(self._limits)
            return {"type": "http.disconnect"}
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._size > self._most:
                self.problem = _too_large(self._most)
                return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """Send what the app answers, unless the body has failed before it began to."""
        if self.problem is not None and not self.started:
            return
        self.started = True
        await self._send(message)


def _too_large(most: int) -> Problem:
    detail = f"expected a body of at most {most} bytes, found more"
    return Problem(413, "body-too-large", detail, next_step="Send less at once.", headers={"Connection": "close"})


def _too_slow(limits: Limits) -> Problem:
    detail = f"expected a body that comes within {limits.idle:g} s, or {limits.slowest} bytes a second, found it slower"
    return Problem(408, "body-too-slow", detail, next_step="Send it again.", headers={"Connection": "close"})
