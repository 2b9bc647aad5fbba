"""The small files that programs leave beside a photo: XMP (Lightroom, darktable, digiKam) and Google's export (JSON).

Looks for them by the names those programs give them; never lists a folder. A sidecar that cannot be read counts as
absent: the photo is good without.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pagelens.ingest.readers.photos.exif import written_by_a_person
from pagelens.ingest.readers.photos.photo_facts import LONGEST_CAPTION, Facts, distinct, plain, position
from pagelens.ingest.readers.photos.xmp import MOST_BYTES, read_xmp

_MOST_JSON = 1_000_000  # bytes
_EXPORT = ".supplemental-metadata"  # what Google's export appends before '.json', cut so that 46 characters remain
_EXPORT_NAME = 46
_COPY = re.compile(r"\(\d+\)$")  # of 'beach(1).jpg', whose export is 'beach.jpg(1).json'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def sidecars(photo: Path) -> list[Path]:
    """Return the files beside a photo that tell about it, those a person edits first."""
    return [path for path in (*_xmp_names(photo), *_export_names(photo)) if _is_file(path)]


def edited_facts(photo: Path) -> Facts:
    """Return what the XMP file beside a photo says, nothing where there is none."""
    return next((read_xmp(_content(path, MOST_BYTES)) for path in _xmp_names(photo) if _is_file(path)), Facts())


def exported_facts(photo: Path) -> Facts:
    """Return what the export beside a photo says, nothing where there is none."""
    return next((read_export(_content(path, _MOST_JSON)) for path in _export_names(photo) if _is_file(path)), Facts())


def read_export(content: bytes) -> Facts:
    """Read the JSON that Google Photos exports beside a photo. Its time is UTC: there is no other."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return Facts()
    if not isinstance(said, dict) or "photoTakenTime" not in said:
        return Facts()
    place = None
    for key in ("geoDataExif", "geoData"):
        spot = said.get(key)
        if place is None and isinstance(spot, dict):
            place = position(_number(spot.get("latitude")), _number(spot.get("longitude")))
    people = said.get("people")
    names = [one.get("name") for one in people if isinstance(one, dict)] if isinstance(people, list) else []
    caption = said.get("description")
    return Facts(
        taken=_moment(said["photoTakenTime"]),
        latitude=place[0] if place else None,
        longitude=place[1] if place else None,
        caption=written_by_a_person(plain(caption, LONGEST_CAPTION)) if isinstance(caption, str) else "",
        people=distinct(name for name in names if isinstance(name, str)),
    )


def _xmp_names(photo: Path) -> Iterator[Path]:
    yield from (photo.with_name(photo.name + ".xmp"), photo.with_suffix(".xmp"), photo.with_suffix(".XMP"))


def _export_names(photo: Path) -> Iterator[Path]:
    copy = _COPY.search(photo.stem)
    name, number = photo.name, ""
    if copy:
        name, number = photo.stem[: copy.start()] + photo.suffix, copy.group()
    for extra in (_EXPORT, ""):
        yield photo.with_name(f"{(name + extra)[:_EXPORT_NAME]}{number}.json")
    if not name.startswith("."):
        yield photo.with_name(f"{name}{number}.json")


def _is_file(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


def _content(path: Path, most: int) -> bytes:
    """Return the file's bytes, none where it cannot be read or is longer than it should be."""
    with suppress(OSError), path.open("rb") as file:
        content = file.read(most + 1)
        return content if len(content) <= most else b""
    return b""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _moment(said: Any) -> datetime | None:
    with suppress(TypeError, ValueError, KeyError, OverflowError):
        return (_EPOCH + timedelta(seconds=int(said["timestamp"]))).replace(tzinfo=None)
    return None
