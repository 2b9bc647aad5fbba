"""The app on uvicorn, with our log and bounds of its own."""

import logging
import socket
import sys

import uvicorn

from pagelens.api.server.app import create_app
from pagelens.api.server.limits import Limits
from pagelens.api.server.logs import FIELDS, log_json
from pagelens.api.server.middleware.header_timeout import patient_protocol
from pagelens.api.server.service import Service
from pagelens.core.errors import UsageError

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 1_000
BACKLOG = 2_048  # connections that wait to be taken
LAST_WORDS = 5  # seconds that open requests are given at the end


def run(service: Service, *, host: str, port: int, keyless: bool, limits: Limits | None = None) -> None:
    """Serve until told to end (SIGINT, SIGTERM)."""
    log_json(sys.stderr, audit=service.folder.audit)
    limits = limits or Limits()
    app = create_app(service, limits=limits, keyless=keyless)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=LAST_WORDS,
        http=patient_protocol(limits.head),
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
        _Told(config).run(sockets=[listening])


class _Told(uvicorn.Server):
    """A server that tells its address in our log, which matters where the port was free to choose."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in self.servers:
            for socket_ in one.sockets:
                host, port = socket_.getsockname()[:2]
                logger.info("serving", extra={FIELDS: {"host": host, "port": port}})
