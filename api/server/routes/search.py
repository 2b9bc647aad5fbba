"""Endpoints to search by a text, a picture, or both, with cached results and cursors."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import Json

from pagelens.api.engine.arranged_results import PER_GROUP
from pagelens.api.engine.engine import Engine
from pagelens.api.responses import SearchResponse
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import CachedSearch, ContextDep, RequestContext
from pagelens.api.server.image_decoding import decode_image
from pagelens.api.server.problems import Problem
from pagelens.api.server.schemas.requests import FieldName, FiltersIn, Lane, SearchRequest, Text
from pagelens.api.server.serialization import documents_by_path, search_response

router = APIRouter(route_class=AuthorizedRoute, tags=["search"])


@router.post("/search", summary="Find pages by a text, a picture, or both")
@requires_scope("read", collection=True)
def search(context: ContextDep, body: SearchRequest) -> SearchResponse:
    """Return the pages that match a query, best first, each with its evidence."""
    return _respond(context, body, decode_image(body.image))


@router.post("/search/image", summary="Find pages by an uploaded picture")
@requires_scope("read", collection=True)
def search_by_image(
    context: ContextDep,
    image: Annotated[UploadFile, File(description="A JPEG, PNG or WebP.")],
    query: Annotated[Text, Form()] = "",
    k: Annotated[int, Form(ge=1, le=100)] = 10,
    lanes: Annotated[list[Lane] | None, Form(max_length=5)] = None,
    filters: Annotated[Json[FiltersIn] | None, Form(description="As in /v1/search, as JSON.")] = None,
    explain: Annotated[bool, Form()] = False,
    fold: Annotated[bool, Form()] = False,
    neighbours: Annotated[int, Form(ge=0, le=3)] = 0,
    sort: Annotated[FieldName, Form()] = "",
    group_by: Annotated[FieldName, Form()] = "",
    per_group: Annotated[int, Form(ge=1, le=100)] = PER_GROUP,
    facets: Annotated[list[FieldName] | None, Form(max_length=50)] = None,
    cursor: Annotated[str | None, Form(max_length=500)] = None,
) -> SearchResponse:
    """Search as /v1/search does, with the picture as an uploaded file."""
    body = SearchRequest(
        query=query,
        k=k,
        lanes=lanes or None,
        filters=filters or FiltersIn(),
        explain=explain,
        fold=fold,
        neighbours=neighbours,
        sort=sort,
        group_by=group_by,
        per_group=per_group,
        facets=facets or [],
        cursor=cursor,
    )
    return _respond(context, body, image.file.read())


def _respond(context: RequestContext, body: SearchRequest, image: bytes | None) -> SearchResponse:
    arrangement = body.arrangement()
    if not (body.query.strip() or image is not None or body.filters.filters() or arrangement or arrangement.facets):
        raise Problem(
            422,
            "empty-query",
            "expected a query of at least one word, a picture, or filters, found none of them",
            fields=[("body.query", "empty, and no image")],
            next_step="Give `query`, `image`, or both; or `filters`, to list what matches.",
        )
    listing = _fingerprint(context, body, image)
    first = context.app_state.cursors.decode_number(listing, body.cursor)
    depth = body.k if body.group_by else min(first + body.k + 1, context.app_state.limits.result_depth)

    def work(engine: Engine) -> CachedSearch:
        with engine.snapshot() as snapshot:
            generation = snapshot.generation
        return context.app_state.search_cache.get(
            (listing, depth, generation), lambda: _search(context, engine, body, image, depth)
        )

    cached = context.use(work)
    size = len(cached.results.hits) if body.group_by else body.k  # all groups at once
    more = len(cached.results.hits) > first + size
    following = context.app_state.cursors.encode(listing, first + size) if more else None
    return search_response(context, cached, first=first, size=size, explain=body.explain, next_cursor=following)


def _search(
    context: RequestContext, engine: Engine, body: SearchRequest, image: bytes | None, depth: int
) -> CachedSearch:
    with context.app_state.searches.slot():
        with engine.snapshot() as snapshot:
            generation = snapshot.generation
        results = engine.search(
            body.query,
            image=image,
            k=depth,
            filters=body.filters.filters(),
            lanes=body.lanes,
            fold=body.fold,
            neighbours=body.neighbours,
            arrangement=body.arrangement(),
        )
        folded = {ref.path for hit in results.hits for ref in hit.duplicates}
        return CachedSearch(results, generation, documents_by_path(engine, folded) if folded else {})


def _fingerprint(context: RequestContext, body: SearchRequest, image: bytes | None) -> str:
    """Return a hash of a query with all options that change its results, without the position in them."""
    options = body.model_dump_json(exclude={"cursor", "image", "explain"})
    image_hash = hashlib.sha256(image).hexdigest() if image is not None else ""
    return hashlib.sha256(f"{context.collection}\n{options}\n{image_hash}".encode()).hexdigest()
