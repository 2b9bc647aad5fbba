"""Reads the metadata files that programs write beside a photo: XMP (Lightroom, darktable) and Google Photos' JSON.

Names are compared without regard to case and Unicode form. A file that cannot be read counts as absent.
"""

import json
import os
import time
import unicodedata
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from pagelens.ingest.files.formats import claimed_kind
from pagelens.ingest.readers.photos.exif import human_written
from pagelens.ingest.readers.photos.photo_facts import (
    MAX_CAPTION,
    PhotoFacts,
    single_clean_line,
    unique_terms,
    valid_position,
)
from pagelens.ingest.readers.photos.takeout_names import assign_exports
from pagelens.ingest.readers.photos.xmp import MAX_BYTES, read_xmp, sidecar_extension

_MAX_JSON_BYTES = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SETTLED_SECONDS = 2.0  # a folder changed since then may change again within the same tick of its clock
_MAX_LISTINGS = 4  # folders that are remembered
_SAME_ENDINGS = ({".jpg", ".jpeg", ".jpe", ".jfif"}, {".tif", ".tiff"}, {".heic", ".heif", ".hif"})


@dataclass(frozen=True)
class FolderListing:
    """The names of a folder's files, and which of them hold metadata of which photos."""

    folder: Path
    names: tuple[str, ...]
    xmp: dict[str, list[str]] = field(default_factory=dict)  # folded name without '.xmp' -> names

    @cached_property
    def exports(self) -> dict[str, str]:
        """The Google Photos export of each photo, by name."""
        return assign_exports(self.names, self._title)

    @cached_property
    def used(self) -> frozenset[str]:
        """The names of all files that hold metadata of a photo."""
        photos = [name for name in self.names if is_photo_name(name)]
        exports = (self.exports[photo] for photo in photos if photo in self.exports)
        return frozenset((*(name for photo in photos for name in self.xmp_files(photo)), *exports))

    def xmp_files(self, photo: str) -> list[str]:
        """Return the XMP files of a photo: those named after the whole file before those named after its stem."""
        stem, _, _ = photo.rpartition(".")
        of_stem = self.xmp.get(_folded(stem), []) if stem else []
        ending = Path(photo).suffix.casefold()
        return [
            *self.xmp.get(_folded(photo), []),
            *(name for name in of_stem if _is_about(_read_file(self.folder / name, MAX_BYTES), ending)),
        ]

    def _title(self, export: str) -> str:
        with suppress(ValueError, RecursionError):
            content = json.loads(_read_file(self.folder / export, _MAX_JSON_BYTES))
            if isinstance(content, dict) and isinstance(content.get("title"), str):
                return str(content["title"])
        return ""


_listings: OrderedDict[tuple[str, int], FolderListing] = OrderedDict()


def sidecars(photo: Path) -> list[Path]:
    """Return the existing metadata files of a photo: XMP, which people edit, before exports."""
    listing = _listing_of(photo.parent)
    export = listing.exports.get(photo.name)
    names = [*listing.xmp_files(photo.name), *([export] if export else [])]
    return [path for path in map(photo.with_name, names) if _is_file(path)]


def used_sidecars(folder: Path) -> frozenset[str]:
    """Return the names of a folder's files that are read as metadata of a photo beside them."""
    return _listing_of(folder).used


def is_photo_name(name: str) -> bool:
    """Return whether a file's ending is that of a photo format that is read."""
    return claimed_kind(PurePath(name)) == "photo"


def read_xmp_sidecars(photo: Path) -> list[PhotoFacts]:
    """Return the facts of each XMP file beside a photo."""
    names = _listing_of(photo.parent).xmp_files(photo.name)
    return [read_xmp(_read_file(photo.with_name(name), MAX_BYTES)) for name in names]


def read_export_sidecar(photo: Path) -> PhotoFacts:
    """Return the facts of the Google Photos export beside a photo, empty ones where there is none."""
    export = _listing_of(photo.parent).exports.get(photo.name)
    return read_export(_read_file(photo.with_name(export), _MAX_JSON_BYTES)) if export else PhotoFacts()


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
        instant=_timestamp(export["photoTakenTime"]),
        latitude=gps[0] if gps else None,
        longitude=gps[1] if gps else None,
        caption=human_written(single_clean_line(caption, MAX_CAPTION)) if isinstance(caption, str) else "",
        people=unique_terms(name for name in names if isinstance(name, str)),
    )


def _listing_of(folder: Path) -> FolderListing:
    """Return a folder's listing, remembered until the folder changes; an empty one where it cannot be listed."""
    try:
        changed = folder.stat().st_mtime_ns
        key = (os.path.abspath(folder), changed)  # noqa: PTH100 - Path.absolute keeps '..'
        if key in _listings:
            return _listings[key]
        listing = _list(folder)
    except (OSError, ValueError):
        return FolderListing(folder, ())
    if abs(time.time() - changed / 1e9) > _SETTLED_SECONDS:  # a clock that is wrong may put it in the future
        _listings[key] = listing
        while len(_listings) > _MAX_LISTINGS:
            _listings.popitem(last=False)
    return listing


def _list(folder: Path) -> FolderListing:
    names = tuple(sorted(os.listdir(folder)))  # noqa: PTH208 - names only
    xmp: dict[str, list[str]] = {}
    for name in names:
        if name.casefold().endswith(".xmp"):
            xmp.setdefault(_folded(name[: -len(".xmp")]), []).append(name)
    return FolderListing(folder, names, xmp)


def _is_about(packet: bytes, ending: str) -> bool:
    """Return whether an XMP file named after a stem is about the file with an ending; without a statement it is."""
    stated = sidecar_extension(packet).casefold()
    if not stated or f".{stated}" == ending:
        return True
    return any({f".{stated}", ending} <= same for same in _SAME_ENDINGS)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


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
