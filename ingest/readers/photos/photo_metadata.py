"""Metadata of a photo from all sources, and the text by which it is searched.

Facts come from EXIF, XMP, IPTC, PNG texts, files beside the photo and its file name; `read_photo_facts` defines which
source takes precedence. Place names are looked up for the position.
"""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from pagelens.core.types import DATE_UNCERTAINTY, ONE_DAY
from pagelens.ingest.readers.photos.exif import read_exif, read_last_resort_date
from pagelens.ingest.readers.photos.gazetteer import PlaceNames, find_place_names
from pagelens.ingest.readers.photos.iptc import read_iptc
from pagelens.ingest.readers.photos.local_time import local_time
from pagelens.ingest.readers.photos.name_dates import facts_in_name
from pagelens.ingest.readers.photos.photo_facts import PhotoFacts, merge_facts
from pagelens.ingest.readers.photos.png_facts import read_last_change, read_png_texts
from pagelens.ingest.readers.photos.sidecars import read_export_sidecar, read_xmp_sidecars
from pagelens.ingest.readers.photos.xmp import read_xmp
from pagelens.ingest.text.titles import readable_name

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_FOLDERS = 2  # names of the folders above a photo that are searched

_MONTHS = (  # in English, whatever the locale
    "January February March April May June July August September October November December".split()
)
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_SEASONS = "winter winter spring spring spring summer summer summer autumn autumn autumn winter".split()
_TROPIC_LATITUDE = 23.5  # degrees; between the tropics there are no four seasons

_PHOTOSHOP_IPTC = 0x0404  # the image resource that holds IPTC
_TIFF_IPTC, _TIFF_XMP = 33723, 700
_MAX_BYTES = 16_000_000  # of EXIF or IPTC; longer blocks are ignored

# Folders for storage, whose names do not describe a photo: neither they nor the folders above them are searched, nor
# is the folder of the owner below a home folder.
_STORAGE_FOLDERS = frozenset(
    "pictures,my pictures,photos,my photos,photographs,images,bilder,fotos,imágenes,immagini,photos library,documents,"
    "desktop,downloads,dropbox,onedrive,icloud,google photos,google fotos,takeout,"
    "tmp,temp,var,mnt,media,volumes,srv,opt,root,data,private,storage,sdcard".split(",")
)
_HOME_FOLDERS = frozenset(("home", "users"))
_CAMERA_FOLDERS = re.compile(
    r"(?i)(dcim|\d{3}(?-i:[A-Z_][A-Z0-9_]{4})|\d{3}_\d{4}|camera( roll| uploads)?|sent|thumbnails|\d{1,2}|"
    r".*\.photoslibrary|originals?|masters?|whatsapp images|[0-9a-f]|[0-9a-f]{2}|[0-9a-f-]{16,})"
)


def read_photo_facts(paths: Sequence[Path], image: ImageFile) -> PhotoFacts:
    """Return the facts about a photo, which is open as `image`; a source that is broken is left out.

    `paths` are all paths of the photo: each may have files beside it and a date in its name.
    """
    camera = _facts_or_none(lambda: read_embedded_exif(image))
    embedded = _facts_or_none(lambda: read_xmp(_xmp_packet(image)))
    editor = _facts_or_none(lambda: read_iptc(_iptc_block(image)))
    nothing: list[PhotoFacts] = []
    edited = [facts for path in paths for facts in _or_default(partial(read_xmp_sidecars, path), nothing)]
    exported = [_facts_or_none(partial(read_export_sidecar, path)) for path in paths]
    texts = _facts_or_none(lambda: read_png_texts(image))
    named = [facts_in_name(path.stem) for path in paths]
    last_resorts = [
        _facts_or_none(lambda: _read_unless_too_long(image, read_last_resort_date)),
        _facts_or_none(lambda: read_last_change(image)),
    ]
    merged = merge_facts(
        camera_sources=(camera, *edited, embedded, editor, *named, *exported, texts, *last_resorts),
        text_sources=(*edited, embedded, editor, camera, *exported, texts),
    )
    return _with_local_time(merged)


def _with_local_time(facts: PhotoFacts) -> PhotoFacts:
    """Return the facts with the local time of a date that is known in UTC only."""
    if facts.instant is None:
        return facts
    local = local_time(facts.instant, facts.latitude, facts.longitude)
    return replace(facts, taken=local.time, day_certain=local.day_certain)


def _facts_or_none(read: Callable[[], PhotoFacts]) -> PhotoFacts:
    """Return the facts of one source, empty ones where reading it fails."""
    return _or_default(read, PhotoFacts())


def _or_default(read: Callable[[], T], default: T) -> T:
    try:
        return read()
    except Exception as exc:  # noqa: BLE001 - broken EXIF raises a dozen types in Pillow; the image is usable without
        log.info("metadata of a photo was left out: %s: %s", type(exc).__name__, exc)
        return default


def read_embedded_exif(image: ImageFile) -> PhotoFacts:
    """Return the facts in the EXIF entries of an open image."""
    return _read_unless_too_long(image, read_exif)


