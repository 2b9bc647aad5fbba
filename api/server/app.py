"""The FastAPI app: middleware, routes and shared state."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import anyio.to_thread
from fastapi import Depends, FastAPI

from pagelens.api.server import openapi
from pagelens.api.server.auth.authorization import require_authorized_routes
from pagelens.api.server.dependencies import collection_parameter, create_app_state
from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.mcp.endpoint import McpEndpoint
from pagelens.api.server.middleware.authentication import AuthMiddleware
from pagelens.api.server.middleware.body_limit import BodyLimitMiddleware
from pagelens.api.server.middleware.cross_origin import CrossOriginMiddleware
from pagelens.api.server.middleware.openai_errors import OpenAIErrorsMiddleware
from pagelens.api.server.middleware.request_context import RequestContextMiddleware
from pagelens.api.server.problems import install_error_handlers
from pagelens.api.server.routes import (
    answers,
    api_docs,
    chat,
    collections,
    counts,
    documents,
    embeddings,
    feedback,
    health,
    jobs,
    pages,
    photos,
    review,
    search,
    web_page,
)
from pagelens.api.server.service import Service

NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(
    service: Service, *, limits: ServerLimits | None = None, keyless: bool = False, origins: Collection[str] = ()
) -> FastAPI:
    """Return an app that starts and closes `service` with its lifespan.

    `keyless`: see `AuthMiddleware`. `origins`: see `CrossOriginMiddleware`.
    """
    limits = limits or ServerLimits()
    app_state = create_app_state(service, limits)
    service.collections.on_model_call = app_state.metrics.record_model_call
    mcp = McpEndpoint(max_bytes=limits.body_bytes)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = limits.threads
        await anyio.to_thread.run_sync(service.start)
        async with mcp.running():
            yield
        await anyio.to_thread.run_sync(service.close)

    # FastAPI's own documentation pages load scripts from other sites; `openapi.router` serves /openapi.json.
    # Its own spans are off: they hold addresses with their queries, and `RequestContextMiddleware` makes one.
    app = FastAPI(
        title="PageLens", version=version("pagelens"), lifespan=lifespan, openapi_url=None, telemetry=NO_TELEMETRY
    )
    app.state.shared = app_state
    app.include_router(openapi.router)
    app.include_router(web_page.router)
    app.include_router(api_docs.router)
    app.include_router(health.router)
    app.include_router(collections.router)
    app.include_router(jobs.router)
    app.include_router(chat.router)
    app.include_router(embeddings.router)
    of_collections = (documents, counts, photos, pages, search, answers, feedback, review)
    for router in (module.router for module in of_collections):
        app.include_router(router, prefix="/v1")
        app.include_router(router, prefix="/v1/collections/{collection}", dependencies=[Depends(collection_parameter)])
    app.router.routes.extend(mcp.routes())
    install_error_handlers(app)
    openapi.install_openapi(app)
    require_authorized_routes(app)
    app.add_middleware(BodyLimitMiddleware, limits=limits)
    app.add_middleware(AuthMiddleware, keys=service.keys, limits=limits, keyless=keyless, origins=origins)
    app.add_middleware(OpenAIErrorsMiddleware)
    app.add_middleware(CrossOriginMiddleware, origins=origins)  # before the keys: a preflight has none
    app.add_middleware(RequestContextMiddleware, metrics=app_state.metrics)  # added last, called first
    return app
