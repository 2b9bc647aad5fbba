"""Endpoints for photos: all of them by date, and how many there are by month and place."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from pagelens.api.engine.document_counts import count_photos, photo_month, photo_position, photos_in_order
from pagelens.api.engine.engine import Engine
from pagelens.api.responses import PhotoCountsResponse, PhotosResponse, PlaceOut
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import ContextDep
from pagelens.api.server.serialization import display_names, photo_out
from pagelens.core.keys import page_key
from pagelens.index.catalog.reads import DocumentRow

router = APIRouter(route_class=AuthorizedRoute, prefix="/photos", tags=["photos"])

MAX_PLACES = 2_000
Degrees = Annotated[float | None, Query(ge=-180, le=180)]


@dataclass(frozen=True, slots=True)
class MapArea:
    """An area of the map in degrees; None is no limit."""

    south: float | None
    west: float | None
    north: float | None
    east: float | None

    def has(self, row: DocumentRow) -> bool:
        """Return whether a photo was taken in the area; of one whose position is not known: if nothing limits it."""
        limits = (self.south, self.north), (self.west, self.east)
        if all(limit is None for pair in limits for limit in pair):
            return True
        position = photo_position(row)
        return position is not None and all(
            (low is None or low <= value) and (high is None or value <= high)
            for value, (low, high) in zip(position, limits, strict=True)
        )


@router.get("", summary="List photos")
@requires_scope("read", collection=True)
def list_photos(
    context: ContextDep,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    month: Annotated[str | None, Query(pattern=r"^(\d{4}-\d{2}|)$", description="`2019-07`; empty: undated.")] = None,
    south: Degrees = None,
    west: Degrees = None,
    north: Degrees = None,
    east: Degrees = None,
) -> PhotosResponse:
    """Return the photos, the latest first and those without a date last, of a month or an area if these are given."""
    area = MapArea(south, west, north, east)
    listing = f"photos {context.collection} {month} {area}"
    first = context.app_state.cursors.decode_number(listing, cursor)

    def work(engine: Engine) -> PhotosResponse:
        with engine.snapshot() as snapshot:
            rows = photos_in_order(snapshot, lambda row: month in (None, photo_month(row)) and area.has(row))
            shown = rows[first : first + limit]
            pages = snapshot.pages([page_key(row.key, 1) for row in shown])
        names = display_names(context, (row.path for row in shown))
        following = first + limit if first + limit < len(rows) else None
        return PhotosResponse(
            photos=[photo_out(row, pages[page_key(row.key, 1)], names[row.path]) for row in shown],
            total=len(rows),
            next_cursor=None if following is None else context.app_state.cursors.encode(listing, following),
        )

    return context.use(work)


@router.get("/counts", summary="Count photos")
@requires_scope("read", collection=True)
def count_all_photos(context: ContextDep) -> PhotoCountsResponse:
    """Return how many photos there are, by month and place."""

    def work(engine: Engine) -> PhotoCountsResponse:
        with engine.snapshot() as snapshot:
            counts = count_photos(snapshot)
        return PhotoCountsResponse(
            photos=counts.photos,
            months=counts.months,
            undated=counts.undated,
            places=[
                PlaceOut(latitude=one.latitude, longitude=one.longitude, name=one.name, photos=one.photos)
                for one in counts.places[:MAX_PLACES]
            ],
        )

    return context.use(work)
