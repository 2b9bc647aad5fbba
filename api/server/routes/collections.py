"""Collections: listed, made, looked at, deleted."""

import bisect
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath

from pagelens.api.engine.engine import Engine
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.context import Caller, Door, TheDoor, audit
from pagelens.api.server.problems import Problem
from pagelens.api.server.schemas.requests import CollectionRequest
from pagelens.api.server.schemas.responses import CollectionMade, CollectionOut, CollectionsReply
from pagelens.core.errors import WeightsError

router = APIRouter(route_class=AuthorizedRoute, prefix="/v1/collections", tags=["collections"])

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Name = Annotated[str, InPath(pattern=_NAME, examples=["default"])]
Doomed = Annotated[str, InPath(pattern=_NAME, examples=["minutes"])]


@router.get("", summary="List collections")
@requires_scope("read")
def list_collections(
    door: TheDoor,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> CollectionsReply:
    """Return the collections that the caller sees, by name."""
    names = [name for name in door.service.collections.names() if caller.sees(name)]
    first = bisect.bisect_right(names, str(door.cursors.read("collections", cursor))) if cursor else 0
    some = names[first : first + limit]
    following = door.cursors.write("collections", some[-1]) if first + limit < len(names) else None
    return CollectionsReply(collections=[_look(door, name) for name in some], next_cursor=following)


@router.post("", status_code=201, summary="Make a collection")
@requires_scope("admin")
def create_collection(request: Request, door: TheDoor, caller: Caller, body: CollectionRequest) -> CollectionMade:
    """Make an empty collection."""
    collections = door.service.collections
    with door.writes.turn():
        if body.name in collections.names():
            said = f"expected a name that is free, found the collection {body.name!r}"
            raise Problem(409, "collection-exists", said, fields=[("body.name", "taken")])
        try:
            left_out = collections.create(body.name, body.profile)
        except WeightsError as exc:
            fields = [("body.profile", "its models are not on the server's machine")]
            step = "Take another profile, or ask the operator: pagelens models fetch"
            raise Problem(409, "models-missing", str(exc), next_step=step, fields=fields) from exc
    audit(caller, request.state.request_id, "collections.create", collection=body.name)
    return CollectionMade(**_look(door, body.name).model_dump(), left_out=left_out)


@router.get("/{collection}", summary="A collection")
@requires_scope("read", collection=True)
def read_collection(door: TheDoor, collection: Name) -> CollectionOut:
    """Return what a collection holds."""
    return _look(door, collection)


@router.delete("/{collection}", status_code=204, summary="Delete a collection")
@requires_scope("admin", collection=True)
def delete_collection(request: Request, door: TheDoor, caller: Caller, collection: Doomed) -> Response:
    """Delete a collection with everything uploaded to it. The default one stays."""
    if collection == door.service.collections.default:
        said = f"expected another collection than the default one, found {collection!r}"
        raise Problem(
            409, "default-collection", said, next_step="Delete its documents, or start the server on another."
        )
    with door.writes.turn():
        door.service.delete_collection(collection)
    audit(caller, request.state.request_id, "collections.delete", collection=collection)
    return Response(status_code=204)


def _look(door: Door, name: str) -> CollectionOut:
    def work(engine: Engine) -> CollectionOut:
        with engine.snapshot() as snapshot:
            return CollectionOut(
                name=name,
                default=name == door.service.collections.default,
                profile=engine.manifest.profile,
                lanes=["words", *engine.manifest.lanes],
                generation=snapshot.generation,
                documents=len(snapshot.live),
                pages=snapshot.page_count,
            )

    return door.service.use(name, work)
