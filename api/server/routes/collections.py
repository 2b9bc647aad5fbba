"""Endpoints to list, create, read and delete collections."""

import bisect
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath

from pagelens.api.engine.engine import Engine
from pagelens.api.responses import CollectionOut, CollectionsResponse, CreatedCollection
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.collection_manager import NAME
from pagelens.api.server.dependencies import AppState, AppStateDep, PrincipalDep, audit
from pagelens.api.server.problems import Problem
from pagelens.api.server.schemas.requests import CreateCollectionRequest
from pagelens.core.errors import WeightsError

router = APIRouter(route_class=AuthorizedRoute, prefix="/v1/collections", tags=["collections"])

_PATTERN = f"^{NAME}$"
CollectionName = Annotated[str, InPath(pattern=_PATTERN, examples=["default"])]
DeletedCollectionName = Annotated[str, InPath(pattern=_PATTERN, examples=["minutes"])]


@router.get("", summary="List collections")
@requires_scope("read")
def list_collections(
    app_state: AppStateDep,
    caller: PrincipalDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> CollectionsResponse:
    """Return the collections that the caller can access, by name."""
    names = [name for name in app_state.service.collections.names() if caller.can_access(name)]
    first = bisect.bisect_right(names, str(app_state.cursors.decode("collections", cursor))) if cursor else 0
    part = names[first : first + limit]
    following = app_state.cursors.encode("collections", part[-1]) if first + limit < len(names) else None
    return CollectionsResponse(collections=[_collection_out(app_state, name) for name in part], next_cursor=following)


@router.post("", status_code=201, summary="Create a collection")
@requires_scope("admin")
def create_collection(
    request: Request, app_state: AppStateDep, caller: PrincipalDep, body: CreateCollectionRequest
) -> CreatedCollection:
    """Create an empty collection."""
    collections = app_state.service.collections
    with app_state.writes.slot():
        if body.name in collections.names():
            detail = f"expected a name that is free, found the collection {body.name!r}"
            raise Problem(409, "collection-exists", detail, fields=[("body.name", "taken")])
        try:
            left_out = collections.create(body.name, body.profile)
        except WeightsError as exc:
            fields = [("body.profile", "its models are not on the server's machine")]
            step = "Use another profile, or ask the operator: pagelens models fetch"
            raise Problem(409, "models-missing", str(exc), next_step=step, fields=fields) from exc
    audit(caller, request.state.request_id, "collections.create", collection=body.name)
    return CreatedCollection(**_collection_out(app_state, body.name).model_dump(), left_out=left_out)


@router.get("/{collection}", summary="A collection")
@requires_scope("read", collection=True)
def read_collection(app_state: AppStateDep, collection: CollectionName) -> CollectionOut:
    """Return the size, profile and lanes of a collection."""
    return _collection_out(app_state, collection)


@router.delete("/{collection}", status_code=204, summary="Delete a collection")
@requires_scope("admin", collection=True)
def delete_collection(
    request: Request, app_state: AppStateDep, caller: PrincipalDep, collection: DeletedCollectionName
) -> Response:
    """Delete a collection with its uploads. The default one cannot be deleted."""
    if collection == app_state.service.collections.default:
        detail = f"expected another collection than the default one, found {collection!r}"
        raise Problem(
            409, "default-collection", detail, next_step="Delete its documents, or start the server on another."
        )
    with app_state.writes.slot():
        app_state.service.delete_collection(collection)
    audit(caller, request.state.request_id, "collections.delete", collection=collection)
    return Response(status_code=204)


def _collection_out(app_state: AppState, name: str) -> CollectionOut:
    def work(engine: Engine) -> CollectionOut:
        with engine.snapshot() as snapshot:
            return CollectionOut(
                name=name,
                default=name == app_state.service.collections.default,
                profile=engine.manifest.profile,
                lanes=["words", *engine.manifest.lanes],
                generation=snapshot.generation,
                documents=len(snapshot.live),
                pages=snapshot.page_count,
                coverage=snapshot.coverage(),
                feedback=app_state.service.feedback,
            )

    return app_state.service.use(name, work)
