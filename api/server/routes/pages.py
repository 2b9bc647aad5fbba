"""Pages: their words with boxes, their pictures."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi import Path as InPath

from pagelens.api.engine.engine import Engine
from pagelens.api.server import examples
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.context import Here, HereNow
from pagelens.api.server.page_rendering import Wanted, draw
from pagelens.api.server.problems import Problem
from pagelens.api.server.schemas.requests import Text
from pagelens.api.server.schemas.responses import PageOut
from pagelens.api.server.schemas.views import find_page, names_of, page_out
from pagelens.core.types import PageRef
from pagelens.index.catalog.reads import DocumentRow, PageRow

router = APIRouter(route_class=AuthorizedRoute, prefix="/pages", tags=["pages"])

PageId = Annotated[str, InPath(pattern=r"^[0-9a-f]{64}-[1-9][0-9]{0,6}$", examples=[examples.PAGE])]

_PICTURES = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
_PICTURES["image/png"] = _PICTURES["image/jpeg"]


@router.get("/{page}", summary="A page's words")
@requires_scope("read", collection=True)
def read_page(here: HereNow, page: PageId) -> PageOut:
    """Return a page's text, its words with their boxes, its printed label."""
    row, found, _ = _look(here, page)
    return page_out(row, found, names_of(here, [row.path])[row.path])


@router.get(
    "/{page}/image",
    response_class=Response,
    summary="A page's picture",
    responses={200: {"content": _PICTURES}, 304: {"description": "What you have is what there is."}},
)
@requires_scope("read", collection=True)
def read_image(
    here: HereNow,
    page: PageId,
    width: Annotated[int, Query(ge=16, le=3_000, description="Pixels.")] = 1_000,
    format: Annotated[Literal["jpeg", "png"], Query()] = "jpeg",  # noqa: A002 - the wire's word
    highlight: Annotated[Text, Query(description="A query whose words are marked.", examples=["timber"])] = "",
    heat: Annotated[bool, Query(description="Show where the page lane looks for `highlight`.")] = False,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the picture, drawn so wide; with `highlight` the evidence is marked, with `heat` the heat map shown."""
    wanted = Wanted(width, format, highlight.strip(), heat)
    if heat and not wanted.query:
        said = "expected `highlight` with `heat`: heat is where the page lane looks for it"
        raise Problem(422, "nothing-asked", said, fields=[("query.highlight", "empty")])
    row, found, generation = _look(here, page)
    tag = f'"{wanted.tag(page, generation)}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=3600"}
    if if_none_match and tag in [one.strip().removeprefix("W/") for one in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    ref = PageRef(row.path, found.number)
    with here.door.pictures.turn():
        data = here.use(lambda engine: draw(engine, ref, wanted, width=found.width, height=found.height))
    return Response(data, media_type=f"image/{format}", headers=headers)


def _look(here: Here, page: str) -> tuple[DocumentRow, PageRow, int]:
    def work(engine: Engine) -> tuple[DocumentRow, PageRow, int]:
        with engine.snapshot() as snapshot:
            return *find_page(snapshot, page), snapshot.generation

    return here.use(work)
