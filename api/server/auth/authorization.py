"""Authorization: what the matched route asks of the caller, decided after routing and before the body is read.

Each endpoint states the least key scope beside itself with `requires_scope`. A route that states none needs the scope
`admin`; an app with a route of another class is refused by `require_authorized_routes`: nothing is open by omission.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from pagelens.api.server.auth.keys import Principal
from pagelens.api.server.problems import Problem

RouteScope = Literal["public", "read", "write", "admin"]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def requires_scope(scope: RouteScope, *, collection: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Return a decorator that states the least key scope of an endpoint.

    `collection`: the endpoint acts on the collection of its path, else on the default one, and the caller must be
    allowed to see it. Endpoints over several collections filter by `Principal.sees` themselves.
    """

    def state(endpoint: Endpoint) -> Endpoint:
        endpoint.key_scope, endpoint.of_collection = scope, collection  # type: ignore[attr-defined]
        return endpoint

    return state


def key_scope_of(endpoint: object) -> RouteScope:
    """Return the least key scope of an endpoint: "admin" where it states none."""
    scope: RouteScope = getattr(endpoint, "key_scope", "admin")
    return scope


class AuthorizedRoute(APIRoute):
    """A FastAPI route that authorizes the caller before it reads the request's body."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose caller may send it. Raises Problem (403) for others."""
        _authorize(scope, self.endpoint)
        await super().handle(scope, receive, send)


class AuthorizedAsgiRoute(Route):
    """The same for an ASGI application as the endpoint."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose caller may send it. Raises Problem (403) for others."""
        _authorize(scope, self.endpoint)
        await super().handle(scope, receive, send)


def require_authorized_routes(app: FastAPI) -> None:
    """Raise TypeError where an app has a route that authorizes nobody."""
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, AuthorizedRoute | AuthorizedAsgiRoute):
            raise TypeError(f"expected routes that authorize their callers, found {context.original_route!r}")


def require_visible(caller: Principal, collection: str) -> None:
    """Raise Problem (403) where a key is not for a collection; whether the collection exists is not told."""
    if not caller.sees(collection):
        raise Problem(
            403,
            "collection-not-allowed",
            f"expected a collection that this key is for, found {collection[:80]!r}",
            next_step="GET /v1/collections lists those it is for.",
        )


def _authorize(scope: Scope, endpoint: object) -> None:
    needed = key_scope_of(endpoint)
    if needed == "public":
        return
    caller: Principal = scope["state"]["principal"]
    if not caller.may(needed):
        raise Problem(
            403,
            "scope-too-small",
            f"expected a key of scope {needed}, found one of scope {caller.scope}",
            next_step=f"Ask the operator for one: pagelens keys create --scope {needed}",
        )
    default = scope["app"].state.door.service.collections.default if getattr(endpoint, "of_collection", False) else None
    name = scope["path_params"].get("collection", default)
    if name is not None:
        require_visible(caller, name)
