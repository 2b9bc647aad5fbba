"""Compares extracted values with expected ones, field by field."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from pagelens.core.types import Citation
from pagelens.generate.extraction.schemas import pointer_part

TOLERANCE = 0.005  # numbers that differ by less are equal: half a cent

ComparisonState = Literal["match", "mismatch", "missing", "unexpected"]
"""match: equal, also where both are null. missing: expected, but null. unexpected: null expected, but a value found."""


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """An expected value beside the extracted one, with where that stands."""

    pointer: str  # JSON pointer (RFC 6901)
    state: ComparisonState
    expected: object
    found: object
    citation: Citation | None = None


def compare_values(
    found: object, expected: object, citations: Mapping[str, Citation] | None = None
) -> list[FieldComparison]:
    """Compare every value that is expected. A field that `expected` does not name is not compared.

    Rows of a list are compared in order; those in excess are unexpected.
    """
    return list(_compare(found, expected, "", citations or {}))


def _compare(found: Any, expected: Any, pointer: str, citations: Mapping[str, Citation]) -> Sequence[FieldComparison]:
    if isinstance(expected, Mapping):
        values = found if isinstance(found, Mapping) else {}
        parts = [
            _compare(values.get(name), value, f"{pointer}/{pointer_part(name)}", citations)
            for name, value in expected.items()
        ]
        return [one for part in parts for one in part]
    if isinstance(expected, list):
        rows = found if isinstance(found, list) else []
        pairs = enumerate(zip_longest(rows, expected))
        parts = [_compare(row, want if want is not None else _nothing(row), f"{pointer}/{at}", citations)
                 for at, (row, want) in pairs]  # fmt: skip
        return [one for part in parts for one in part]
    return [
        FieldComparison(
            pointer=pointer,
            state=_state(found, expected),
            expected=expected,
            found=found,
            citation=citations.get(pointer),
        )
    ]


def _nothing(row: object) -> object:
    """Return a row of nulls like a row in excess."""
    return dict.fromkeys(row) if isinstance(row, Mapping) else None


def _state(found: object, expected: object) -> ComparisonState:
    if same_value(found, expected):
        return "match"
    if found is None:
        return "missing"
    return "unexpected" if expected is None else "mismatch"


def same_value(first: object, second: object) -> bool:
    """Tell whether two values are equal: numbers by value, texts without regard to case, blanks and kinds of dashes."""
    if isinstance(first, bool) or isinstance(second, bool) or first is None or second is None:
        return first is second
    if isinstance(first, int | float) and isinstance(second, int | float):
        return abs(first - second) < TOLERANCE
    return _plain(first) == _plain(second)


def _plain(value: object) -> str:
    text = unicodedata.normalize("NFKC", str(value)).casefold().translate(str.maketrans("’‘‐‑–—", "''----"))
    return " ".join(text.split())
