"""Reads the metadata files that programs write beside a photo: XMP (Lightroom, darktable) and Google Photos' JSON.

Only the names that those programs use are tried; folders are not listed. A file that cannot be read counts as absent.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pagelens.ingest.readers.photos.exif import human_written
from pagelens.ingest.readers.photos.photo_facts import (
    MAX_CAPTION,
    PhotoFacts,
    single_clean_line,
    unique_terms,
    valid_position,
)
from pagelens.ingest.readers.photos.xmp import MAX_BYTES, read_xmp

_MAX_JSON_BYTES = 1_000_000
_EXPORT_SUFFIX = ".supplemental-metadata"  # Google Photos appends it before '.json',
_MAX_EXPORT_NAME = 46  # and cuts the name to so many characters
_COPY = re.compile(r"\(\d+\)$")  # of 'beach(1).jpg', whose export is 'beach.jpg(1).json'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def sidecars(photo: Path) -> list[Path]:
    """Return the existing metadata files of a photo: XMP, which people edit, before exports."""
    return [path for path in (*_xmp_candidates(photo), *_export_candidates(photo)) if _is_file(path)]


def read_xmp_sidecar(photo: Path) -> PhotoFacts:
    """Return the facts of the XMP file beside a photo, empty ones where there is none."""
    return next(
        (read_xmp(_read_file(path, MAX_BYTES)) for path in _xmp_candidates(photo) if _is_file(path)), PhotoFacts()
    )


def read_export_sidecar(photo: Path) -> PhotoFacts:
    """Return the facts of the Google Photos export beside a photo, empty ones where there is none."""
    return next(
        (read_export(_read_file(path, _MAX_JSON_BYTES)) for path in _export_candidates(photo) if _is_file(path)),
        PhotoFacts(),
    )


def read_export(content: bytes) -> PhotoFacts:
    """Return the facts in JSON that Google Photos exports. The date is in UTC, the only time it states."""
    try:
        export = json.loads(content)
    except (ValueError, RecursionError):
        return PhotoFacts()
    if not isinstance(export, dict) or "photoTakenTime" not in export:
        return PhotoFacts()
    gps = None
    for key in ("geoDataExif", "geoData"):
        stated = export.get(key)
        if gps is None and isinstance(stated, dict):
            gps = valid_position(_number(stated.get("latitude")), _number(stated.get("longitude")))
    people = export.get("people")
    names = [person.get("name") for person in people if isinstance(person, dict)] if isinstance(people, list) else []
    caption = export.get("description")
    return PhotoFacts(
        taken=_timestamp(export["photoTakenTime"]),
        latitude=gps[0] if gps else None,
        longitude=gps[1] if gps else None,
        caption=human_written(single_clean_line(caption, MAX_CAPTION)) if isinstance(caption, str) else "",
        people=unique_terms(name for name in names if isinstance(name, str)),
    )


def _xmp_candidates(photo: Path) -> Iterator[Path]:
    yield from (photo.with_name(photo.name + ".xmp"), photo.with_suffix(".xmp"), photo.with_suffix(".XMP"))


def _export_candidates(photo: Path) -> Iterator[Path]:
    copy = _COPY.search(photo.stem)
    name, number = photo.name, ""
    if copy:
        name, number = photo.stem[: copy.start()] + photo.suffix, copy.group()
    for extra in (_EXPORT_SUFFIX, ""):
        yield photo.with_name(f"{(name + extra)[:_MAX_EXPORT_NAME]}{number}.json")
    if not name.startswith("."):
        yield photo.with_name(f"{name}{number}.json")


def _is_file(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


def _read_file(path: Path, max_bytes: int) -> bytes:
    """Return the file's bytes, b"" where it cannot be read or is longer than `max_bytes`."""
    with suppress(OSError), path.open("rb") as file:
        content = file.read(max_bytes + 1)
        return content if len(content) <= max_bytes else b""
    return b""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _timestamp(stated: Any) -> datetime | None:
    with suppress(TypeError, ValueError, KeyError, OverflowError):
        return (_EPOCH + timedelta(seconds=int(stated["timestamp"]))).replace(tzinfo=None)
    return None
