"""The record of what is known about a photo besides its pixels, and the cleaning of the values it is made of.

All values come from untrusted files: text is cleaned and cut, numbers are checked, and broken values count as absent.
"""

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from pagelens.ingest.text.page_text import clean_text

MAX_LINE = 200  # characters of a name or a title
MAX_CAPTION = 1_000
MAX_KEYWORD = 64
MAX_KEYWORDS = 1_000  # of a photo, and as many people
MAX_TERMS = 5_000  # that are read of one source
EARLIEST_YEAR = 1800  # cameras write zeros or ones where the clock was never set

# Fields that a camera states more reliably than a person.
_CAMERA_FIELDS = ("latitude", "longitude", "camera", "lens")
_DATE = re.compile(
    r"\s*(\d{4})(?:[-:./]?(\d\d)(?:[-:./]?(\d\d)(?:[T\s]*(\d\d):?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?\s*(Z(?!\w))?)?)?)?"
)
_EPOCHS = (datetime(1904, 1, 1), datetime(1970, 1, 1))  # where formats begin to count, in UTC
_EPOCH_REACH = timedelta(hours=14)  # the same in local time
_CLOCK_DEFAULT = datetime(1980, 1, 1)  # of devices with DOS's clock


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What one source states about a photo, or all of them merged. "", None, () and 0 mean: not stated."""

    taken: datetime | None = None  # naive local time
    instant: datetime | None = None  # the same in UTC, naive, where a source states UTC only
    day_certain: bool = True  # false where `taken` may be a day off, since no time zone is known
    partial_date: str = ""  # the year or month where the date is not known: "1987", "1987-06"
    latitude: float | None = None  # decimal degrees
    longitude: float | None = None
    camera: str = ""
    lens: str = ""
    title: str = ""
    caption: str = ""  # a description written by a person
    keywords: tuple[str, ...] = ()
    left_out: int = 0  # keywords and people beyond `MAX_KEYWORDS`
    people: tuple[str, ...] = ()
    rating: int = 0  # 1 to 5 stars
    creator: str = ""
    copyright: str = ""
    place: str = ""  # a beach, a street, a district, as a person named it
    city: str = ""
    region: str = ""
    country: str = ""


def merge_facts(camera_sources: Sequence[PhotoFacts], text_sources: Sequence[PhotoFacts]) -> PhotoFacts:
    """Merge the facts of all sources: for each field the first stated value, for keywords and people those of all.

    Date, position, camera and lens are taken in the order of `camera_sources`, the rest in that of `text_sources`. A
    date that is not `plausible` counts as absent. The date is that of one source: `taken`, `instant` or `partial_date`.
    """
    values: dict[str, Any] = {}
    for field in fields(PhotoFacts):
        sources = camera_sources if field.name in _CAMERA_FIELDS else text_sources
        stated = [getattr(facts, field.name) for facts in sources]
        values[field.name] = next((value for value in stated if value not in (None, "", 0, ())), field.default)
    values |= _position(camera_sources) | first_plausible_date(camera_sources)
    values["left_out"] = 0
    for name in ("keywords", "people"):
        terms = unique_terms(term for facts in text_sources for term in getattr(facts, name))
        values[name] = terms[:MAX_KEYWORDS]
        values["left_out"] += len(terms[MAX_KEYWORDS:])
    return PhotoFacts(**values)


def first_plausible_date(sources: Sequence[PhotoFacts]) -> dict[str, Any]:
    """Return the fields of the date that the first source states plausibly; a year only where no day is known."""
    for facts in sources:
        for name in ("taken", "instant"):
            if plausible(getattr(facts, name)):
                return {"taken": None, "instant": None, "partial_date": "", name: getattr(facts, name)}
    latest = datetime.now(UTC).year
    partial_dates = (facts.partial_date for facts in sources if facts.partial_date)
    known = (date for date in partial_dates if EARLIEST_YEAR <= int(date[:4]) <= latest)
    return {"taken": None, "instant": None, "partial_date": next(known, "")}


def plausible(date: datetime | None) -> bool:
    """Return whether a photo may have been taken then: not before `EARLIEST_YEAR`, nor in the future.

    The moments at which clocks begin to count are what devices write whose clock was never set.
    """
    if date is None or date.year < EARLIEST_YEAR or date == _CLOCK_DEFAULT:
        return False
    if any(abs(date - epoch) <= _EPOCH_REACH for epoch in _EPOCHS):
        return False
    return date <= datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)  # a day: local time may be ahead of UTC


def _position(camera_sources: Sequence[PhotoFacts]) -> dict[str, float | None]:
    """Return latitude and longitude, both from the first source that states both."""
    for facts in camera_sources:
        if facts.latitude is not None and facts.longitude is not None:
            return {"latitude": facts.latitude, "longitude": facts.longitude}
    return {"latitude": None, "longitude": None}


def single_clean_line(text: str, longest: int = MAX_LINE) -> str:
    """Return the text on one line without control characters, cut to `longest` characters at the end of a word."""
    words = [word for word in map(clean_text, text[: 4 * longest].split()) if word]
    line = " ".join(words)
    if len(line) <= longest:
        return line
    cut = line.rfind(" ", 0, longest)
    return line[: cut if cut > longest // 2 else longest].rstrip()


def decode_unknown(content: bytes) -> str:
    """Decode bytes of unknown encoding: UTF-16 with a byte order mark, UTF-8 where valid, else Windows-1252."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        with suppress(UnicodeError):
            return content.decode("utf-16")
    for encoding in ("utf-8-sig", "cp1252"):
        with suppress(UnicodeError):
            return content.decode(encoding)
    return content.decode("latin-1")


