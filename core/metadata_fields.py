"""Values of metadata fields: their types, and numbers and dates read from text."""

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

FieldType = Literal["number", "date", "text", "list"]
FieldValue = int | float | str | Sequence[str]
"""A number; a date as ISO 8601 text; a text; or a list of texts."""

Record = Mapping[str, FieldValue]
"""The values of one row of a metadata table, by field name."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a collection's metadata tables."""

    type: FieldType
    searched: bool = False  # whether the `words` lane finds documents by its text


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.I)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_TICK = timedelta(microseconds=1)
MAX_DIGITS = 300  # of a number: Python's floats end at 1e308


def parse_number(text: str) -> int | float | None:
    """Return the number that a text like "49.90", "-3" or "1e6" is; None for anything else."""
    text = text.strip()
    if len(text) > MAX_DIGITS or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    if number in (float("inf"), float("-inf")):
        return None
    return int(text) if text.lstrip("+-").isascii() and text.lstrip("+-").isdigit() else number


def parse_date(text: str) -> tuple[datetime, datetime] | None:
    """Return the first and the last instant of a year, a month, a day or a time; None for anything else.

    Forms: 2021, 2021-06, 2021-06-30, 30.06.2021, 2021-06-30T10:15, with seconds and offset. A time with an offset is in
    UTC; all others are naive.
    """
    text = text.strip()
    day_first = _DAY_FIRST.fullmatch(text)
    year_first = _DATE.fullmatch(text)
    try:
        if day_first:
            return _period(day_first[3], day_first[2], day_first[1])
        return _period(year_first[1], year_first[2], year_first[3]) if year_first else _parse_time(text)
    except (ValueError, OverflowError):
        return None


def _period(year: str, month: str | None, day: str | None) -> tuple[datetime, datetime]:
    first = datetime(int(year), int(month or 1), int(day or 1))
    last_month = int(month or 12)
    last = datetime(int(year), last_month, int(day or monthrange(int(year), last_month)[1]))
    return first, last + (timedelta(days=1) - _TICK)


def _parse_time(text: str) -> tuple[datetime, datetime]:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is not None:
        instant = instant.astimezone(UTC).replace(tzinfo=None)
    return instant, instant


def value_texts(value: FieldValue | bool) -> list[str]:
    """Return a value as texts, the items of a list each for itself, as filters compare them and people read them."""
    if isinstance(value, bool):
        return [str(value)]
    if isinstance(value, str | int | float):
        return [format_number(value) if isinstance(value, int | float) else value]
    return [str(item) for item in value]


def format_number(value: int | float) -> str:
    """Return a number as text: 12 for 12.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
