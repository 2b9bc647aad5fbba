"""What a camera wrote beside a picture (EXIF 2.32, CIPA DC-008; Windows' own entries): date, place, camera, words.

Broken entries count as absent. Knows Pillow's container for EXIF; does not know picture formats.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pagelens.ingest.readers.photos.photo_facts import (
    LONGEST,
    LONGEST_CAPTION,
    Facts,
    distinct,
    moment,
    plain,
    position,
    stars,
)

if TYPE_CHECKING:
    from PIL.Image import Exif

_MAKE, _MODEL = 0x010F, 0x0110
_DESCRIPTION, _ARTIST, _COPYRIGHT = 0x010E, 0x013B, 0x8298
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_ORIGINAL, _DIGITIZED = 0x9003, 0x9004  # when the shutter opened; when it became a file
_COMMENT, _LENS_MAKE, _LENS = 0x9286, 0xA433, 0xA434
_LATITUDE, _LONGITUDE = 2, 4  # each with its hemisphere in the entry before
_RATING = 0x4746
_XP_TITLE, _XP_COMMENT, _XP_AUTHOR, _XP_KEYWORDS, _XP_SUBJECT = range(0x9C9B, 0x9CA0)  # Windows: UTF-16, low byte first

# What cameras and programs write where nobody wrote anything.
_NO_DESCRIPTION = (
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
_MACHINES_OWN = ("{", "<", "ImageJ=", "charset=", "binary comment", "Exif_JPEG", "hw-")
_CHARACTERS = {b"ASCII\0\0\0": "utf-8", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "iso2022_jp"}


def read_facts(exif: "Exif") -> Facts:
    """Read what can be read."""
    shot, place = exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD)
    found = position(_degrees(place, _LATITUDE, 90), _degrees(place, _LONGITUDE, 180))
    return Facts(
        taken=_moment(shot.get(_ORIGINAL)) or _moment(shot.get(_DIGITIZED)),
        latitude=found[0] if found else None,
        longitude=found[1] if found else None,
        camera=camera_name(_words(exif.get(_MAKE)), _words(exif.get(_MODEL))),
        lens=_lens(_words(shot.get(_LENS_MAKE)), _words(shot.get(_LENS))),
        title=_wide(exif.get(_XP_TITLE), LONGEST),
        caption=_caption(exif, shot),
        keywords=distinct(_wide(exif.get(_XP_KEYWORDS), 4_000).split(";")),
        rating=stars(exif.get(_RATING)),
        creator=_words(exif.get(_ARTIST)) or _wide(exif.get(_XP_AUTHOR), LONGEST),
        copyright=_words(exif.get(_COPYRIGHT)),
    )


def camera_name(make: str, model: str) -> str:
    """Return make and model, the make said once: 'Canon' and 'Canon EOS 5D' is 'Canon EOS 5D'."""
    first = make.partition(" ")[0]
    if not model or model.lower().startswith(first.lower()):
        return model or make
    return f"{make} {model}".strip()


def written_by_a_person(text: str) -> str:
    """Return a description, empty where it is what a camera or a program puts there by itself."""
    if text.lower() in _NO_DESCRIPTION or text.startswith(_MACHINES_OWN):
        return ""
    return text if any(character.isalpha() for character in text) else ""


def _lens(make: str, model: str) -> str:
    if model.strip("-. 0mfF/") == "":  # '----', '0.0 mm f/0.0': no lens was known
        return ""
    return camera_name(make, model)


def _caption(exif: "Exif", shot: Mapping[int, Any]) -> str:
    candidates = (
        _words(exif.get(_DESCRIPTION), LONGEST_CAPTION),
        _wide(exif.get(_XP_COMMENT), LONGEST_CAPTION),
        _wide(exif.get(_XP_SUBJECT), LONGEST_CAPTION),
        _comment(shot.get(_COMMENT)),
    )
    return next((text for text in map(written_by_a_person, candidates) if text), "")


def _words(entry: Any, longest: int = LONGEST) -> str:
    """Return a text entry on one line. The standard says ASCII; today's phones write UTF-8 into it."""
    if isinstance(entry, bytes):
        entry = entry.decode("latin-1")
    if not isinstance(entry, str):
        return ""
    with suppress(UnicodeError):  # else it is Latin-1, as Pillow took it
        entry = entry.encode("latin-1").decode("utf-8")
    return plain(entry.partition("\0")[0], longest)


def _wide(entry: Any, longest: int) -> str:
    """Return one of Windows' entries; Pillow hands them on as bytes, or as a tuple of them."""
    if isinstance(entry, tuple) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in entry):
        entry = bytes(entry)
    if not isinstance(entry, bytes):
        return ""
    return plain(entry.decode("utf-16-le", "ignore").partition("\0")[0], longest)


def _comment(entry: Any) -> str:
    """Return a user comment, whose first eight bytes name its characters (EXIF 2.32, 4.6.5, UserComment)."""
    if not isinstance(entry, bytes) or entry[:8] not in _CHARACTERS:
        return ""
    encoding, content = _CHARACTERS[entry[:8]], entry[8:]
    if encoding == "utf-16" and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        # In the byte order of the file, which is lost here: text has its zeros in the high bytes.
        encoding = "utf-16-be" if content[:2000:2].count(0) > content[1:2000:2].count(0) else "utf-16-le"
    return plain(content.decode(encoding, "ignore").partition("\0")[0], LONGEST_CAPTION)


def _moment(entry: Any) -> datetime | None:
    return moment(_words(entry))[0]


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
