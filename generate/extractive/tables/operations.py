"""What a question asks of the cells of a table: a difference, a total, an average, or the first of an order.

The words are English; a question in another language asks for a cell.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

OperationKind = Literal["difference", "total", "average", "maximum", "minimum"]

_ORDINALS: Mapping[str, int] = {
    "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "fifth": 5, "5th": 5,
}  # fmt: skip
_COMPARATIVE = r"more|less|fewer|higher|lower|greater|larger|smaller|longer|shorter|older|better|worse|cheaper"
_PATTERNS: Mapping[OperationKind, str] = {
    "difference": rf"\bdifferences?\b|\bgap\b|\b(how|by what) (much|many)( [a-z]+)? ({_COMPARATIVE})\b"
    r"|\b(how much|how many|by what)\b.*\b(increase|decrease|grow|grew|rise|rose|fall|fell|drop|decline|change|grown)"
    r"[a-z]*\b.*\b(from|between|over|since)\b",
    "average": r"\baveraged?\b|\bmean (of|value)\b",
    "total": r"\b(sum|total|combined|collectively|altogether|together|in all)\b",
    "maximum": r"\b(highest|largest|biggest|greatest|most|maximum|top|best|longest)\b",
    "minimum": r"\b(lowest|smallest|least|fewest|minimum|worst|shortest)\b",
}
_COMPILED = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _PATTERNS.items()}
_ORDINAL = re.compile(
    rf"\b({'|'.join(_ORDINALS)})[- ](?={_PATTERNS['maximum'][3:-3]}|{_PATTERNS['minimum'][3:-3]})", re.I
)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation over cells; of an order, the place that is asked for, from 1."""

    kind: OperationKind
    place: int = 1

    @property
    def is_order(self) -> bool:
        """Whether it picks one of the cells."""
        return self.kind in ("maximum", "minimum")


def find_operations(question: str) -> list[Operation]:
    """Return the operations that a question may ask for, the most specific first; none if it asks for a cell."""
    found = [Operation(kind) for kind, pattern in _COMPILED.items() if pattern.search(question)]
    ordinal = _ORDINAL.search(question)
    if ordinal:
        place = _ORDINALS[ordinal.group(1).lower()]
        found = [Operation(item.kind, place) if item.is_order else item for item in found]
    return found
