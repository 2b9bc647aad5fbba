"""The tools for assistants at `/mcp` and at `/v1/collections/{collection}/mcp`: streamable HTTP, behind the same guard.

Without sessions: whatever a request needs is in it, so that several servers may share an address.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from starlette.requests import Request

from pagelens.api.engine.engine import Engine
from pagelens.api.server.auth.authorization import AuthorizedAsgiRoute, requires_scope
from pagelens.api.server.context import Here, door_of, here, principal_of
from pagelens.api.server.mcp.tools import Turn, make_server
from pagelens.api.server.problems import public
from pagelens.api.server.schemas.views import names_of
from pagelens.core.errors import PageLensError

T = TypeVar("T")

ADDRESSES = ("/mcp", "/v1/collections/{collection}/mcp")


@dataclass(frozen=True, slots=True)
class _Shared:
    """The place of a request over HTTP: it takes its turn like every other."""

    here: Here

    def use(self, work: Callable[[Engine], T]) -> T:
        """Return what `work` makes of the collection's engine."""
        return self.here.use(work)

    def names(self, paths: Iterable[str]) -> Mapping[str, str]:
        """Return what people call the files at these paths."""
        return names_of(self.here, paths)

    def turn(self, kind: Turn) -> AbstractContextManager[None]:
        """Wait for a turn. Raises Overloaded."""
        door = self.here.door
        return {"search": door.searches, "answer": door.answers, "picture": door.pictures}[kind].turn()


class McpDoor:
    """The addresses, and what must run while they are served."""

    def __init__(self, *, most: int) -> None:
        """`most` bytes of a request."""
        # Whose request it is, from where, to which name: the guard has looked before anything comes here.
        server = make_server(_place_of)
        server.streamable_http_app(stateless_http=True, json_response=True, max_request_body_size=most, host="")
        self.manager: StreamableHTTPSessionManager = server.session_manager

    def routes(self) -> list[AuthorizedAsgiRoute]:
        """Return the addresses as routes."""
        read_only = requires_scope("read", collection=True)  # whatever the method: the tools only read
        endpoint = read_only(StreamableHTTPASGIApp(self.manager))
        return [AuthorizedAsgiRoute(path, endpoint=endpoint) for path in ADDRESSES]


def _place_of(context: Context) -> _Shared:
    request = context.request_context.request
    assert isinstance(request, Request)
    try:
        return _Shared(here(request, door_of(request), principal_of(request)))
    except PageLensError as exc:
        raise ToolError(public(str(exc))) from exc
