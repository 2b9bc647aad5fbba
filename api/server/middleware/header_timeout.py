"""Request heads are bounded in time: who opens a connection and says his head drop by drop is sent away."""

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from pagelens.api.server.problems import MEDIA, Problem


def patient_protocol(seconds: float) -> type[H11Protocol]:
    """Return uvicorn's HTTP/1.1 with so many seconds for each head. Between requests its own keep-alive time holds."""

    class PatientProtocol(H11Protocol):
        """A connection."""

        def __init__(
            self,
            config: Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(config, server_state, app_state, _loop)
            self._head: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._stop()

        def _watch(self) -> None:
            """Let the time run while a head is awaited; it is not set back by another drop of it."""
            if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
                self._stop()
            elif self._head is None:
                self._head = self.loop.call_later(seconds, self._give_up)

        def _stop(self) -> None:
            if self._head is not None:
                self._head.cancel()
                self._head = None

        def _give_up(self) -> None:
            if self.transport.is_closing():
                return
            body = bytes(_too_slow(seconds).response().body)
            headers = [
                ("Content-Type", MEDIA),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ]
            for event in (h11.Response(status_code=408, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

    return PatientProtocol


def _too_slow(seconds: float) -> Problem:
    detail = f"expected a request's head within {seconds:g} s, found it slower"
    return Problem(408, "head-too-slow", detail, next_step="Send it again.")
