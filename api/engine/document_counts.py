"""Counts what a collection holds: documents by kind, year and folder, pages by label, photos by month and place."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from pagelens.api.engine.arranged_results import FieldReader
from pagelens.core.types import MEMBER_SEPARATOR, Filters
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.reader import Snapshot

PLACE_DEGREES = 0.5  # side of the squares of latitude and longitude in which photos are one place


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCounts:
    """How many documents match filters, by kind, year and folder; and how many pages, by label."""

    documents: int
    kinds: dict[str, int]  # most frequent first
    years: dict[int, int]  # the latest first; documents without a date are left out
    folders: dict[str, int]  # by name; of what lies in the folder itself, not below it
    labels: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoPlace:
    """Photos that were taken near each other."""

    latitude: float  # the mean of the photos' positions, in degrees
    longitude: float
    name: str  # the most frequent city, region or country; may be empty
    photos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoCounts:
    """How many photos there are, by month and place."""

    photos: int
    months: dict[str, int]  # "2019-07", the latest first
    undated: int
    places: Sequence[PhotoPlace]  # the most frequent first


class FolderNames:
    """The folders of documents, relative to the folder that all of them share. Uploads are in none: ""."""

    def __init__(self, rows: Iterable[DocumentRow], *, uploads: str) -> None:
        """`uploads` is the folder of the server in which uploads are stored, as text."""
        self._uploads = f"{uploads.rstrip('/')}/"
        parts = [one for row in rows for path in row.paths if (one := self._parts(path)) is not None]
        self._shared = _shared_length(min(parts), max(parts)) if parts else 0

    def of(self, path: str) -> str:
        """Return the folder of a document's path."""
        parts = self._parts(path)
        return "" if parts is None else "/".join(parts[self._shared :])

    def of_row(self, row: DocumentRow) -> set[str]:
        """Return the folders of all paths of a document."""
        return {self.of(path) for path in row.paths}

    def _parts(self, path: str) -> list[str] | None:
        return None if path.startswith(self._uploads) else path.partition(MEMBER_SEPARATOR)[0].split("/")[:-1]


def _shared_length(first: Sequence[str], last: Sequence[str]) -> int:
    """Return how many items at the beginning of the least and the greatest of several lists all of them share."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))


def is_below(folder: str, parent: str) -> bool:
    """Return whether a folder is `parent` or lies below it; all lie below ""."""
    return not parent or folder == parent or folder.startswith(f"{parent}/")


def count_documents(snapshot: Snapshot, filters: Filters, folder: Filters, names: FolderNames) -> DocumentCounts:
    """Return the counts of what matches `filters` and, but for the folders, lies in the folder that `folder` names.

    Each count leaves out the filter of its own kind, so that it says what another choice would find.
    Raises UsageError.
    """

    within = replace(filters, all_of=(folder,))
    dated = _matching(snapshot, replace(within, since=None, until=None))
    kinds = Counter(row.document.kind for row in _matching(snapshot, replace(within, kinds=())))
    folders = Counter(name for row in _matching(snapshot, filters) for name in names.of_row(row))
    years = Counter(row.document.date.year for row in dated if row.document.date)
    selection = snapshot.select(replace(within, labels=()))
    return DocumentCounts(
        documents=len(_matching(snapshot, within)),
        kinds=dict(kinds.most_common()),
        years=dict(sorted(years.items(), reverse=True)),
        folders=dict(sorted(folders.items())),
        labels=snapshot.label_table.counts(None if selection is None else selection.mask),
    )


def _matching(snapshot: Snapshot, filters: Filters) -> list[DocumentRow]:
    return FieldReader(snapshot, filters).documents()


def photo_month(row: DocumentRow) -> str:
    """Return the month in which a photo was taken, as "2019-07"; "" where it is not known."""
    return f"{row.document.date:%Y-%m}" if row.document.date else ""


def photo_position(row: DocumentRow) -> tuple[float, float] | None:
    """Return the latitude and longitude of a photo in degrees, None where they are not known."""
    latitude, longitude = (row.document.metadata.get(name) for name in ("latitude", "longitude"))
    if isinstance(latitude, int | float) and isinstance(longitude, int | float):
        return float(latitude), float(longitude)
    return None


def photos_in_order(snapshot: Snapshot, matches: Callable[[DocumentRow], bool] = lambda _: True) -> list[DocumentRow]:
    """Return the photos that match, the latest first, those without a date last."""
    photos = [row for row in snapshot.documents.values() if row.document.kind == "photo" and matches(row)]
    photos.sort(key=lambda row: row.path)
    return sorted(photos, key=lambda row: row.document.date or datetime.min, reverse=True)


def count_photos(snapshot: Snapshot) -> PhotoCounts:
    """Return how many photos there are, by month and place."""
    photos = photos_in_order(snapshot)
    months = Counter(map(photo_month, photos))
    squares: dict[tuple[int, int], list[DocumentRow]] = defaultdict(list)
    for row in photos:
        if position := photo_position(row):
            squares[int(position[0] // PLACE_DEGREES), int(position[1] // PLACE_DEGREES)].append(row)
    return PhotoCounts(
        photos=len(photos),
        months={month: months[month] for month in sorted(filter(None, months), reverse=True)},
        undated=months[""],
        places=sorted(map(_place, squares.values()), key=lambda place: -place.photos),
    )


def _place(rows: Sequence[DocumentRow]) -> PhotoPlace:
    positions = [position for row in rows if (position := photo_position(row))]
    names = Counter(str(name) for row in rows if (name := place_name(row)))
    return PhotoPlace(
        latitude=sum(latitude for latitude, _ in positions) / len(positions),
        longitude=sum(longitude for _, longitude in positions) / len(positions),
        name=names.most_common(1)[0][0] if names else "",
        photos=len(rows),
    )


def place_name(row: DocumentRow) -> str:
    """Return the smallest place that a photo's metadata name: a city, else a region, else a country; may be empty."""
    metadata = row.document.metadata
    return str(next((metadata[name] for name in ("city", "place", "region", "country") if metadata.get(name)), ""))
