"""Searching: by a text, a picture, or both; results kept for repeated queries, paged by cursors."""

import base64
import binascii
import hashlib
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import Json

from pagelens.api.engine.engine import Engine
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import RequestContext, ContextDep, CachedSearch
from pagelens.api.server.problems import Problem
from pagelens.api.server.schemas.requests import FiltersIn, Lane, SearchRequest, Text
from pagelens.api.responses import SearchResponse
from pagelens.api.server.serialization import documents_of, search_response

router = APIRouter(route_class=AuthorizedRoute, tags=["search"])


@router.post("/search", summary="Find pages by a text, a picture, or both")
@requires_scope("read", collection=True)
def search(context: ContextDep, body: SearchRequest) -> SearchResponse:
    """Return the pages that have to do with a query, best first, each with its evidence."""
    return _answer(context, body, _decoded(body.image))


@router.post("/search/image", summary="Find pages by a picture that is uploaded")
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
    cursor: Annotated[str | None, Form(max_length=500)] = None,
) -> SearchResponse:
    """Do what /v1/search does, with the picture as a file."""
    body = SearchRequest(
        query=query,
        k=k,
        lanes=lanes or None,
        filters=filters or FiltersIn(),
        explain=explain,
        fold=fold,
        neighbours=neighbours,
        cursor=cursor,
    )
    return _answer(context, body, image.file.read())


def _answer(context: RequestContext, body: SearchRequest, picture: bytes | None) -> SearchResponse:
    if not body.query.strip() and picture is None:
        raise Problem(
            422,
            "empty-query",
            "expected a query of at least one word, or a picture, found neither",
            fields=[("body.query", "empty, and no image")],
            next_step="Give `query`, `image`, or both.",
        )
    asked = _fingerprint(context, body, picture)
    first = context.app_state.cursors.read_number(asked, body.cursor)
    depth = min(first + body.k + 1, context.app_state.limits.depth)

    def work(engine: Engine) -> CachedSearch:
        with engine.snapshot() as snapshot:
            generation = snapshot.generation
        return context.app_state.kept.get((asked, depth, generation), lambda: _search(context, engine, body, picture, depth))

    kept = context.use(work)
    more = len(kept.results.hits) > first + body.k
    following = context.app_state.cursors.write(asked, first + body.k) if more else None
    return search_response(context, kept, first=first, size=body.k, explain=body.explain, next_cursor=following)


def _search(context: RequestContext, engine: Engine, body: SearchRequest, picture: bytes | None, depth: int) -> CachedSearch:
    with context.app_state.searches.slot():
        with engine.snapshot() as snapshot:
            generation = snapshot.generation
        results = engine.search(
            body.query,
            image=picture,
            k=depth,
            filters=body.filters.filters(),
            lanes=body.lanes,
            fold=body.fold,
            neighbours=body.neighbours,
        )
        behind = {ref.path for hit in results.hits for ref in hit.duplicates}
        return CachedSearch(results, generation, documents_of(engine, behind) if behind else {})


def _fingerprint(context: RequestContext, body: SearchRequest, picture: bytes | None) -> str:
    """Return what names a query with all its options, the place in its results left out."""
    told = body.model_dump_json(exclude={"cursor", "image", "explain"})
    seen = hashlib.sha256(picture).hexdigest() if picture is not None else ""
    return hashlib.sha256(f"{context.name}\n{told}\n{seen}".encode()).hexdigest()


def _decoded(image: str | None) -> bytes | None:
    if image is None:
        return None
    try:
        found = base64.b64decode(image.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        step = "Encode the file's bytes in base64 (RFC 4648, no line breaks, no `data:`)."
        said = "expected a picture in base64, found something else"
        raise Problem(422, "not-base64", said, fields=[("body.image", said)], next_step=step)
    return found
