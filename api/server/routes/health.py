"""Endpoints for liveness, readiness and metrics."""

import logging

from fastapi import APIRouter, Response

from pagelens.api.engine.engine import Engine
from pagelens.api.responses import HealthResponse, ReadinessResponse
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import AppState, AppStateDep
from pagelens.core.errors import PageLensError, StoreError

logger = logging.getLogger(__name__)

router = APIRouter(route_class=AuthorizedRoute, tags=["operation"])

NO_FILES = (
    "the store of page pictures and originals does not answer: searches work, page pictures only for documents whose "
    "files are on this machine"
)
METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/health", include_in_schema=False)
@router.get("/healthz", summary="Whether the process is alive")
@requires_scope("public")
def healthz() -> HealthResponse:
    """Answer, so that the caller sees that the process is alive."""
    return HealthResponse(status="alive")


@router.get("/readyz", summary="Whether searches can be answered", responses={503: {"model": ReadinessResponse}})
@requires_scope("public")
def readyz(app_state: AppStateDep, response: Response) -> ReadinessResponse:
    """Return whether models are loaded and the default collection can be read. 503 if not."""
    service = app_state.service
    readable, problem = _check_readable(app_state)
    if readable:
        service.retry_warm_up()
    files = not readable or _check_files(app_state)
    worker_problem = service.worker_problem()
    ready = service.readiness.warmed and readable
    response.status_code = 200 if ready else 503
    if not ready:
        response.headers["Retry-After"] = "1"
    return ReadinessResponse(
        ready=ready,
        collection=service.collections.default,
        models=service.readiness.warmed,
        open=readable,
        files=files,
        worker=service.worker is not None and service.worker.running and not worker_problem,
        problem=problem or service.readiness.problem or worker_problem or ("" if files else NO_FILES),
    )


@router.get(
    "/metrics",
    response_class=Response,
    summary="Counters for Prometheus",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
@requires_scope("admin")
def metrics(app_state: AppStateDep) -> Response:
    """Return the metrics in Prometheus' text format."""
    cache = app_state.search_cache
    text = app_state.metrics.render(app_state.service, cache_hits=cache.hits, cache_misses=cache.misses)
    return Response(text, media_type=METRICS_MEDIA_TYPE)


def _check_files(app_state: AppState) -> bool:
    """Return whether the file store answers. Readiness does not need it, since searches work without it."""
    try:
        app_state.service.use(app_state.service.collections.default, lambda engine: engine.require_files())
    except PageLensError as exc:
        logger.warning("files: %s", exc)
        return False
    return True


def _check_readable(app_state: AppState) -> tuple[bool, str]:
    def generation(engine: Engine) -> int:
        with engine.snapshot() as snapshot:
            snapshot.require_ready()
            return snapshot.generation

    try:
        app_state.service.use(app_state.service.collections.default, generation)
    except StoreError as exc:
        logger.warning("not ready: %s", exc)  # the message has the store's address, so only the log gets it
        return False, "StoreError: a server that holds vectors or the catalog does not answer as it must"
    except PageLensError as exc:
        return False, type(exc).__name__  # the message may contain paths
    return True, ""
