"""Printed page labels of PDFs, computed from their rules (ISO 32000-1, 12.4.2)."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Style = Literal["D", "R", "r", "A", "a", ""]

_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
_MAX_NUMERAL = 5000  # larger numbers are written in digits instead of letters or Roman numerals


class LabelRule(NamedTuple):
    """From page `start` (from 0) on, labels are `prefix` and a number that begins at `first`; style "": no number."""

    start: int
    style: Style
    prefix: str
    first: int


def page_label(rules: Sequence[LabelRule], index: int) -> str | None:
    """Return the label of the page at `index` (from 0), None where no rule covers it. `rules` are in page order."""
    rule = next((rule for rule in reversed(rules) if rule.start <= index), None)
    if rule is None:
        return None
    return (rule.prefix + _numeral(rule.style, rule.first + index - rule.start)).strip() or None


def _numeral(style: Style, number: int) -> str:
    if not style:
        return ""
    if style == "D" or not 0 < number <= _MAX_NUMERAL:
        return str(number)
    written = roman(number) if style in "Rr" else letters(number)
    return written.upper() if style in "RA" else written


def roman(number: int) -> str:
    """Return a positive number in lower-case Roman numerals."""
    written = ""
    for value, numeral in _ROMAN:
        count, number = divmod(number, value)
        written += numeral * count
    return written


def letters(number: int) -> str:
    """Return 1 as a, 26 as z, 27 as aa, 28 as bb, as the standard does; spreadsheets count differently."""
    repeats, letter = divmod(number - 1, 26)
    return chr(ord("a") + letter) * (repeats + 1)
