"""Authentication: who sends a request, decided from its head alone, before a byte of its body is read.

What the caller may do is decided by the matched route, see `pagelens.api.server.auth.authorization`: an address is parsed once.
"""

import ipaddress
import time
import unicodedata
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pagelens.api.server.auth.keys import ANYBODY_HERE, Keys, Principal
from pagelens.api.server.concurrency import Buckets
from pagelens.api.server.limits import Limits
from pagelens.api.server.problems import Problem

PUBLIC = ("/", "/healthz", "/readyz")  # the routes of scope "public", exactly as they are sent


class Guard:
    """ASGI middleware that identifies the caller and puts a `Principal` into the request's state."""

    def __init__(self, app: ASGIApp, *, keys: Keys, limits: Limits, keyless: bool) -> None:
        """`keyless`: callers on loopback need no key as long as no key was ever made for this server."""
        self._app = app
        self._keys = keys
        self._keyless = keyless
        self._looked = (float("-inf"), False)
        self._requests = Buckets(rate=limits.rate, burst=limits.burst)
        self._guesses = Buckets(rate=1 / 3, burst=limits.guesses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _require_printable(scope["path"])
            if scope["path"] not in PUBLIC:
                scope["state"]["principal"] = self._admit(scope)
        except Problem as problem:
            await problem.response(scope["state"]["request_id"])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> Principal:
        headers = Headers(scope=scope)
        _require_same_origin(headers)
        principal = self._identify(headers, (scope.get("client") or ("",))[0])
        if principal.key and (wait := self._requests.take(principal.key)):
            raise _too_many("this key's requests", wait)
        return principal

    def _identify(self, headers: Headers, address: str) -> Principal:
        kind, _, presented = headers.get("authorization", "").partition(" ")
        if self._keyless and not self._ever_had_keys():  # whatever is presented: some clients always send a key
            _require_local_name(headers.get("host", ""))
            return ANYBODY_HERE
        principal = self._keys.identify(presented.strip()) if kind.lower() == "bearer" else None
        if principal is None:
            if wait := self._guesses.take(address):
                raise _too_many("wrong keys from this address", wait)
            raise Problem(
                401,
                "key-needed",
                "expected a key that is valid, in `Authorization: Bearer plk_...`, found none",
                next_step="Ask the operator for one: pagelens keys create --scope read",
                headers={"WWW-Authenticate": 'Bearer realm="pagelens"'},
            )
        return principal

    def _ever_had_keys(self) -> bool:
        looked, found = self._looked
        if not found and time.monotonic() - looked > 1.0:
            found = self._keys.ever_made()
            self._looked = (time.monotonic(), found)
        return found


def is_loopback(host: str) -> bool:
    """Tell whether an address or name is this machine's own, heard by nobody else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _require_printable(path: str) -> None:
    """Refuse control characters (Unicode category Cc) anywhere in a decoded path: no address of ours has any."""
    if any(unicodedata.category(char) == "Cc" for char in path):
        said = "expected an address without control characters, found one with"
        raise Problem(400, "malformed-address", said, next_step="GET /openapi.json lists every address.")


def _require_local_name(host: str) -> None:
    """Refuse another name that leads here: a page of that name would read the documents (DNS rebinding)."""
    if not is_loopback(_host_of(f"//{host}")):
        raise Problem(
            421,
            "wrong-host",
            f"expected a request to localhost, found one to {host[:80]!r}",
            next_step="Without keys only localhost is answered. Make a key: pagelens keys create --scope read",
        )


def _require_same_origin(headers: Headers) -> None:
    """Refuse pages of other sites: a browser would send their requests from inside."""
    origin = headers.get("origin")
    foreign = origin is not None and _host_of(origin, port=True) != headers.get("host")
    if foreign or headers.get("sec-fetch-site") == "cross-site":
        raise Problem(403, "cross-origin", "expected a request of this very server's pages, found another site's")


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
