"""The app: layers round the routes, everything built once and handed in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio.to_thread
from fastapi import Depends, FastAPI

from pagelens.api.server import openapi, problems
from pagelens.api.server.auth.authorization import require_authorized_routes
from pagelens.api.server.context import named_collection, open_door
from pagelens.api.server.limits import Limits
from pagelens.api.server.mcp.endpoint import McpDoor
from pagelens.api.server.middleware.auth import Guard
from pagelens.api.server.middleware.body_limit import Bodies
from pagelens.api.server.middleware.openai_errors import Dialect
from pagelens.api.server.middleware.request_context import Frame
from pagelens.api.server.routes import answers, chat, collections, documents, health, jobs, pages, search, web_page
from pagelens.api.server.service import Service


def create_app(service: Service, *, limits: Limits | None = None, keyless: bool = False) -> FastAPI:
    """Return the app over a service, which it starts and closes. `keyless`: see `pagelens.api.server.middleware.auth`."""
    limits = limits or Limits()
    door = open_door(service, limits)
    assistants = McpDoor(most=limits.body)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = limits.threads
        await anyio.to_thread.run_sync(service.start)
        async with assistants.manager.run():
            yield
        await anyio.to_thread.run_sync(service.close)

    # FastAPI's own pages of documentation load their scripts from elsewhere; /openapi.json is `openapi.router`'s.
    app = FastAPI(title="PageLens", version=version("pagelens"), lifespan=lifespan, openapi_url=None)
    app.state.door = door
    app.include_router(openapi.router)
    app.include_router(web_page.router)
    app.include_router(health.router)
    app.include_router(collections.router)
    app.include_router(jobs.router)
    app.include_router(chat.router)
    inside = (documents.router, pages.router, search.router, answers.router)
    for router in inside:
        app.include_router(router, prefix="/v1")
        app.include_router(router, prefix="/v1/collections/{collection}", dependencies=[Depends(named_collection)])
    app.router.routes.extend(assistants.routes())
    problems.install(app)
    openapi.install(app)
    require_authorized_routes(app)
    app.add_middleware(Bodies, limits=limits)
    app.add_middleware(Guard, keys=service.keys, limits=limits, keyless=keyless)
    app.add_middleware(Dialect)
    app.add_middleware(Frame, metrics=door.metrics)  # added last, met first
    return app
