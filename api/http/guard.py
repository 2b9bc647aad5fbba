"""Who may come in: decided from the request's head alone, before a byte of its body is read.

Reading is GET, searching and asking; everything else writes; collections are made and deleted by administrators. An
address that is new here needs the most until it is listed: nothing is open by being forgotten.
"""

import ipaddress
import re
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access import ANYBODY_HERE, Keys, Principal
from api.access import Scope as KeyScope
from api.http.gates import Buckets
from api.http.limits import Limits
from api.http.problems import Problem

PUBLIC = ("/", "/healthz", "/readyz")
_OF_ONE = re.compile(r"/v1/collections/([^/]+)(/.*)?")
_READING_POSTS = ("search", "search/image", "answer", "extract", "chat/completions")
_SHARED = re.compile(r"/v1/(collections|jobs|models|chat)(/.*)?")  # whose handlers look at what the caller sees


class Guard:
    """The layer that knows callers."""

    def __init__(self, app: ASGIApp, *, keys: Keys, limits: Limits, keyless: bool, default: str) -> None:
        """`keyless`: bound to loopback, where no key is asked for until one was made."""
        self._app = app
        self._keys = keys
        self._keyless = keyless
        self._default = default
        self._looked = (float("-inf"), False)
        self._requests = Buckets(rate=limits.rate, burst=limits.burst)
        self._guesses = Buckets(rate=1 / 3, burst=limits.guesses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] != "http" or scope["path"] in PUBLIC:
            await self._app(scope, receive, send)
            return
        try:
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
        needed = needed_scope(scope["method"], scope["path"])
        if not principal.may(needed):
            raise Problem(
                403,
                "scope-too-small",
                f"expected a key of scope {needed}, found one of scope {principal.scope}",
                next_step=f"Ask the operator for one: pagelens keys create --scope {needed}",
            )
        name = collection_of(scope["path"], self._default)
        if name is not None and not principal.sees(name):
            raise outside(name)
        return principal

    def _identify(self, headers: Headers, address: str) -> Principal:
        kind, _, presented = headers.get("authorization", "").partition(" ")
        if self._keyless and not self._keys_exist():  # whatever is presented: some clients always send a key
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

    def _keys_exist(self) -> bool:
        looked, found = self._looked
        if time.monotonic() - looked > 1.0:
            found = self._keys.exist()
            self._looked = (time.monotonic(), found)
        return found


def needed_scope(method: str, path: str) -> KeyScope:
    """Return the least scope for a request."""
    inside = _OF_ONE.fullmatch(path)
    rest = (inside[2] or "") if inside else path.removeprefix("/v1")
    if path == "/mcp" or (inside and rest == "/mcp"):  # its tools only read, whatever the method
        return "read"
    if path == "/metrics" or not (path.startswith("/v1/") or path == "/openapi.json"):
        return "admin"
    if method in ("GET", "HEAD") or (method == "POST" and rest.strip("/") in _READING_POSTS):
        return "read"
    if path == "/v1/collections" or (inside and not rest):
        return "admin"
    return "write"


def collection_of(path: str, default: str) -> str | None:
    """Return the collection that an address is of; None for those of the whole server."""
    inside = _OF_ONE.fullmatch(path)
    if inside:
        return inside[1]
    return default if (path == "/mcp" or path.startswith("/v1/")) and not _SHARED.fullmatch(path) else None


def outside(name: str) -> Problem:
    """Return the refusal of a collection that a key is not for; whether it is there is not told."""
    return Problem(
        403,
        "collection-not-allowed",
        f"expected a collection that this key is for, found {name[:80]!r}",
        next_step="GET /v1/collections lists those it is for.",
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address or name is this machine's own, heard by nobody else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _require_local_name(host: str) -> None:
    """Refuse another name that leads here: a page of that name would read the documents (DNS rebinding)."""
    if not is_loopback(_host_of(f"//{host}")):
        raise Problem(
            421,
            "wrong-host",
            f"expected a request to localhost, found one to {host[:80]!r}",
            next_step="Without keys the server answers to localhost only. Make a key: pagelens keys create",
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
