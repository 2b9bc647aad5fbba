"""The MCP endpoint, at `/mcp` and at `/v1/collections/{collection}/mcp`; its first request loads the MCP library.

Importing that library takes half as long as all else that a server imports, and most servers are never asked by MCP.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup, TaskStatus
from starlette.types import ASGIApp, Receive, Scope, Send

from pagelens.api.server.auth.authorization import AuthorizedAsgiRoute, requires_scope

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATHS = ("/mcp", "/v1/collections/{collection}/mcp")


class McpEndpoint:
    """An ASGI app that answers MCP requests while `running`."""

    def __init__(self, *, max_bytes: int) -> None:
        """`max_bytes` of a request's body."""
        self._max_bytes = max_bytes
        self._loading = anyio.Lock()
        self._tasks: TaskGroup | None = None
        self._app: ASGIApp | None = None

    def routes(self) -> list[AuthorizedAsgiRoute]:
        """Return the routes of all paths."""
        endpoint = requires_scope("read", collection=True)(self)  # for every method, since the tools only read
        return [AuthorizedAsgiRoute(path, endpoint=endpoint) for path in PATHS]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Accept requests during the block; the session manager, if one was asked for, ends with it."""
        async with anyio.create_task_group() as self._tasks:
            yield
            self._tasks.cancel_scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; the first one starts the session manager."""
        assert self._tasks is not None, "the endpoint is not running"
        async with self._loading:
            if self._app is None:
                self._app = await self._tasks.start(self._run_manager)
        await self._app(scope, receive, send)

    async def _run_manager(self, *, task_status: TaskStatus[ASGIApp]) -> None:
        manager = await anyio.to_thread.run_sync(_make_manager, self._max_bytes)
        async with manager.run():
            task_status.started(manager.asgi_app)
            await anyio.sleep_forever()


def _make_manager(max_bytes: int) -> "StreamableHTTPSessionManager":
    manager: StreamableHTTPSessionManager
    manager = import_module("pagelens.api.server.mcp.http_manager").make_manager(max_bytes)
    return manager
