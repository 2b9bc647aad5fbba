"""What a question asks of the cells of a table: a difference, a total, an average, the first of an order, or those
above or below a number.

The words are English; a question in another language asks for a cell.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pagelens.generate.citations.numbers import NUMBER, SCALES, possible_values

OperationKind = Literal["difference", "total", "average", "maximum", "minimum", "above", "below"]

_ORDINALS: Mapping[str, int] = {
    "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "fifth": 5, "5th": 5,
}  # fmt: skip
YEAR = re.compile(r"(?:19|20)\d\d")
_COMPARATIVE = r"more|less|fewer|higher|lower|greater|larger|smaller|longer|shorter|older|better|worse|cheaper"
_PATTERNS: Mapping[OperationKind, str] = {
    "difference": rf"\bdifferences?\b|\bgap\b|\b(how|by what) (much|many)( [a-z]+)? ({_COMPARATIVE})\b"
    r"|\b(how much|how many|by what)\b.*\b(increase|decrease|grow|grew|rise|rose|fall|fell|drop|decline|change|grown)"
    r"[a-z]*\b.*\b(from|between|over|since)\b",
    "average": r"\baveraged?\b|\bmean (of|value)\b",
    "total": r"\b(sum|total|combined|collectively|altogether|together|in all)\b",
    "maximum": r"\b(highest|largest|biggest|greatest|(?<!at )most|maximum|top|best|longest)\b",
    "minimum": r"\b(lowest|smallest|(?<!at )least|fewest|minimum|worst|shortest)\b",
}
_COMPILED = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _PATTERNS.items()}
_ORDINAL = re.compile(
    rf"\b({'|'.join(_ORDINALS)})[- ](?={_PATTERNS['maximum'][3:-3]}|{_PATTERNS['minimum'][3:-3]})", re.I
)
_BOUND = re.compile(
    r"\b(?:(?P<above>(?:more|greater|higher|larger|longer|older|better) than|over|above|exceed\w*)"
    r"|(?P<from>at least)|(?P<below>(?:less|fewer|lower|smaller|shorter|younger) than|under|below)"
    r"|(?P<to>at most|up to))"
    rf"\s+[$€£₹]?\s?(?P<minus>[-−–])?(?P<number>{NUMBER.pattern})"
    rf"(?:\s?(?P<scale>{'|'.join(sorted(SCALES, key=len, reverse=True))})\b)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation over cells; of an order, the place that is asked for, from 1; of a comparison, the bound."""

    kind: OperationKind
    place: int = 1
    bound: Decimal = Decimal(0)
    scale: str = ""  # of the bound, which is not multiplied by it
    has_bound: bool = False  # whether the bound itself is asked for too

    @property
    def is_order(self) -> bool:
        """Whether it picks one of the cells."""
        return self.kind in ("maximum", "minimum")

    @property
    def is_comparison(self) -> bool:
        """Whether it picks the cells above or below a number."""
        return self.kind in ("above", "below")

    def holds(self, value: Decimal, bound: Decimal) -> bool:
        """Return whether a value is above or below a bound, or is one that is asked for with it."""
        return (value > bound if self.kind == "above" else value < bound) or (self.has_bound and value == bound)


def find_operations(question: str) -> list[Operation]:
    """Return the operations that a question may ask for, the most specific first; none if it asks for a cell."""
    found = [Operation(kind) for kind, pattern in _COMPILED.items() if pattern.search(question)]
    found += _comparisons(question)
    ordinal = _ORDINAL.search(question)
    if ordinal:
        place = _ORDINALS[ordinal.group(1).lower()]
        found = [Operation(item.kind, place) if item.is_order else item for item in found]
    return found


def _comparisons(question: str) -> list[Operation]:
    """Return the comparison with a number that is no year: "more than 6 times", "under $250M"."""
    found = []
    for match in _BOUND.finditer(question):
        values = possible_values(match["number"])
        if not values or YEAR.fullmatch(match["number"]):
            continue
        found.append(
            Operation(
                "above" if match["above"] or match["from"] else "below",
                bound=-max(values) if match["minus"] else max(values),
                scale=(match["scale"] or "").lower(),
                has_bound=bool(match["from"] or match["to"]),
            )
        )
    return found
