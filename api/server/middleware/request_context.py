"""Round every request: its id, security headers, one line of log, its metrics; a fault of ours becomes a problem."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pagelens.api.server.logs import FIELDS
from pagelens.api.server.metrics import Metrics
from pagelens.api.server.problems import fault

logger = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Frame:
    """The outermost layer."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get("x-request-id", ""))
        scope.setdefault("state", {})["request_id"] = request_id
        sent = _Sent(send, request_id)
        started = time.monotonic()
        with self._metrics.in_flight.track_inprogress():
            try:
                await self._app(scope, receive, sent)
            except Exception as exc:  # noqa: BLE001 - the process's boundary: nobody may see what a fault says
                problem = fault(exc)
                if not sent.status:
                    await problem.response(request_id)(scope, receive, sent)
        self._note(scope, sent, time.monotonic() - started)

    def _note(self, scope: Scope, sent: "_Sent", seconds: float) -> None:
        path = _template(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.answered(method, path, sent.status, seconds)
        principal = scope["state"].get("principal")
        fields = {
            "request": scope["state"]["request_id"],
            "method": method,
            "route": path,
            "status": sent.status,
            "ms": round(seconds * 1_000, 1),
            "bytes_out": sent.size,
            "key": principal.key if principal else None,
        }
        logger.info("answered", extra={FIELDS: fields})


class _Sent:
    """A `send` that adds headers and remembers what went through."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0
        self.size = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._request_id
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)


def _request_id(given: str) -> str:
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def _template(scope: Scope) -> str:
    """Return the address as the OpenAPI page writes it; "none" for one that is nobody's."""
    path = str(getattr(scope.get("route"), "path", "none"))
    if path == "none" or path.startswith("/v1/") or not scope["path"].startswith("/v1/"):
        return path
    inside = "collection" in scope.get("path_params", {})
    return f"/v1/collections/{{collection}}{path}" if inside else f"/v1{path}"
