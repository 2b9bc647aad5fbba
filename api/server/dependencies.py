"""FastAPI dependencies of the endpoints: the app's shared state, the caller, and the collection of the request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Request

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.ranked_pages import RankedSearch
from pagelens.api.engine.results import SearchResults
from pagelens.api.server.auth.authorization import require_visible
from pagelens.api.server.auth.keys import Principal
from pagelens.api.server.collection_manager import NAME
from pagelens.api.server.concurrency import ConcurrencyLimiter
from pagelens.api.server.cursors import Cursors
from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.logs import FIELDS, audit_log
from pagelens.api.server.metrics import Metrics
from pagelens.api.server.service import Service
from pagelens.core.caching import LRUCache

T = TypeVar("T")


@dataclass(frozen=True)
class CachedSearch:
    """One page of the results of a search, and the commit that they were ranked in."""

    results: SearchResults
    generation: int
    documents: Mapping[str, str]  # path -> document id, of the hits folded behind others
    more: bool  # whether there are further results after these


@dataclass(frozen=True)
class AppState:
    """What all endpoints of an app share."""

    service: Service
    limits: ServerLimits
    cursors: Cursors
    metrics: Metrics
    searches: ConcurrencyLimiter
    answers: ConcurrencyLimiter
    images: ConcurrencyLimiter
    writes: ConcurrencyLimiter
    streams: ConcurrencyLimiter
    search_cache: LRUCache[CachedSearch]
    rankings: LRUCache[RankedSearch]  # of searches with further results than were shown
    questions: LRUCache[list[str]]  # to begin with, by collection and commit


def create_app_state(service: Service, limits: ServerLimits) -> AppState:
    """Return the state of an app over a service."""

    def limiter(kind: str, running: int, waiting: int, max_wait: float) -> ConcurrencyLimiter:
        return ConcurrencyLimiter(kind, max_running=running, max_waiting=waiting, max_wait=max_wait)

    return AppState(
        service=service,
        limits=limits,
        cursors=Cursors(service.folder.secret),
        metrics=Metrics(),
        searches=limiter("search", limits.searches, limits.searches_waiting, limits.search_max_wait),
        answers=limiter("answer", limits.answers, limits.answers_waiting, limits.slow_max_wait),
        images=limiter("page image", limits.images, limits.images_waiting, limits.slow_max_wait),
        writes=limiter("write", limits.writes, limits.writes_waiting, limits.slow_max_wait),
        streams=limiter("stream", limits.streams, 0, 0.0),
        search_cache=LRUCache(limits.cached_results),
        rankings=LRUCache(limits.cached_rankings),
        questions=LRUCache(100),
    )


def get_app_state(request: Request) -> AppState:
    """Return the state of the request's app."""
    state: AppState = request.app.state.shared
    return state


def get_principal(request: Request) -> Principal:
    """Return the caller, as `AuthMiddleware` identified it."""
    principal: Principal = request.state.principal
    return principal


AppStateDep = Annotated[AppState, Depends(get_app_state)]
PrincipalDep = Annotated[Principal, Depends(get_principal)]


@dataclass(frozen=True, slots=True)
class RequestContext:
    """A request to one collection: the app's state, the collection's name, the caller, the request's id."""

    app_state: AppState
    collection: str
    caller: Principal
    request_id: str

    def use(self, work: Callable[[Engine], T]) -> T:
        """Return `work(engine)` for the collection's engine."""
        return self.app_state.service.use(self.collection, work)

    def audit(self, action: str, **fields: object) -> None:
        """Write an audit line for a change of the collection."""
        audit(self.caller, self.request_id, action, collection=self.collection, **fields)


def get_request_context(request: Request, app_state: AppStateDep, caller: PrincipalDep) -> RequestContext:
    """Return the context for the collection in the request's path, else for the default collection.

    Raises Problem (403) if the caller may not see it, CollectionNotFound.
    """
    name = request.path_params.get("collection", app_state.service.collections.default)
    require_visible(caller, name)
    app_state.service.collections.require(name)
    return RequestContext(app_state, name, caller, request.state.request_id)


ContextDep = Annotated[RequestContext, Depends(get_request_context)]


def collection_parameter(collection: Annotated[str, Path(pattern=f"^{NAME}$", examples=["default"])]) -> str:
    """Declare the collection in the path for the OpenAPI description; `get_request_context` reads it."""
    return collection


def audit(caller: Principal, request_id: str, action: str, **fields: object) -> None:
    """Write an audit line: which key did what, in which request."""
    audit_log.info(action, extra={FIELDS: {"key": caller.key, "request": request_id, **fields}})
