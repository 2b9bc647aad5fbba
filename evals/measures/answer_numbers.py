"""Reads numbers in answers with unit and scale, and compares them with a tolerance.

"$1.2 billion", "1,200 million US dollars" and "1200000000" are equal; so are "12%" and "0.12". English notation:
commas group digits, a point separates the fraction.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

TOLERANCE = 0.01  # relative

SCALES = {
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "millions": 1e6,
    "mn": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "billions": 1e9,
    "bn": 1e9,
    "b": 1e9,
    "trillion": 1e12,
    "tn": 1e12,
}
UNITS = {
    "%": "%",
    "percent": "%",
    "per cent": "%",
    "percentage": "%",
    "$": "usd",
    "us$": "usd",
    "usd": "usd",
    "dollars": "usd",
    "dollar": "usd",
    "€": "eur",
    "eur": "eur",
    "euros": "eur",
    "euro": "eur",
    "£": "gbp",
    "gbp": "gbp",
    "pounds": "gbp",
    "¥": "jpy",
    "yen": "jpy",
}
_SCALE = "|".join(sorted(SCALES, key=len, reverse=True))
_BEFORE = r"(?:US\$|[$€£¥])"
_AFTER = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True) if unit not in {"$", "us$"})
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<outer>{_BEFORE})?(?P<open>\()?(?P<sign>[-−–+])?\s?(?P<before>{_BEFORE})?\s?(?P<inner>[-−])?"
    rf"(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<close>\))?"
    rf"(?:\s?(?P<scale>{_SCALE})(?![A-Za-z]))?(?:\s?(?:US\s)?(?P<after>{_AFTER})(?![A-Za-z]))?(?![A-Za-z\d]|\.\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text: its value with the scale applied, and its unit ('' if it has none)."""

    value: float
    unit: str = ""


def read_numbers(text: str) -> list[Number]:
    """Return the numbers of a text in order. Brackets mean negative if there is a currency or a comma: "(1,234)"."""
    return [_number(match) for match in _NUMBER.finditer(text)]


def numeric_match(expected: Sequence[str], found: str, *, tolerance: float = TOLERANCE) -> float | None:
    """Return 1.0 if any number of the answer equals an expected one within a relative tolerance, else 0.0.

    None if no expected answer is a number. Units must agree if both have one; a share may be written 0.12 or 12%.
    """
    expected_numbers = [numbers[0] for numbers in map(read_numbers, expected) if len(numbers) == 1]
    if not expected_numbers:
        return None
    found_numbers = read_numbers(found)
    return float(
        any(
            _same(expected_number, found_number, tolerance)
            for expected_number in expected_numbers
            for found_number in found_numbers
        )
    )


def _number(match: "re.Match[str]") -> Number:
    value = float(match["digits"].replace(",", ""))
    prefix = match["outer"] or match["before"]
    bracketed = match["open"] and match["close"] and (prefix or "," in match["digits"])
    minus = match["inner"] or (match["sign"] and match["sign"] in "-−–") or bracketed
    if match["scale"]:
        value *= SCALES[match["scale"].lower()]
    unit = prefix or match["after"] or ""
    return Number(-value if minus else value, UNITS.get(unit.lower(), ""))


def _same(expected: Number, found: Number, tolerance: float) -> bool:
    if expected.unit and found.unit and expected.unit != found.unit:
        return False
    pairs = [(expected.value, found.value)]
    if (expected.unit == "%") != (found.unit == "%"):  # a bare 0.12 may stand for 12%
        share = expected.value if expected.unit == "%" else found.value
        bare = found.value if expected.unit == "%" else expected.value
        pairs.append((share / 100, bare))
    return any(math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12) for a, b in pairs)
