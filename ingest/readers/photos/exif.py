"""Reads EXIF metadata (EXIF 2.32, CIPA DC-008) and Windows' additional entries: date, position, camera, texts.

Broken entries count as absent.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pagelens.ingest.readers.photos.photo_facts import (
    MAX_CAPTION,
    MAX_LINE,
    PhotoFacts,
    parse_date,
    parse_rating,
    plausible,
    single_clean_line,
    unique_terms,
    valid_position,
)

if TYPE_CHECKING:
    from PIL.Image import Exif

_MAKE, _MODEL = 0x010F, 0x0110
_DESCRIPTION, _ARTIST, _COPYRIGHT = 0x010E, 0x013B, 0x8298
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_ORIGINAL, _DIGITIZED, _CHANGED = 0x9003, 0x9004, 0x0132  # time of exposure, of digitization, of the last change
_COMMENT, _LENS_MAKE, _LENS = 0x9286, 0xA433, 0xA434
_LATITUDE, _LONGITUDE = 2, 4  # the entry before each is its hemisphere
_GPS_TIME, _GPS_DATE = 7, 29  # UTC
_MAX_OFFSET = timedelta(hours=15)  # of local time from UTC, and an hour more
_RATING = 0x4746
_XP_TITLE, _XP_COMMENT, _XP_AUTHOR, _XP_KEYWORDS, _XP_SUBJECT = range(0x9C9B, 0x9CA0)  # Windows: UTF-16 LE

# What cameras and programs write by default.
_AUTOMATIC_DESCRIPTIONS = (
    "olympus digital camera",
    "sony dsc",
    "minolta digital camera",
    "digital camera",
    "default",
    "untitled",
    "kodak digital still camera",
    "dcim",
    "screenshot",
    "created with gimp",
    "exif_jpeg_picture",
)
_AUTOMATIC_PREFIXES = ("{", "<", "ImageJ=", "charset=", "binary comment", "Exif_JPEG", "hw-")
_MAX_KEYWORDS_TEXT = 64_000  # characters
_COMMENT_ENCODINGS = {b"ASCII\0\0\0": "utf-8", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "iso2022_jp"}


def read_exif(exif: "Exif") -> PhotoFacts:
    """Return the facts stated in EXIF entries."""
    exif_ifd, gps_ifd = exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD)
    position = valid_position(_degrees(gps_ifd, _LATITUDE, 90), _degrees(gps_ifd, _LONGITUDE, 180))
    dates = (_date(exif_ifd.get(tag)) for tag in (_ORIGINAL, _DIGITIZED))
    return PhotoFacts(
        taken=next(filter(plausible, dates), None),
        latitude=position[0] if position else None,
        longitude=position[1] if position else None,
        camera=camera_name(_text(exif.get(_MAKE)), _text(exif.get(_MODEL))),
        lens=_lens(_text(exif_ifd.get(_LENS_MAKE)), _text(exif_ifd.get(_LENS))),
        title=_windows_text(exif.get(_XP_TITLE), MAX_LINE),
        caption=_caption(exif, exif_ifd),
        keywords=unique_terms(_windows_text(exif.get(_XP_KEYWORDS), _MAX_KEYWORDS_TEXT).split(";")),
        rating=parse_rating(exif.get(_RATING)),
        creator=_text(exif.get(_ARTIST)) or _windows_text(exif.get(_XP_AUTHOR), MAX_LINE),
        copyright=_text(exif.get(_COPYRIGHT)),
    )


def read_last_resort_date(exif: "Exif") -> PhotoFacts:
    """Return the date of the last change, or that of the satellites' signal where the change was on another day.

    A camera writes the date of exposure there too; a program that edits the photo replaces it.
    """
    changed, instant = _date(exif.get(_CHANGED)), _gps_instant(exif.get_ifd(_GPS_IFD))
    if instant is None or not plausible(instant):
        return PhotoFacts(taken=changed)
    if changed is not None and abs(changed - instant) <= _MAX_OFFSET:
        return PhotoFacts(taken=changed)
    return PhotoFacts(instant=instant)


def camera_name(make: str, model: str) -> str:
    """Return make and model without repeating the make: 'Canon' and 'Canon EOS 5D' is 'Canon EOS 5D'."""
    first = make.partition(" ")[0]
    if not model or model.lower().startswith(first.lower()):
        return model or make
    return f"{make} {model}".strip()


def human_written(text: str) -> str:
    """Return a description, "" for one that a camera or a program writes by default."""
    if text.lower() in _AUTOMATIC_DESCRIPTIONS or text.startswith(_AUTOMATIC_PREFIXES):
        return ""
    return text if any(character.isalpha() for character in text) else ""


def _lens(make: str, model: str) -> str:
    if model.strip("-. 0mfF/") == "":  # '----' or '0.0 mm f/0.0': the lens is unknown
        return ""
    return camera_name(make, model)


def _caption(exif: "Exif", exif_ifd: Mapping[int, Any]) -> str:
    candidates = (
        _text(exif.get(_DESCRIPTION), MAX_CAPTION),
        _windows_text(exif.get(_XP_COMMENT), MAX_CAPTION),
        _windows_text(exif.get(_XP_SUBJECT), MAX_CAPTION),
        _user_comment(exif_ifd.get(_COMMENT)),
    )
    return next((text for text in map(human_written, candidates) if text), "")


def _text(entry: Any, longest: int = MAX_LINE) -> str:
    """Return a text entry on one line. The standard requires ASCII; phones write UTF-8."""
    if isinstance(entry, bytes):
        entry = entry.decode("latin-1")
    if not isinstance(entry, str):
        return ""
    with suppress(UnicodeError):  # else it is Latin-1, as Pillow decoded it
        entry = entry.encode("latin-1").decode("utf-8")
    return single_clean_line(entry.partition("\0")[0], longest)


def _windows_text(entry: Any, longest: int) -> str:
    """Return a Windows entry, which Pillow represents as bytes or as a tuple of integers."""
    if isinstance(entry, tuple) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in entry):
        entry = bytes(entry)
    if not isinstance(entry, bytes):
        return ""
    return single_clean_line(entry.decode("utf-16-le", "ignore").partition("\0")[0], longest)


def _user_comment(entry: Any) -> str:
    """Return a user comment; its first eight bytes state its encoding (EXIF 2.32, 4.6.5, UserComment)."""
    if not isinstance(entry, bytes) or entry[:8] not in _COMMENT_ENCODINGS:
        return ""
    encoding, content = _COMMENT_ENCODINGS[entry[:8]], entry[8:]
    if encoding == "utf-16" and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        # It has the byte order of the file, which is not known here: in most text the high bytes are zero.
        encoding = "utf-16-be" if content[:2000:2].count(0) > content[1:2000:2].count(0) else "utf-16-le"
    return single_clean_line(content.decode(encoding, "ignore").partition("\0")[0], MAX_CAPTION)


def _date(entry: Any) -> datetime | None:
    return parse_date(_text(entry))[0]


def _gps_instant(gps_ifd: Mapping[int, Any]) -> datetime | None:
    """Return the date and time of the satellites' signal in UTC; noon where the time is not stated."""
    day = _date(gps_ifd.get(_GPS_DATE))
    if day is None:
        return None
    try:
        hours, minutes, seconds = (float(part) for part in gps_ifd[_GPS_TIME])
        return day + timedelta(hours=hours, minutes=minutes, seconds=int(seconds))
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return day + timedelta(hours=12)


def _degrees(gps_ifd: Mapping[int, Any], tag: int, limit: int) -> float | None:
    """Return degrees, minutes and seconds as signed decimal degrees, None where they are invalid.

    Seconds of 0/0, which is how "not known" is written, count as 0.
    """
    try:
        degrees, minutes, seconds = (float(part) for part in gps_ifd[tag])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + (0 if math.isnan(seconds) else seconds) / 3600
    if not math.isfinite(value) or not 0 <= value <= limit:
        return None
    return -value if _text(gps_ifd.get(tag - 1)).upper() in ("S", "W") else value
