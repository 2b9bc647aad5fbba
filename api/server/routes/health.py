"""Whether the server lives, whether it is ready, what it counts."""

import logging

from fastapi import APIRouter, Response

from pagelens.api.engine.engine import Engine
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.context import Door, TheDoor
from pagelens.api.server.schemas.responses import Health, Ready
from pagelens.core.errors import PageLensError, StoreError

logger = logging.getLogger(__name__)

router = APIRouter(route_class=AuthorizedRoute, tags=["operation"])

NO_FILES = (
    "the place of page pictures and originals does not answer: searches are served, pictures of pages only where the "
    "documents are on this machine"
)
METRICS = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz", summary="Whether the process lives")
@requires_scope("public")
def healthz() -> Health:
    """Answer."""
    return Health(status="alive")


@router.get("/readyz", summary="Whether searches are served", responses={503: {"model": Ready}})
@requires_scope("public")
def readyz(door: TheDoor, response: Response) -> Ready:
    """Tell whether models are loaded and warm and the default collection can be read at this moment."""
    service = door.service
    open_now, problem = _can_read(door)
    if open_now:
        service.warm_again()
    files = not open_now or _has_files(door)
    ready = service.readiness.warmed and open_now
    response.status_code = 200 if ready else 503
    if not ready:
        response.headers["Retry-After"] = "1"
    return Ready(
        ready=ready,
        collection=service.collections.default,
        models=service.readiness.warmed,
        open=open_now,
        files=files,
        worker=service.worker is not None and service.worker.running,
        problem=problem or service.readiness.problem or ("" if files else NO_FILES),
    )


@router.get(
    "/metrics",
    response_class=Response,
    summary="Counters for Prometheus",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
@requires_scope("admin")
def metrics(door: TheDoor) -> Response:
    """Return the counters."""
    found = door.metrics.text(door.service, hits=door.kept.hits, misses=door.kept.misses)
    return Response(found, media_type=METRICS)


def _has_files(door: Door) -> bool:
    """Searches do without: a share that is away must not take every machine out of service."""
    try:
        door.service.use(door.service.collections.default, lambda engine: engine.require_files())
    except PageLensError as exc:
        logger.warning("files: %s", exc)
        return False
    return True


def _can_read(door: Door) -> tuple[bool, str]:
    def look(engine: Engine) -> int:
        with engine.snapshot() as snapshot:
            snapshot.require_ready()
            return snapshot.generation

    try:
        door.service.use(door.service.collections.default, look)
    except StoreError as exc:
        logger.warning("not ready: %s", exc)  # with its address, which is not for everybody
        return False, "StoreError: a server that holds vectors or the catalog does not answer as it must"
    except PageLensError as exc:
        return False, type(exc).__name__  # no paths for everybody
    return True, ""
