"""Runs the app on uvicorn, with a log and connection limits."""

import logging
import socket
import sys
from collections.abc import Collection

import uvicorn

from pagelens.api.server.app import create_app
from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.logs import FIELDS, LogStyle, start_log
from pagelens.api.server.middleware.header_timeout import header_timeout_protocol
from pagelens.api.server.service import Service
from pagelens.core.errors import UsageError

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 1_000
BACKLOG = 2_048  # connections that wait to be accepted
SHUTDOWN_SECONDS = 5  # for open requests at the end


def run_server(
    service: Service,
    *,
    host: str,
    port: int,
    keyless: bool,
    limits: ServerLimits | None = None,
    origins: Collection[str] = (),
    log: LogStyle = "json",
) -> None:
    """Serve until SIGINT or SIGTERM. Raises UsageError if the port is taken.

    `keyless`: see `AuthMiddleware`. `origins`: see `CrossOriginMiddleware`.
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
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as exc:
        raise UsageError(
            f"expected {host} port {port} to be free, found that it cannot be used: {exc.strerror}. "
            "Choose another --port."
        ) from exc
    with listening:
        _LoggingServer(config).run(sockets=[listening])


class _LoggingServer(uvicorn.Server):
    """A uvicorn server that logs its address; with port 0 this is how the chosen port is known."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for socket_ in server.sockets:
                host, port = socket_.getsockname()[:2]
                logger.info("serving", extra={FIELDS: {"host": host, "port": port}})
