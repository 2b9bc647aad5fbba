"""A time limit for request headers, as a uvicorn protocol class.

uvicorn has no option for it: `timeout_keep_alive` runs only between a response and the next request, so that a client
that opens connections and sends headers byte by byte would hold them forever. ASGI middleware is called too late, when
the headers are complete. A reverse proxy can limit it (nginx: `client_header_timeout`), but the server is also used
without one.
"""

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from pagelens.api.server.problems import MEDIA_TYPE, Problem


def header_timeout_protocol(seconds: float) -> type[H11Protocol]:
    """Return uvicorn's HTTP/1.1 protocol with a time limit for the headers of each request."""

    class HeaderTimeoutProtocol(H11Protocol):
        """A connection that is closed with 408 if headers take too long."""

        def __init__(
            self,
            config: Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(config, server_state, app_state, _loop)
            self._timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._update_timer()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._update_timer()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._cancel_timer()

        def _update_timer(self) -> None:
            """Run the timer while headers are awaited; more bytes of them do not restart it."""
            if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
                self._cancel_timer()
            elif self._timer is None:
                self._timer = self.loop.call_later(seconds, self._time_out)

        def _cancel_timer(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _time_out(self) -> None:
            if self.transport.is_closing():
                return
            body = bytes(_too_slow(seconds).response().body)
            headers = [
                ("Content-Type", MEDIA_TYPE),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ]
            for event in (h11.Response(status_code=408, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

    return HeaderTimeoutProtocol


def _too_slow(seconds: float) -> Problem:
    detail = f"expected the request's headers within {seconds:g} s, found them slower"
    return Problem(408, "headers-too-slow", detail, next_step="Send it again.")
