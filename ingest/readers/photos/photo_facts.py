"""What is known of a photo beside its pixels, whoever wrote it: a camera, a person, a program. Pure.

Everything here comes from outside and is data only: text is cleaned and cut, numbers are checked, what is broken counts
as absent. Does not know how any of it is stored.
"""

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pagelens.ingest.text.page_text import clean_text

LONGEST = 200  # characters of a name, a title, a keyword's sentence
LONGEST_CAPTION = 1_000
LONGEST_KEYWORD = 64
MOST_KEYWORDS = 50

_MEASURED = ("taken", "when", "latitude", "longitude", "camera", "lens")  # what a camera knows best
_DATE = re.compile(r"\s*(\d{4})(?:[-:./]?(\d\d)(?:[-:./]?(\d\d)(?:[T\s]*(\d\d):?(\d\d)(?::?(\d\d))?)?)?)?")


@dataclass(frozen=True, slots=True)
class Facts:
    """What one source says, or all of them together. Empty text, None and 0 mean: not said."""

    taken: datetime | None = None  # naive local time
    when: str = ""  # where only the year or the month is known: "1987", "1987-06"
    latitude: float | None = None  # decimal degrees
    longitude: float | None = None
    camera: str = ""
    lens: str = ""
    title: str = ""
    caption: str = ""  # what a person wrote about it
    keywords: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    rating: int = 0  # 1 to 5 stars
    creator: str = ""
    copyright: str = ""
    place: str = ""  # as a person named it: a beach, a street, a district
    city: str = ""
    region: str = ""
    country: str = ""


def merged(measured: Sequence[Facts], told: Sequence[Facts]) -> Facts:
    """Return the facts of all sources: of each the first that is said; keywords and people of all.

    Date, position and camera are looked for in the order of `measured`, the rest in that of `told`.
    """
    values: dict[str, Any] = {}
    for one in fields(Facts):
        order = measured if one.name in _MEASURED else told
        said = [getattr(facts, one.name) for facts in order]
        values[one.name] = next((value for value in said if value not in (None, "", 0, ())), one.default)
    values |= _position(measured)
    values["keywords"] = distinct(word for facts in told for word in facts.keywords)
    values["people"] = distinct(name for facts in told for name in facts.people)
    return Facts(**values)


def _position(measured: Sequence[Facts]) -> dict[str, float | None]:
    """Return latitude and longitude of one and the same source."""
    for facts in measured:
        if facts.latitude is not None and facts.longitude is not None:
            return {"latitude": facts.latitude, "longitude": facts.longitude}
    return {"latitude": None, "longitude": None}


def plain(text: str, longest: int = LONGEST) -> str:
    """Return the text on one line without control characters, cut to `longest` at a word's end."""
    words = [word for word in map(clean_text, text[: 4 * longest].split()) if word]
    line = " ".join(words)
    if len(line) <= longest:
        return line
    cut = line.rfind(" ", 0, longest)
    return line[: cut if cut > longest // 2 else longest].rstrip()


def decoded(content: bytes) -> str:
    """Return the text of bytes whose encoding nobody said: UTF-16 by its mark, UTF-8 where it is, else Windows-1252."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        with suppress(UnicodeError):
            return content.decode("utf-16")
    for encoding in ("utf-8-sig", "cp1252"):
        with suppress(UnicodeError):
            return content.decode(encoding)
    return content.decode("latin-1")


def distinct(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words cleaned, each once whatever its case, at most `MOST_KEYWORDS`."""
    found: dict[str, str] = {}
    for word in words:
        short = plain(word, LONGEST_KEYWORD)
        if short:
            found.setdefault(short.casefold(), short)
        if len(found) == MOST_KEYWORDS:
            break
    return tuple(found.values())


def moment(text: str) -> tuple[datetime | None, str]:
    """Read '2019:05:03 18:07:09', '2019-05-03T18:07-04:00', '20190503', '2019-05', '1987': a date, or what is known.

    The zone is left out: what counts is what the clock on the wall said.
    """
    match = _DATE.match(text)
    if match is None:
        return None, ""
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    with suppress(ValueError):
        return datetime(year, month, day, hour, minute, min(second, 59)), ""
    if year < 1800:  # cameras write zeros where the clock was never set
        return None, ""
    return None, f"{year}-{month:02}" if 1 <= month <= 12 and day == 0 else str(year)


def position(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    """Return a position on Earth, None where it is none; zeros mean that no satellite was seen."""
    if latitude is None or longitude is None or not math.isfinite(latitude) or not math.isfinite(longitude):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude


def stars(value: object) -> int:
    """Return a rating of 1 to 5 stars, 0 where it is none (0 and -1 mean: not rated, rejected)."""
    try:
        rating = round(float(value))  # type: ignore[arg-type]  # whatever was in the file
    except (TypeError, ValueError, OverflowError):
        return 0
    return rating if 1 <= rating <= 5 else 0
