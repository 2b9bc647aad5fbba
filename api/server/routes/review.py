"""Endpoints for what is unsure: the list, decisions on it, and extraction that adds to it."""

from typing import Annotated, cast

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from pydantic import JsonValue

from pagelens.api.engine.engine import Engine
from pagelens.api.responses import BoxOut, ExtractResponse, ReviewItemOut, ReviewResponse
from pagelens.api.server import examples
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import ContextDep, RequestContext
from pagelens.api.server.problems import redact
from pagelens.api.server.routes.answers import extract_from
from pagelens.api.server.schemas.requests import DecisionRequest, ExtractRequest
from pagelens.api.server.serialization import display_names
from pagelens.core.reviews import ReviewItem

router = APIRouter(route_class=AuthorizedRoute, prefix="/review", tags=["answers"])


@router.get("", summary="List what is unsure")
@requires_scope("read", collection=True)
def list_items(
    context: ContextDep,
    decided: Annotated[bool, Query(description="Those that were decided, in place of the open ones.")] = False,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> ReviewResponse:
    """Return values, citations and pages that a person should look at, oldest first."""

    def work(engine: Engine) -> ReviewResponse:
        items = engine.reviews.items(decided=decided)
        return ReviewResponse(items=_items_out(context, engine, items[:limit]), total=len(items))

    return context.use(work)


@router.post("/extract", summary="Extract values and keep what is unsure for a person")
@requires_scope("write", collection=True)
def extract(context: ContextDep, body: ExtractRequest) -> ExtractResponse:
    """Return a document's values as `/extract` does; values that are unsure are added to the list."""
    return extract_from(context, body, review=True)


@router.post("/{item}/decision", summary="Decide on an item")
@requires_scope("write", collection=True)
def decide(
    context: ContextDep,
    item: Annotated[str, InPath(pattern=r"^[0-9a-f]{16}$", examples=[examples.REVIEW_ITEM.key])],
    body: DecisionRequest,
) -> ReviewItemOut:
    """Accept an item, correct it, or reject it. A corrected value wins over the machine's from then on."""

    def work(engine: Engine) -> ReviewItemOut:
        decided = engine.reviews.decide(item, body.decision, body.value)
        return _items_out(context, engine, [decided])[0]

    with context.app_state.writes.slot():
        return context.use(work)


def _items_out(context: RequestContext, engine: Engine, items: list[ReviewItem]) -> list[ReviewItemOut]:
    paths = engine.reviews.names()
    names = display_names(context, [paths[item.document] for item in items if item.document in paths])
    return [
        ReviewItemOut(
            id=item.key,
            kind=item.kind,
            document=item.document,
            page=f"{item.document}-{item.number}",
            number=item.number,
            name=names.get(paths.get(item.document, ""), item.document[:12]),
            subject=cast(JsonValue, item.subject),
            pointer=item.pointer,
            value=cast(JsonValue, item.value),
            reason=redact(item.reason),
            boxes=[BoxOut(**box._asdict()) for box in item.boxes],
            at=item.at,
            decision=item.decision,
            correction=cast(JsonValue, item.correction),
        )
        for item in items
    ]
