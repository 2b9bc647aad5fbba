"""The outermost ASGI middleware: request id, security headers, one log line and metrics for each request."""

import logging
import re
import time
import uuid
from contextlib import AbstractContextManager

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pagelens.api.server.logs import FIELDS
from pagelens.api.server.metrics import Metrics
from pagelens.api.server.problems import internal_problem
from pagelens.core import tracing

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


class RequestContextMiddleware:
    """Answers an unexpected exception with problem details, too."""

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
        response = _RecordedResponse(send, request_id)
        started = time.monotonic()
        tracing.request_id.set(request_id)
        with self._metrics.in_flight.track_inprogress(), _request_span(scope, request_id) as span:
            try:
                await self._app(scope, receive, response)
            except Exception as exc:  # noqa: BLE001 - the outermost boundary; its message must not leave the server
                problem = internal_problem(exc)
                if not response.status:
                    await problem.response(request_id)(scope, receive, response)
            span.set({"http.route": _route_path(scope), "http.response.status_code": response.status})
        self._record(scope, response, time.monotonic() - started)

    def _record(self, scope: Scope, response: "_RecordedResponse", seconds: float) -> None:
        path = _route_path(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.record_request(method, path, response.status, seconds)
        principal = scope["state"].get("principal")
        fields = {
            "request": scope["state"]["request_id"],
            "method": method,
            "route": path,
            "status": response.status,
            "ms": round(seconds * 1_000, 1),
            "bytes_out": response.size,
            "key": principal.key if principal else None,
        }
        logger.info("answered", extra={FIELDS: fields})


class _RecordedResponse:
    """A `send` that adds headers and records status and size."""

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


def _request_span(scope: Scope, request_id: str) -> AbstractContextManager[tracing.TraceSpan]:
    """Return the span of a request; its parent is the caller's, where the header `traceparent` names one."""
    method = scope["method"] if scope["method"] in METHODS else "other"
    attributes = {"http.request.method": method, "pagelens.request_id": request_id}
    return tracing.current_span(f"HTTP {method}", attributes, headers=dict(Headers(scope=scope).items()))


def _request_id(header: str) -> str:
    return header if _ID.fullmatch(header) else uuid.uuid4().hex


def _route_path(scope: Scope) -> str:
    """Return the route's path as in the OpenAPI description; "none" if no route matches."""
    path = str(getattr(scope.get("route"), "path", "none"))
    if path == "none" or path.startswith("/v1/") or not scope["path"].startswith("/v1/"):
        return path
    inside = "collection" in scope.get("path_params", {})
    return f"/v1/collections/{{collection}}{path}" if inside else f"/v1{path}"
