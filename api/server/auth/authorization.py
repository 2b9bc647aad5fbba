"""Authorization of the caller by the matched route, after routing and before the body is read.

Each endpoint states the scope that it needs with `requires_scope`. A route that states none needs the scope `admin`;
`require_authorized_routes` refuses an app with routes of other classes. So nothing is open by omission.
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
    """Return a decorator that states the scope that a key needs for an endpoint.

    `collection`: the endpoint acts on the collection in its path, else on the default one, and the key must be valid
    for it. Endpoints over several collections filter with `Principal.can_access`.
    """

    def decorate(endpoint: Endpoint) -> Endpoint:
        endpoint.key_scope, endpoint.of_collection = scope, collection  # type: ignore[attr-defined]
        return endpoint

    return decorate


def key_scope_of(endpoint: object) -> RouteScope:
    """Return the scope that an endpoint needs: "admin" if it states none."""
    scope: RouteScope = getattr(endpoint, "key_scope", "admin")
    return scope


def is_of_collection(endpoint: object) -> bool:
    """Return whether an endpoint acts on the collection in its path, else on the default one."""
    return bool(getattr(endpoint, "of_collection", False))


class AuthorizedRoute(APIRoute):
    """A FastAPI route that authorizes the caller before the request's body is read."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. Raises Problem (403) if its caller is not authorized."""
        _authorize(scope, self.endpoint)
        await super().handle(scope, receive, send)


class AuthorizedAsgiRoute(Route):
    """A route to an ASGI application that authorizes the caller."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. Raises Problem (403) if its caller is not authorized."""
        _authorize(scope, self.endpoint)
        await super().handle(scope, receive, send)


def require_authorized_routes(app: FastAPI) -> None:
    """Raise TypeError if an app has a route of a class that does not authorize."""
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, AuthorizedRoute | AuthorizedAsgiRoute):
            raise TypeError(f"expected routes that authorize their callers, found {context.original_route!r}")


def require_visible(caller: Principal, collection: str) -> None:
    """Raise Problem (403) if a key is not valid for a collection, whether or not that collection exists."""
    if not caller.can_access(collection):
        raise Problem(
            403,
            "collection-not-allowed",
            f"expected a collection that this key is valid for, found {collection[:80]!r}",
            next_step="GET /v1/collections lists them.",
        )


def _authorize(scope: Scope, endpoint: object) -> None:
    required = key_scope_of(endpoint)
    if required == "public":
        return
    caller: Principal = scope["state"]["principal"]
    if not caller.has_scope(required):
        raise Problem(
            403,
            "scope-too-small",
            f"expected a key of scope {required}, found one of scope {caller.scope}",
            next_step=f"Ask the operator for a key: pagelens keys create --scope {required}",
        )
    default = scope["app"].state.shared.service.collections.default if is_of_collection(endpoint) else None
    name = scope["path_params"].get("collection", default)
    if name is not None:
        require_visible(caller, name)
