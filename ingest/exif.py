"""What a camera wrote beside a picture (EXIF 2.32, CIPA DC-008): date, place, camera, words.

Broken entries count as absent. Knows Pillow's container for EXIF; does not know picture formats.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL.Image import Exif

from ingest.titles import tidy

_ORIENTATION, _MAKE, _MODEL = 0x0112, 0x010F, 0x0110
_DESCRIPTION, _ARTIST, _COPYRIGHT = 0x010E, 0x013B, 0x8298
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_ORIGINAL, _DIGITIZED = 0x9003, 0x9004  # when the shutter opened; when it became a file
_LATITUDE, _LONGITUDE = 2, 4  # each with its hemisphere in the entry before

# What cameras write where nobody wrote anything.
_NO_DESCRIPTION = (
    "olympus digital camera",
    "sony dsc",
    "minolta digital camera",
    "digital camera",
    "default",
    "untitled",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What EXIF says. `orientation` 1 to 8: how the stored picture is to be turned; place in decimal degrees."""

    orientation: int = 1
    taken: datetime | None = None  # naive local time
    latitude: float | None = None
    longitude: float | None = None
    camera: str = ""
    description: str = ""
    artist: str = ""
    copyright: str = ""


def read_facts(exif: Exif) -> Facts:
    """Read what can be read."""
    shot, place = exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD)
    latitude, longitude = _degrees(place, _LATITUDE, 90), _degrees(place, _LONGITUDE, 180)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):  # zeros: no satellite was seen
        latitude = longitude = None
    orientation = exif.get(_ORIENTATION)
    description = _words(exif.get(_DESCRIPTION))
    return Facts(
        orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1,
        taken=_moment(shot.get(_ORIGINAL)) or _moment(shot.get(_DIGITIZED)),
        latitude=latitude,
        longitude=longitude,
        camera=camera_name(_words(exif.get(_MAKE)), _words(exif.get(_MODEL))),
        description="" if description.lower() in _NO_DESCRIPTION else description,
        artist=_words(exif.get(_ARTIST)),
        copyright=_words(exif.get(_COPYRIGHT)),
    )


def camera_name(make: str, model: str) -> str:
    """Return make and model, the make said once: 'Canon' and 'Canon EOS 5D' is 'Canon EOS 5D'."""
    first = make.partition(" ")[0]
    if not model or model.lower().startswith(first.lower()):
        return model or make
    return f"{make} {model}".strip()


def _words(entry: Any) -> str:
    """Return a text entry on one line. The standard says ASCII; today's phones write UTF-8 into it."""
    if isinstance(entry, bytes):
        entry = entry.decode("latin-1")
    if not isinstance(entry, str):
        return ""
    with suppress(UnicodeError):  # else it is Latin-1, as Pillow took it
        entry = entry.encode("latin-1").decode("utf-8")
    return tidy(entry.partition("\0")[0])


def _moment(entry: Any) -> datetime | None:
    try:
        return datetime.strptime(_words(entry)[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def _degrees(place: Mapping[int, Any], tag: int, limit: int) -> float | None:
    """Return degrees, minutes and seconds as signed decimal degrees, None where they are none."""
    try:
        degrees, minutes, seconds = (float(part) for part in place[tag])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value) or not 0 <= value <= limit:
        return None
    return -value if _words(place.get(tag - 1)).upper() in ("S", "W") else value
