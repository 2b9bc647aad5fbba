"""Where a value stands on a page in the page's own notation: 1234.5 as "1.234,50", 2025-03-12 as "12. März 2025"."""

import re
from datetime import date

from pagelens.core.types import PageText
from pagelens.generate.extraction.comparison import same_value
from pagelens.generate.extraction.field_values import Notation, currency_span, find_currencies, find_dates, parse_amount

MIN_CODE = 8  # characters of a code that may be written with blanks, like an IBAN

_NUMBER = re.compile(r"[-–−]?\d+(?:[.,'’ \u00a0\u202f\u2009]\d+)*")
_CODE = re.compile(r"[A-Z0-9]+")


def find_written(value: object, text: PageText, notation: Notation) -> tuple[int, int] | None:
    """Return the span of a number, an ISO date, a currency's code or a code without its blanks; None if not there."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _find_number(float(value), text.text, notation)
    if not isinstance(value, str):
        return None
    if _is_date(value):
        dates = find_dates(text.text, notation)
        return next(((start, end) for start, end, iso in dates if iso == value), None)
    if value in find_currencies(text.text):
        return currency_span(text.text, value)
    if len(value) >= MIN_CODE and _CODE.fullmatch(value):
        match = re.search(r"\s?".join(value), text.text)
        return match.span() if match else None
    return None


def _find_number(value: float, text: str, notation: Notation) -> tuple[int, int] | None:
    """Return the first number that is the value; its sign may stand elsewhere: in a column of debits."""
    for match in _NUMBER.finditer(text):
        candidates = [match.span()]
        if " " in match[0] or "\u00a0" in match[0]:  # "2 850,00" may be two numbers
            candidates += [
                (match.start() + part.start(), match.start() + part.end()) for part in re.finditer(r"\S+", match[0])
            ]
        for start, end in candidates:
            number = parse_amount(text[start:end], notation)
            if number is not None and same_value(abs(number), abs(value)):
                return start, end
    return None


def _is_date(value: str) -> bool:
    try:
        return len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False
