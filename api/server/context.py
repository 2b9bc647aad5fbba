"""What endpoints are handed: the service, the caller, the collection they act on, turns, cursors, audit lines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Request

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.results import SearchResults
from pagelens.api.server.auth.authorization import require_visible
from pagelens.api.server.auth.keys import Principal
from pagelens.api.server.concurrency import Gate
from pagelens.api.server.cursors import Cursors
from pagelens.api.server.limits import Limits
from pagelens.api.server.logs import FIELDS, audit_log
from pagelens.api.server.metrics import Metrics
from pagelens.api.server.service import Service
from pagelens.core.caching import Remembered

T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """A search's results and the commit they are of."""

    results: SearchResults
    generation: int
    documents: Mapping[str, str]  # path -> document id, of the hits folded behind others


@dataclass(frozen=True)
class Door:
    """What all endpoints of an app share."""

    service: Service
    limits: Limits
    cursors: Cursors
    metrics: Metrics
    searches: Gate
    answers: Gate
    pictures: Gate
    writes: Gate
    streams: Gate
    kept: Remembered[Kept]


def open_door(service: Service, limits: Limits) -> Door:
    """Return the parts that endpoints share."""
    wait = limits.long_patience
    return Door(
        service,
        limits,
        Cursors(service.folder.secret),
        Metrics(),
        Gate("search", running=limits.searches, waiting=limits.searches_waiting, patience=limits.patience),
        Gate("answer", running=limits.answers, waiting=limits.answers_waiting, patience=wait),
        Gate("picture", running=limits.pictures, waiting=limits.pictures_waiting, patience=wait),
        Gate("write", running=limits.writes, waiting=limits.writes_waiting, patience=wait),
        Gate("stream", running=limits.streams, waiting=0, patience=0.0),
        Remembered(limits.kept_results),
    )


def door_of(request: Request) -> Door:
    """Return what the app was made with."""
    found: Door = request.app.state.door
    return found


def principal_of(request: Request) -> Principal:
    """Return who asks: the guard found out."""
    found: Principal = request.state.principal
    return found


TheDoor = Annotated[Door, Depends(door_of)]
Caller = Annotated[Principal, Depends(principal_of)]


@dataclass(frozen=True, slots=True)
class Here:
    """The collection that a request acts on, its door, its caller."""

    door: Door
    name: str
    caller: Principal
    request_id: str

    def use(self, work: Callable[[Engine], T]) -> T:
        """Return what `work` makes of the collection's engine."""
        return self.door.service.use(self.name, work)

    def audit(self, action: str, **fields: object) -> None:
        """Leave a line for a write."""
        audit(self.caller, self.request_id, action, collection=self.name, **fields)


def here(request: Request, door: TheDoor, caller: Caller) -> Here:
    """Return the collection named in the address, else the default one."""
    name = request.path_params.get("collection", door.service.collections.default)
    require_visible(caller, name)
    door.service.collections.require(name)
    return Here(door, name, caller, request.state.request_id)


HereNow = Annotated[Here, Depends(here)]


def named_collection(
    collection: Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["default"])],
) -> str:
    """Declare the collection in the address; `here` reads it."""
    return collection


def audit(caller: Principal, request_id: str, action: str, **fields: object) -> None:
    """Leave a line for a write: who, what, in answer to which request."""
    audit_log.info(action, extra={FIELDS: {"key": caller.key, "request": request_id, **fields}})
