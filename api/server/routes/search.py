"""Endpoints to search by a text, a picture, or both, with cached results and cursors."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import Json

from pagelens.api.engine.arranged_results import PER_GROUP
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.lane_registry import LANE_NAMES
from pagelens.api.engine.query_image import MAX_IMAGES, ImageOptions
from pagelens.api.responses import SearchResponse
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import CachedSearch, ContextDep, RequestContext
from pagelens.api.server.image_decoding import decode_image
from pagelens.api.server.problems import Problem
from pagelens.api.server.schemas.requests import FieldName, FiltersIn, Lane, SearchRequest, Text
from pagelens.api.server.serialization import documents_by_path, search_response


@dataclass(frozen=True, slots=True)
class QueryImages:
    """The bytes of a query's pictures: those that hits shall be like, and those that they shall not be like."""

    like: Sequence[bytes]
    not_like: Sequence[bytes]


router = APIRouter(route_class=AuthorizedRoute, tags=["search"])


@router.post("/search", summary="Find pages by a text, a picture, or both")
@requires_scope("read", collection=True)
def search(context: ContextDep, body: SearchRequest) -> SearchResponse:
    """Return the pages that match a query, best first, each with its evidence."""
    image = decode_image(body.image)
    images = [] if image is None else [image]
    return _respond(context, body, QueryImages([*images, *_decode(body, "more_images")], _decode(body, "not_like")))


@router.post("/search/image", summary="Find pages by an uploaded picture")
@requires_scope("read", collection=True)
def search_by_image(
    context: ContextDep,
    image: Annotated[UploadFile, File(description="A JPEG, PNG or WebP.")],
    more_images: Annotated[
        list[UploadFile] | None, File(max_length=MAX_IMAGES - 1, description="Further ones that hits shall be like.")
    ] = None,
    not_like: Annotated[
        list[UploadFile] | None, File(max_length=MAX_IMAGES - 1, description="Ones that hits shall not be like.")
    ] = None,
    text_share: Annotated[float | None, Form(ge=0, le=1)] = None,
    not_itself: Annotated[bool, Form()] = False,
    query: Annotated[Text, Form()] = "",
    k: Annotated[int, Form(ge=1, le=100)] = 10,
    lanes: Annotated[list[Lane] | None, Form(max_length=len(LANE_NAMES))] = None,
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
        text_share=text_share,
        not_itself=not_itself,
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
    images = [file.file.read() for file in (image, *(more_images or ()))]
    return _respond(context, body, QueryImages(images, [file.file.read() for file in not_like or ()]))


def _decode(body: SearchRequest, field: str) -> list[bytes]:
    """Return the pictures of a field of the body. Raises Problem (422)."""
    decoded = [decode_image(image, f"body.{field}") for image in getattr(body, field)]
    return [image for image in decoded if image is not None]


def _respond(context: RequestContext, body: SearchRequest, images: QueryImages) -> SearchResponse:
    arrangement = body.arrangement()
    if not (body.query.strip() or images.like or body.filters.filters() or arrangement or arrangement.facets):
        raise Problem(
            422,
            "empty-query",
            "expected a query of at least one word, a picture, or filters, found none of them",
            fields=[("body.query", "empty, and no image")],
            next_step="Give `query`, `image`, or both; or `filters`, to list what matches.",
        )
    listing = _fingerprint(context, body, images)
    first = context.app_state.cursors.decode_number(listing, body.cursor)
    depth = body.k if body.group_by else min(first + body.k + 1, context.app_state.limits.result_depth)

    def work(engine: Engine) -> CachedSearch:
        with engine.snapshot() as snapshot:
            generation = snapshot.generation
        return context.app_state.search_cache.get(
            (listing, depth, generation), lambda: _search(context, engine, body, images, depth)
        )

    cached = context.use(work)
    size = len(cached.results.hits) if body.group_by else body.k  # all groups at once
    more = len(cached.results.hits) > first + size
    following = context.app_state.cursors.encode(listing, first + size) if more else None
    return search_response(context, cached, first=first, size=size, explain=body.explain, next_cursor=following)


def _search(
    context: RequestContext, engine: Engine, body: SearchRequest, images: QueryImages, depth: int
) -> CachedSearch:
    with context.app_state.searches.slot():
        with engine.snapshot() as snapshot:
            generation = snapshot.generation
        results = engine.search(
            body.query,
            image=images.like or None,
            image_options=ImageOptions(images.not_like, body.text_share, body.not_itself),
            k=depth,
            filters=body.filters.filters(),
            lanes=body.lanes,
            fold=body.fold,
            neighbours=body.neighbours,
            arrangement=body.arrangement(),
        )
        folded = {ref.path for hit in results.hits for ref in hit.duplicates}
        return CachedSearch(results, generation, documents_by_path(engine, folded) if folded else {})


def _fingerprint(context: RequestContext, body: SearchRequest, images: QueryImages) -> str:
    """Return a hash of a query with all options that change its results, without the position in them."""
    options = body.model_dump_json(exclude={"cursor", "image", "more_images", "not_like", "explain"})
    hashes = [[hashlib.sha256(image).hexdigest() for image in part] for part in (images.like, images.not_like)]
    return hashlib.sha256(f"{context.collection}\n{options}\n{hashes}".encode()).hexdigest()