def unique_terms(terms: Iterable[str]) -> tuple[str, ...]:
    """Return the terms cleaned, without duplicates that differ in case only, at most `MAX_TERMS`."""
    unique: dict[str, str] = {}
    for term in terms:
        cleaned = single_clean_line(term, MAX_KEYWORD)
        if cleaned:
            unique.setdefault(cleaned.casefold(), cleaned)
        if len(unique) == MAX_TERMS:
            break
    return tuple(unique.values())


def parse_date(text: str) -> tuple[datetime | None, str]:
    """Parse '2019:05:03 18:07:09', '2019-05-03T18:07-04:00', '20190503', '2019-05' or '1987'.

    Return the date in local time (the zone is ignored) and ""; or None and the year or month where only that is known.
    Hour 24 is midnight of the same day, as telephones write it; of a time that does not exist the day is kept.
    """
    match = _DATE.match(text)
    if match is None:
        return None, ""
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    for clock in ((0 if hour == 24 else hour, minute, min(second, 59)), (0, 0, 0)):
        with suppress(ValueError):
            return datetime(year, month, day, *clock), ""
    if year < EARLIEST_YEAR:
        return None, ""
    return None, f"{year}-{month:02}" if 1 <= month <= 12 else str(year)


def stated_date(text: str) -> PhotoFacts:
    """Return a date as facts: as `parse_date`, but a time that ends in 'Z' is an instant in UTC."""
    taken, partial_date = parse_date(text)
    match = _DATE.match(text)
    if taken and match and match[7]:
        return PhotoFacts(instant=taken)
    return PhotoFacts(taken=taken, partial_date=partial_date)


def valid_position(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    """Return the position if it is one on Earth, else None; (0, 0) is what a camera without reception writes."""
    if latitude is None or longitude is None or not math.isfinite(latitude) or not math.isfinite(longitude):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude


def parse_rating(value: object) -> int:
    """Return a rating of 1 to 5 stars, 0 where there is none (0 and -1 mean: not rated, rejected)."""
    try:
        rating = round(float(value))  # type: ignore[arg-type]  # whatever was in the file
    except (TypeError, ValueError, OverflowError):
        return 0
    return rating if 1 <= rating <= 5 else 0
