"""Endpoints to search by a text, a picture, or both, with cached results and cursors."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import Json

from pagelens.api.engine.arranged_results import PER_GROUP
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.found_pages import EXPIRED
from pagelens.api.engine.lane_registry import LANE_NAMES
from pagelens.api.engine.query_image import MAX_IMAGES, ImageOptions
from pagelens.api.engine.ranked_pages import RankedSearch, SearchOptions
from pagelens.api.responses import SearchResponse
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import CachedSearch, ContextDep, RequestContext
from pagelens.api.server.image_decoding import decode_image
from pagelens.api.server.problems import Problem
from pagelens.api.server.schemas.requests import FieldName, FiltersIn, Lane, SearchRequest, Text
from pagelens.api.server.serialization import documents_by_path, search_response
from pagelens.core.errors import RankingExpired
from pagelens.index.layout import Manifest


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
    spelling: Annotated[bool, Form()] = True,
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
        spelling=spelling,
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
    manifest = context.use(lambda engine: engine.manifest)
    listing = _fingerprint(context, body, images, manifest)
    generation, first = context.app_state.cursors.decode_results(listing, body.cursor)
    paging = ResultPaging(
        context=context, body=body, images=images, listing=listing, generation=generation, first=first
    )
    cached = context.use(lambda engine: paging.page(engine.as_of(body.as_of) if body.as_of else engine))
    end = first + len(cached.results.hits)
    following = context.app_state.cursors.encode_results(listing, cached.generation, end) if cached.more else None
    return search_response(context, cached, first=first, explain=body.explain, next_cursor=following)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPaging:
    """Reads one page of the results of a search, in the ranking of the cursor's commit.

    Rankings with further results are kept. Where that of an earlier commit is not (evicted, or made by another server
    on the same folder), it cannot be made again.
    """

    context: RequestContext
    body: SearchRequest
    images: QueryImages
    listing: str
    generation: int | None  # of the cursor
    first: int

    def page(self, engine: Engine) -> CachedSearch:
        """Return the page. Raises RankingExpired where the collection changed too much since the first one."""
        with engine.snapshot() as snapshot:
            newest = snapshot.generation
        wanted = newest if self.generation is None else self.generation
        return self.context.app_state.search_cache.get(
            (self.listing, wanted, newest, self.first), lambda: self._read(engine, wanted, newest)
        )

    def _read(self, engine: Engine, wanted: int, newest: int) -> CachedSearch:
        with self.context.app_state.searches.slot():
            ranked = self._rank(engine, wanted, newest)
            size = None if self.body.group_by else self.body.k  # all groups at once
            limit = self.context.app_state.limits.result_depth
            if size is not None:
                size = max(0, min(size, limit - self.first))
            results = engine.show(ranked, first=self.first, size=size, neighbours=self.body.neighbours)
            referenced = {ref.path for hit in results.hits for ref in hit.duplicates}
            referenced |= {ref.path for step in results.steps for ref in step.pages}
            return CachedSearch(
                results,
                ranked.generation,
                documents_by_path(engine, referenced) if referenced else {},
                more=size is not None and min(len(ranked.ranked.hits), limit) > self.first + size,
            )

    def _rank(self, engine: Engine, wanted: int, newest: int) -> RankedSearch:
        """Return a kept ranking that goes far enough, else a new one if that is of the wanted commit."""
        rankings, depth = self.context.app_state.rankings, self.context.app_state.limits.result_depth
        enough = min(self.first + self.body.k + 1, depth)
        kept = rankings.find((self.listing, wanted))
        if kept is not None and (kept.ranked.complete or len(kept.ranked.hits) >= enough):
            return kept
        if self.generation not in (None, newest):
            raise RankingExpired(EXPIRED)
        arranged = self.body.sort or not (self.body.query.strip() or self.images.like)
        ranked = engine.rank(
            self.body.query,
            self.images.like,
            ImageOptions(self.images.not_like, self.body.text_share, self.body.not_itself),
            SearchOptions(
                k=self.body.k if self.body.group_by else depth if arranged else enough,
                filters=self.body.filters.filters(),
                lanes=self.body.lanes,
                fold=self.body.fold,
                arrangement=self.body.arrangement(),
                spelling=self.body.spelling,
                rerank=self.body.rerank,
                depth=self.body.depth,
            ),
        )
        if self.generation not in (None, ranked.generation):  # committed to just now
            raise RankingExpired(EXPIRED)
        if not self.body.group_by and len(ranked.ranked.hits) > self.body.k:
            rankings.put((self.listing, ranked.generation), ranked)
        return ranked


def _fingerprint(context: RequestContext, body: SearchRequest, images: QueryImages, manifest: Manifest) -> str:
    """Return a hash of a query with all options that change its results, without the position in them.

    A collection deleted and created again, or filled again by other models, gives another one: its commits are others.
    So does one that was tuned: its results are.
    """
    options = body.model_dump_json(exclude={"cursor", "image", "more_images", "not_like", "explain"})
    hashes = [[hashlib.sha256(image).hexdigest() for image in part] for part in (images.like, images.not_like)]
    models = sorted((name, lane.model) for name, lane in manifest.lanes.items())
    collection = f"{context.collection}\n{manifest.created}\n{models}\n{manifest.tuning}"
    return hashlib.sha256(f"{collection}\n{options}\n{hashes}".encode()).hexdigest()
