"""ASGI middleware that lets browser apps of allowed origins call the API (CORS)."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from pagelens.core.errors import UsageError

EXPOSED_HEADERS = ("Content-Disposition", "Location", "Retry-After", "X-Request-Id")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class CrossOriginMiddleware:
    """Answers preflights of allowed origins and adds CORS headers to their responses.

    Other origins get no CORS header, and `AuthMiddleware` refuses their requests. No cookie is ever used: an app sends
    its key in the header `Authorization`.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._origins = origins
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=("*",),
            allow_private_network=True,  # a public app may call a server in a private network, or on this machine
            expose_headers=EXPOSED_HEADERS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_allowed = scope["type"] == "http" and Headers(scope=scope).get("origin") in self._origins
        await (self._cors if is_allowed else self._app)(scope, receive, send)


def require_origin(origin: str) -> None:
    """Raise UsageError unless `origin` is written as a browser sends it."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:  # a port that is no number, or brackets that do not close
        parts, port = urlsplit(""), None
    expected_port = "" if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{port}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    if (
        parts.scheme not in _DEFAULT_PORTS
        or not host
        or "*" in host
        or origin != f"{parts.scheme}://{host}{expected_port}"
    ):
        raise UsageError(
            f"expected an exact origin with --allow-origin, like https://app.example, found {origin!r}. Give scheme, "
            "host in lower case and, if it is not the default one, port; no path and no wildcard."
        )
