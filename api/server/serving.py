"""Runs the app on uvicorn, with a log and connection limits, in one process or in several that share the port.

With several, the operating system spreads connections over the processes (SO_REUSEPORT). The first one starts the
others with the port that it has got, restarts one that dies, and stops them; they end when it ends, however it ends.
"""

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Collection, Sequence

import uvicorn

from pagelens.api.server.app import create_app
from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.logs import FIELDS, LogStyle, start_log
from pagelens.api.server.middleware.header_timeout import header_timeout_protocol
from pagelens.api.server.process_supervisor import ProcessSupervisor
from pagelens.api.server.service import Service
from pagelens.core.errors import UsageError

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 1_000
BACKLOG = 2_048  # connections that wait to be accepted
GARBAGE_OBJECTS = 10_000  # new ones until the garbage collector looks through them; Python's default is 700
SHUTDOWN_SECONDS = 5  # for open requests at the end
CAN_SHARE_PORT = hasattr(socket, "SO_REUSEPORT")  # not on Windows


def run_server(
    service: Service,
    *,
    host: str,
    port: int,
    keyless: bool,
    limits: ServerLimits | None = None,
    origins: Collection[str] = (),
    log: LogStyle = "json",
    further: Callable[[int], Sequence[ProcessSupervisor]] = lambda _: (),
    first: bool = True,
    on_stop: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM. Raises UsageError if the port is taken.

    `keyless`: see `AuthMiddleware`. `origins`: see `CrossOriginMiddleware`. `further` takes the port and returns the
    supervisors of further processes that serve it. `first`: whether this process is none of those; they share the port,
    and end when their standard input is closed. `on_stop` is called when all have ended.
    """
    start_log(sys.stderr, audit=service.folder.audit, style=log)
    limits = limits or ServerLimits()
    app = create_app(service, limits=limits, keyless=keyless, origins=origins)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        http=header_timeout_protocol(limits.header_timeout),
        h11_max_incomplete_event_size=32 << 10,
    )
    with listen(host, port, first=first) as listening:
        supervisors = further(listening.getsockname()[1])
        if not first:
            threading.Thread(target=_stop_with_first, name="stop-with-first", daemon=True).start()
        _LoggingServer(config, supervisors, on_stop, first=first).run(sockets=[listening])


def spare_garbage_collection() -> None:
    """Leave what is loaded out of Python's garbage collection from now on, and collect less often.

    A search makes thousands of objects without cycles, which are freed without it; to look through models, documents
    and modules again and again took a tenth of its time. Only programs call this: it is for the whole process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)


def listen(host: str, port: int, *, first: bool) -> socket.socket:
    """Return a socket that listens; raises UsageError if the port is taken by another server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if first:  # alone: sharing the port would let two servers that know nothing of each other share it too
            with socket.create_server((host, port), family=family) as alone:
                port = alone.getsockname()[1]
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=CAN_SHARE_PORT)
    except OSError as exc:
        raise UsageError(
            f"expected {host} port {port} to be free, found that it cannot be used: {exc.strerror}. "
            "Choose another --port."
        ) from exc
    # Connections inherit it. asyncio sets it only on sockets that were made with their protocol's number, and without
    # it the body of an answer waits until its head is acknowledged: 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _stop_with_first() -> None:
    sys.stdin.buffer.read()  # returns when the first process has ended
    os.kill(os.getpid(), signal.SIGTERM)


class _LoggingServer(uvicorn.Server):
    """A uvicorn server that logs its address, with port 0 the way to know it, and then starts further processes."""

    def __init__(
        self,
        config: uvicorn.Config,
        supervisors: Sequence[ProcessSupervisor],
        on_stop: Callable[[], None],
        *,
        first: bool,
    ) -> None:
        super().__init__(config)
        self._supervisors = supervisors
        self._on_stop = on_stop
        self._first = first

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for socket_ in server.sockets:
                host, port = socket_.getsockname()[:2]
                message = "serving" if self._first else "a further process serves"
                logger.info(message, extra={FIELDS: {"host": host, "port": port}})
        for supervisor in self._supervisors:
            supervisor.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # here, since uvicorn raises the signal that stopped it again, which ends the process
        await super().shutdown(sockets)
        for supervisor in self._supervisors:
            supervisor.stop()
        self._on_stop()
