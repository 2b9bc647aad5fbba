"""Conditions on metadata: equal values, globs and ranges, compared by the type of the field.

A condition is a text: `value` or a glob, `!=value`, `10..50` (both ends included, either may be left out), `>=10`,
`<2021-06`. A date stands for its whole year, month or day: `>2021` begins with 2022.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from pagelens.core.errors import UsageError
from pagelens.core.metadata_fields import Field, FieldValue, parse_date, parse_number, value_texts
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.lexical.folding import fold

Values = Mapping[str, FieldValue | bool]
"""The metadata of a document by folded key."""

Fields = Mapping[str, Field]

_COMPARED = re.compile(r"\s*(>=|<=|!=|>|<)\s*(.*)", re.S)


@dataclass(frozen=True)
class Condition:
    """A condition on the values of a key."""

    key: str  # folded
    text: str  # as given
    type: str = ""  # of the field; "": the key is of the files' own metadata, compared as what its values are

    def matches(self, values: Values) -> bool:
        """Return whether a document with these values, by folded key, matches."""
        if self.key not in values:
            return False
        value = values[self.key]
        if self._negated:
            return not self._equals(value, self.text.strip()[2:].strip())
        if self._bounds is not None:
            low, high = self._bounds
            if any(low.admits_from(item) and high.admits_to(item) for item in value_texts(value)):
                return True
            if self.type:
                return False
        return self._equals(value, self.text)

    @property
    def _negated(self) -> bool:
        return self.text.lstrip().startswith("!=")

    def _equals(self, value: FieldValue | bool, wanted: str) -> bool:
        if self.type == "number" and (number := parse_number(wanted)) is not None:
            return value == number
        if self.type == "date" and (period := parse_date(wanted)) is not None:
            parsed = parse_date(str(value))
            return parsed is not None and period[0] <= parsed[0] <= period[1]
        glob = fold(wanted)
        texts = [fold(text) for text in value_texts(value)]
        parts = texts if self.type else [part for text in texts for part in (text, *text.split("; "))]
        return any(item == glob or fnmatchcase(item, glob) for item in parts)

    @cached_property
    def _bounds(self) -> "tuple[_Bound, _Bound] | None":
        """The ends of the range; None where the condition is none. Raises UsageError."""
        compared = _COMPARED.fullmatch(self.text)
        if self._negated:
            return None
        if self.type in ("text", "list"):
            self._refuse_range(compared is not None)
            return None
        if compared is not None:
            end = self._bound(compared[2], strict=compared[1] in ("<", ">"))
            return (end, _OPEN) if compared[1].startswith(">") else (_OPEN, end)
        ends = self._ends()
        if ends is None:
            return None
        low, high = (self._bound(end) if end else _OPEN for end in ends)
        if low.is_above(high):
            raise UsageError(f"expected the lower end of the range of {self.key!r} first, found {self.text!r}")
        return low, high

    def _ends(self) -> tuple[str, str] | None:
        """Return the ends of `10..50`, "" for one that is left out; None where the text is no such range."""
        low, dots, high = (part.strip() for part in self.text.partition(".."))
        return (low, high) if dots and (low or high) else None

    def _refuse_range(self, compared: bool) -> None:
        """Raise UsageError where texts are to be compared by size; `a..b` is a text like any other."""
        ends = self._ends() or ()
        if compared or any(parse_number(end) is not None or parse_date(end) for end in ends):
            raise UsageError(
                f"expected a number or a date field for the range {self.text!r}, found {self.key!r}, a {self.type} "
                f"field. Give a value or a glob, or load the table again with --metadata-type {self.key}=number"
            )

    def _bound(self, text: str, *, strict: bool = False) -> "_Bound":
        number, period = parse_number(text), parse_date(text)
        wanted = {"number": number is not None, "date": period is not None}
        if not wanted.get(self.type, any(wanted.values())):
            if not self.type:
                return _Bound(None, None, strict, never=True)  # a text such as "a..b"
            raise UsageError(f"expected a {self.type} in the range of {self.key!r}, found {text!r}")
        return _Bound(None if self.type == "date" else number, None if self.type == "number" else period, strict=strict)


@dataclass(frozen=True, slots=True)
class _Bound:
    """One end of a range: a number, a period of time, either where both are possible ("2019"), or open."""

    number: int | float | None
    period: tuple[datetime, datetime] | None
    strict: bool = False
    never: bool = False

    def admits_from(self, text: str) -> bool:
        """Return whether a value is at this lower end or above it."""
        if self.number is not None and (number := parse_number(text)) is not None:
            return number > self.number if self.strict else number >= self.number
        if self.period is not None and (found := parse_date(text)) is not None:
            return found[0] > self.period[1] if self.strict else found[0] >= self.period[0]
        return self is _OPEN

    def admits_to(self, text: str) -> bool:
        """Return whether a value is at this upper end or below it."""
        if self.number is not None and (number := parse_number(text)) is not None:
            return number < self.number if self.strict else number <= self.number
        if self.period is not None and (found := parse_date(text)) is not None:
            return found[0] < self.period[0] if self.strict else found[0] <= self.period[1]
        return self is _OPEN

    def is_above(self, other: "_Bound") -> bool:
        """Return whether no value can be between this end and a higher one."""
        if self.number is not None and other.number is not None:
            return self.number > other.number
        return self.period is not None and other.period is not None and self.period[0] > other.period[1]


_OPEN = _Bound(None, None)


def read_conditions(metadata: Mapping[str, str | Sequence[str]], fields: Fields) -> list[Condition]:
    """Return the conditions of `Filters.metadata`; all must hold. Raises UsageError for one that cannot be."""
    types = {fold(name): field.type for name, field in fields.items()}
    conditions = []
    for key, texts in metadata.items():
        for text in [texts] if isinstance(texts, str) else texts:
            condition = Condition(fold(key), text, types.get(fold(key), ""))
            _ = condition._bounds
            conditions.append(condition)
    return conditions


def values_by_record(row: DocumentRow) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the position of each path that has a record, and the document's metadata with it, by folded key.

    A document without records has its own metadata only, with the first path.
    """
    own = {fold(key): value for key, value in row.document.metadata.items()}
    found = [position for position, record in enumerate(row.records) if record]
    for position in found or [0]:
        record = row.records[position] if found else {}
        yield position, {**own, **{fold(key): value for key, value in record.items()}}


def matching_records(row: DocumentRow, conditions: Sequence[Condition]) -> list[tuple[int, dict[str, Any]]]:
    """Return those of `values_by_record` for which all conditions hold."""
    return [
        (position, values)
        for position, values in values_by_record(row)
        if all(condition.matches(values) for condition in conditions)
    ]
