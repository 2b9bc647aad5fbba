"""The session manager of the MCP endpoint: the tools over streamable HTTP.

It is stateless (no MCP sessions), so that several servers may stand behind one load balancer.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request

from pagelens.api.engine.engine import Engine
from pagelens.api.server.dependencies import RequestContext, get_app_state, get_principal, get_request_context
from pagelens.api.server.mcp.mcp_server import make_server
from pagelens.api.server.mcp.tools import ToolKind
from pagelens.api.server.problems import redact
from pagelens.api.server.serialization import display_names
from pagelens.core.errors import PageLensError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _HttpToolContext:
    """The tool context of an HTTP request, with the server's concurrency limits."""

    request: RequestContext

    def use(self, work: Callable[[Engine], T]) -> T:
        """Return `work(engine)` for the collection's engine."""
        return self.request.use(work)

    def names(self, paths: Iterable[str]) -> Mapping[str, str]:
        """Return the display names of the files at these paths."""
        return display_names(self.request, paths)

    def slot(self, kind: ToolKind) -> AbstractContextManager[None]:
        """Wait for a slot. Raises Overloaded."""
        state = self.request.app_state
        return {"search": state.searches, "answer": state.answers, "image": state.images}[kind].slot()


def make_manager(max_bytes: int) -> StreamableHTTPSessionManager:
    """Return a manager that must run while its requests are served; `max_bytes` of a request's body."""
    # `AuthMiddleware` has already checked the key and the Host header, so the MCP library's own check is off.
    server = make_server(_tool_context)
    server.streamable_http_app(stateless_http=True, json_response=True, max_request_body_size=max_bytes, host="")
    return server.session_manager


def _tool_context(context: Context) -> _HttpToolContext:
    request = context.request_context.request
    assert isinstance(request, Request)
    try:
        return _HttpToolContext(get_request_context(request, get_app_state(request), get_principal(request)))
    except PageLensError as exc:
        raise ToolError(redact(str(exc))) from exc
