"""ASGI middleware that authenticates the caller from the request's headers, before its body is read.

What the caller may do is decided by the matched route, see `pagelens.api.server.auth.authorization`.
"""

import ipaddress
import time
import unicodedata
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pagelens.api.server.auth.keys import LOCAL_ADMIN, KeyStore, Principal
from pagelens.api.server.concurrency import TokenBuckets
from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.problems import Problem, to_problem
from pagelens.core.errors import PageLensError

PUBLIC = frozenset(
    {
        "/",
        "/docs",
        "/docs/files/redoc.standalone.js",
        "/docs/files/swagger-ui-bundle.js",
        "/docs/files/swagger-ui.css",
        "/health",
        "/healthz",
        "/readyz",
        "/redoc",
    }
)
"""Paths of the routes with scope "public"."""


class AuthMiddleware:
    """Puts the caller's `Principal` into the request's state, or answers 401, 403, 421 or 429."""

    def __init__(
        self, app: ASGIApp, *, keys: KeyStore, limits: ServerLimits, keyless: bool, origins: Collection[str] = ()
    ) -> None:
        """`keyless`: callers on loopback need no key as long as no key was ever created for this server.

        `origins`: other sites whose pages may send requests, see `CrossOriginMiddleware`.
        """
        self._app = app
        self._origins = origins
        self._keys = keys
        self._keyless = keyless
        self._key_check = (float("-inf"), False)  # time, and whether any key was ever created
        self._requests = TokenBuckets(rate=limits.rate, burst=limits.burst)
        self._wrong_keys = TokenBuckets(rate=1 / 3, burst=limits.wrong_keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an admitted request on, or answer with the problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _require_printable(scope["path"])
            if scope["path"] not in PUBLIC:
                scope["state"]["principal"] = self._admit(scope)
        except (Problem, PageLensError) as exc:
            problem = exc if isinstance(exc, Problem) else to_problem(exc)
            await problem.response(scope["state"]["request_id"])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> Principal:
        headers = Headers(scope=scope)
        if headers.get("origin") not in self._origins:
            _require_same_origin(headers)
        principal = self._identify(headers, (scope.get("client") or ("",))[0])
        if principal.key and (wait := self._requests.take(principal.key)):
            raise _too_many("this key's requests", wait)
        return principal

    def _identify(self, headers: Headers, address: str) -> Principal:
        kind, _, presented = headers.get("authorization", "").partition(" ")
        if self._keyless and not self._any_key_created():  # a presented key is ignored: some clients always send one
            _require_local_name(headers.get("host", ""))
            return LOCAL_ADMIN
        principal = self._keys.identify(presented.strip()) if kind.lower() == "bearer" else None
        if principal is None:
            if wait := self._wrong_keys.take(address):
                raise _too_many("wrong keys from this address", wait)
            raise Problem(
                401,
                "key-needed",
                "expected a key that is valid, in `Authorization: Bearer plk_...`, found none",
                next_step="Ask the operator for a key: pagelens keys create --scope read",
                headers={"WWW-Authenticate": 'Bearer realm="pagelens"'},
            )
        return principal

    def _any_key_created(self) -> bool:
        checked, created = self._key_check
        if not created and time.monotonic() - checked > 1.0:
            created = self._keys.any_created()
            self._key_check = (time.monotonic(), created)
        return created


def is_loopback(host: str) -> bool:
    """Return whether a host name or IP address is loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _require_printable(path: str) -> None:
    """Raise Problem (400) for control characters (Unicode category Cc) in a decoded path; no route has any."""
    if any(unicodedata.category(char) == "Cc" for char in path):
        detail = "expected a path without control characters, found one with them"
        raise Problem(400, "malformed-path", detail, next_step="GET /openapi.json lists every path.")


def _require_local_name(host: str) -> None:
    """Raise Problem (421) unless the Host header is loopback: protection against DNS rebinding."""
    if not is_loopback(_host_of(f"//{host}")):
        raise Problem(
            421,
            "wrong-host",
            f"expected a request to localhost, found one to {host[:80]!r}",
            next_step="Without keys only localhost is answered. Create a key: pagelens keys create --scope read",
        )


def _require_same_origin(headers: Headers) -> None:
    """Raise Problem (403) for a request that a browser sends for a page of another site (CSRF)."""
    origin = headers.get("origin")
    foreign = origin is not None and _host_of(origin, port=True) != headers.get("host")
    if foreign or headers.get("sec-fetch-site") == "cross-site":
        raise Problem(
            403, "cross-origin", "expected a request from this server's own pages, found one of another site's"
        )


def _host_of(address: str, *, port: bool = False) -> str:
    try:
        parts = urlsplit(address)
        return parts.netloc if port else parts.hostname or ""
    except ValueError:  # brackets that do not close
        return ""


def _too_many(what: str, wait: float) -> Problem:
    after = max(1, round(wait + 0.5))
    detail = f"expected fewer at once of {what}, found too many"
    headers = {"Retry-After": str(after)}
    return Problem(429, "too-many-requests", detail, next_step=f"Try again in {after} s.", headers=headers)