def _read_unless_too_long(image: ImageFile, read: Callable[[Image.Exif], PhotoFacts]) -> PhotoFacts:
    return PhotoFacts() if len(image.info.get("exif") or b"") > _MAX_BYTES else read(image.getexif())


def metadata_fields(facts: PhotoFacts, place: PlaceNames | None) -> dict[str, str | int | float | bool]:
    """Return the facts as metadata fields for filters; keywords and people are separated by '; '."""
    kept: dict[str, str | int | float | bool] = {}
    if facts.latitude is not None and facts.longitude is not None:
        kept |= {"latitude": facts.latitude, "longitude": facts.longitude}
    for key in ("camera", "lens", "title", "caption", "creator", "copyright", "rating"):
        kept[key] = getattr(facts, key)
    kept["keywords"], kept["people"] = "; ".join(facts.keywords), "; ".join(facts.people)
    kept["place"] = facts.place or (place.name if place else "")
    kept["city"] = facts.city or (place.city if place else "")
    kept["region"] = facts.region or (place.region if place else "")
    kept["country"] = facts.country or (place.country if place else "")
    year, month = _year_and_month(facts)
    kept["year"], kept["month"] = year, _MONTHS[month - 1] if month else ""
    if not facts.day_certain:
        kept[DATE_UNCERTAINTY] = ONE_DAY
    return {key: value for key, value in kept.items() if value not in ("", 0) or key in ("latitude", "longitude")}


def search_text(paths: Sequence[Path], facts: PhotoFacts, place: PlaceNames | None) -> str:
    """Return the text by which a photo is searched: what people wrote, then what was derived, for all its paths."""
    places = [facts.place, facts.city, facts.region, facts.country, *(place.words() if place else ())]
    parts = (
        facts.title,
        *(readable_name(path.stem) for path in paths),
        facts.caption,
        ", ".join(facts.keywords),
        ", ".join(facts.people),
        ", ".join(dict.fromkeys(name for name in places if name)),
        date_words(facts),
        *(", ".join(folder_words(path)) for path in paths),
        facts.camera,
        facts.lens,
    )
    return ". ".join(dict.fromkeys(part for part in parts if part))


def find_place(facts: PhotoFacts) -> PlaceNames | None:
    """Return the names of the place where the photo was taken, None where it is not known."""
    if facts.latitude is None or facts.longitude is None:
        return None
    return find_place_names(facts.latitude, facts.longitude)


def format_date(date: datetime) -> str:
    """Format a date as '3 May 2019'."""
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def date_words(facts: PhotoFacts) -> str:
    """Return the date in words: 'Friday 3 May 2019, spring'; the season only where the position is known."""
    year, month = _year_and_month(facts)
    if facts.taken:
        words = f"{_WEEKDAYS[facts.taken.weekday()]} {format_date(facts.taken)}"
    else:
        words = " ".join(part for part in (_MONTHS[month - 1] if month else "", str(year or "")) if part)
    if month and facts.latitude is not None and abs(facts.latitude) > _TROPIC_LATITUDE:
        words += f", {_SEASONS[(month - 1 + (6 if facts.latitude < 0 else 0)) % 12]}"
    return words if facts.day_certain else f"{words} (uncertain by a day)"


def folder_words(path: Path) -> list[str]:
    """Return the names of at most `MAX_FOLDERS` folders above a photo that may describe it, the upper one first."""
    parts = list(path.absolute().parent.parts[1:])
    start = 0
    for at, part in enumerate(parts):
        name = part.casefold()
        if name in _STORAGE_FOLDERS or name in _HOME_FOLDERS:
            start = at + 2 if name in _HOME_FOLDERS else at + 1
    described = [part for part in parts[start:] if not part.startswith(".") and not _CAMERA_FOLDERS.fullmatch(part)]
    return [readable_name(part) for part in described[-MAX_FOLDERS:]]


def _year_and_month(facts: PhotoFacts) -> tuple[int, int]:
    """Return year and month of a photo, 0 for what is not known."""
    if facts.taken:
        return facts.taken.year, facts.taken.month
    year, _, month = facts.partial_date.partition("-")
    return int(year or 0), int(month or 0)


def _xmp_packet(image: ImageFile) -> bytes | str:
    """Return the XMP packet, b"" where there is none."""
    packet: Any = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if not packet and isinstance(image, TiffImageFile):
        packet = image.tag_v2.get(_TIFF_XMP, b"")
    return packet if isinstance(packet, bytes | str) else b""


def _iptc_block(image: ImageFile) -> bytes:
    """Return the IPTC block, b"" where there is none."""
    if isinstance(image, TiffImageFile):
        raw: Any = getattr(image.tag_v2, "_tagdata", {})  # as stored; Pillow's own IPTC reader uses it too
        block = raw.get(_TIFF_IPTC, b"")
    else:
        resources: Any = image.info.get("photoshop")
        block = resources.get(_PHOTOSHOP_IPTC, b"") if isinstance(resources, dict) else b""
    return block if isinstance(block, bytes) and len(block) <= _MAX_BYTES else b""
