"""Endpoints for the words and the images of pages."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi import Path as InPath

from pagelens.api.engine.engine import Engine
from pagelens.api.responses import PageOut
from pagelens.api.server import examples
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import ContextDep, RequestContext
from pagelens.api.server.page_rendering import PageImageRequest, render_page_image
from pagelens.api.server.problems import Problem
from pagelens.api.server.schemas.requests import Text
from pagelens.api.server.serialization import display_names, find_page, page_out
from pagelens.core.types import PageRef
from pagelens.index.catalog.reads import DocumentRow, PageRow

router = APIRouter(route_class=AuthorizedRoute, prefix="/pages", tags=["pages"])

PageId = Annotated[str, InPath(pattern=r"^[0-9a-f]{64}-[1-9][0-9]{0,6}$", examples=[examples.PAGE])]

_IMAGES = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
_IMAGES["image/png"] = _IMAGES["image/jpeg"]


@router.get("/{page}", summary="A page's words")
@requires_scope("read", collection=True)
def read_page(context: ContextDep, page: PageId) -> PageOut:
    """Return a page's text and its words with their boxes."""
    row, page_row, _ = _find(context, page)
    return page_out(row, page_row, display_names(context, [row.path])[row.path])


@router.get(
    "/{page}/image",
    response_class=Response,
    summary="A page's picture",
    responses={200: {"content": _IMAGES}, 304: {"description": "The image has not changed."}},
)
@requires_scope("read", collection=True)
def read_image(
    context: ContextDep,
    page: PageId,
    width: Annotated[int, Query(ge=16, le=3_000, description="Pixels.")] = 1_000,
    format: Annotated[Literal["jpeg", "png"], Query()] = "jpeg",  # noqa: A002 - the parameter's name in the API
    highlight: Annotated[Text, Query(description="A query whose evidence is marked.", examples=["timber"])] = "",
    heat: Annotated[bool, Query(description="Show the page lane's heat map for `highlight`.")] = False,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the image of a page; with `highlight` the evidence is marked, with `heat` a heat map is shown."""
    image_request = PageImageRequest(width, format, highlight.strip(), heat)
    if heat and not image_request.query:
        detail = "expected `highlight` with `heat`, found none: a heat map is made for a query"
        raise Problem(422, "empty-query", detail, fields=[("query.highlight", "empty")])
    row, page_row, generation = _find(context, page)
    tag = f'"{image_request.etag(page, generation)}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=3600"}
    if if_none_match and tag in [value.strip().removeprefix("W/") for value in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    ref = PageRef(row.path, page_row.number)
    with context.app_state.images.slot():
        data = context.use(
            lambda engine: render_page_image(
                engine, ref, image_request, page_width=page_row.width, page_height=page_row.height
            )
        )
    return Response(data, media_type=f"image/{format}", headers=headers)


def _find(context: RequestContext, page: str) -> tuple[DocumentRow, PageRow, int]:
    def work(engine: Engine) -> tuple[DocumentRow, PageRow, int]:
        with engine.snapshot() as snapshot:
            return *find_page(snapshot, page), snapshot.generation

    return context.use(work)
