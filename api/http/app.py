"""The app: layers round the routes, everything built once and handed in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio.to_thread
from fastapi import Depends, FastAPI

from api.http import (
    openapi,
    problems,
    routes_answers,
    routes_chat,
    routes_collections,
    routes_documents,
    routes_health,
    routes_jobs,
    routes_page,
    routes_pages,
    routes_search,
)
from api.http.authorization import require_authorized_routes
from api.http.bodies import Bodies
from api.http.context import named_collection, open_door
from api.http.dialect import Dialect
from api.http.frame import Frame
from api.http.guard import Guard
from api.http.limits import Limits
from api.http.mcp_door import McpDoor
from api.service import Service


def create_app(service: Service, *, limits: Limits | None = None, keyless: bool = False) -> FastAPI:
    """Return the app over a service, which it starts and closes. `keyless`: see `api.http.guard`."""
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
    app.include_router(routes_page.router)
    app.include_router(routes_health.router)
    app.include_router(routes_collections.router)
    app.include_router(routes_jobs.router)
    app.include_router(routes_chat.router)
    inside = (routes_documents.router, routes_pages.router, routes_search.router, routes_answers.router)
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
