"""Types of metadata columns: inferred from the cells, given by name, or known to the collection already.

A column of numbers is a number field, also with a decimal comma, separators of thousands or one currency sign; a column
of dates a date field; one with lists, or with short items separated by | or ;, a list field; anything else is text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pagelens.core.errors import UsageError
from pagelens.core.metadata_fields import FieldType, FieldValue, parse_date, parse_number, value_texts
from pagelens.ingest.metadata_table import Cell

NUMERIC_SHARE = 0.8
"""Of the cells of a column: from this share of numbers (or dates) on, the other cells are an error, below it all are
text."""
MAX_ITEM_WORDS, MAX_ITEM_CHARACTERS = 4, 40  # of an item of a list in one cell; sentences are no lists

_EMPTY = {"", "-", "--", "n/a", "na", "null", "none", "nan", "#n/a"}  # in a column of numbers or dates
_SIGNS = "$€£¥₹₽₩₺"
_POINT = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")  # 1,234.50
_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")  # 1.234,50 and 12,5
_PADDED = re.compile(r"[+-]?0\d+")  # 00123: an article number or a post code
_SPACES = " \u00a0\u202f"
_SORTABLE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_ISO = re.compile(r"\d{4}-\d{1,2}(-\d{1,2}.*)?|\d{1,2}\.\d{1,2}\.\d{4}")  # "2019" alone is a number

Numbered = Sequence[tuple[int, Cell]]
"""Cells with the numbers of their rows."""


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """A column's type and its values by row number; None removes a value."""

    type: FieldType
    values: Mapping[int, FieldValue | None]


def parse_types(pairs: Mapping[str, str]) -> dict[str, FieldType]:
    """Return the types given by name. Raises UsageError."""
    known: dict[str, FieldType] = {name: name for name in get_args(FieldType)}
    for name, found in pairs.items():
        if found not in known:
            raise UsageError(f"expected a type of {name!r} among {', '.join(known)}, found {found!r}")
    return {name: known[found] for name, found in pairs.items()}


def type_column(name: str, cells: Numbered, *, given: FieldType | None, known: FieldType | None) -> TypedColumn:
    """Return the column as values of one type: the given one, else the collection's, else the inferred one.

    Raises UsageError for a cell that is none of this type.
    """
    wanted = given or known or _infer(name, cells)
    return TypedColumn(wanted, _convert(name, cells, wanted, why="" if given or known is None else _KNOWN))


_KNOWN = ", its type in this collection"


def convert_values(name: str, values: Mapping[str, FieldValue], wanted: FieldType) -> dict[str, FieldValue]:
    """Return stored values, by path, as another type. Raises UsageError."""
    cells = [
        (position, list(value) if not isinstance(value, str | int | float) else value)
        for position, value in enumerate(values.values(), start=1)
    ]
    converted = _convert(name, cells, wanted, why=", the type given now, also of values loaded before")
    return {path: value for path, value in zip(values, converted.values(), strict=True) if value is not None}


def _infer(name: str, cells: Numbered) -> FieldType:
    if any(isinstance(cell, list) for _, cell in cells):
        return "list"
    filled = [(row, cell) for row, cell in cells if str(cell).casefold() not in _EMPTY]
    texts = [cell for _, cell in filled if isinstance(cell, str)]
    if not filled:
        return "text"
    if not any(map(_PADDED.fullmatch, texts)):
        _require_uniform(name, filled, _numbers(filled), "number")
        if all(number is not None for number in _numbers(filled)):
            return "number"
    if len(texts) == len(filled):
        dates = [parse_date(text) if _ISO.match(text) else None for text in texts]
        _require_uniform(name, filled, dates, "date")
        if all(dates):
            return "date"
    return "list" if _are_lists(texts) else "text"


def _require_uniform(name: str, cells: Numbered, parsed: Sequence[object], kind: str) -> None:
    """Raise UsageError where nearly all cells are of a kind and some are not."""
    found = sum(value is not None for value in parsed)
    if not NUMERIC_SHARE * len(cells) <= found < len(cells):
        return
    row, cell = next(cell for cell, value in zip(cells, parsed, strict=True) if value is None)
    raise UsageError(
        f"expected a {kind} in each row of column {name!r}, as in {found} of {len(cells)} rows, found {cell!r} in row "
        f"{row}. Correct the cell or leave it empty, or give the type: --metadata-type {name}=text"
    )


def _numbers(cells: Numbered) -> list[int | float | None]:
    """Return the cells as numbers, written with a point, or all with a decimal comma; None for other cells."""
    texts = [cell for _, cell in cells if isinstance(cell, str)]
    signs = {char for text in texts for char in text if char in _SIGNS}
    bare = {text: text.strip(_SIGNS + _SPACES) if len(signs) == 1 else text for text in texts}
    style = _style(list(bare.values()))
    return [_number(bare[cell], style) if isinstance(cell, str) else _as_number(cell) for _, cell in cells]


def _style(texts: Sequence[str]) -> Literal["plain", "point", "comma"]:
    """Return how numbers are written: a text that can only be one style decides, as "1,234" alone cannot."""
    commas = any(_COMMA.fullmatch(text) and not _POINT.fullmatch(text) and parse_number(text) is None for text in texts)
    points = any(
        "." in text and not _COMMA.fullmatch(text) and (_POINT.fullmatch(text) or parse_number(text) is not None)
        for text in texts
    )
    if commas == points:
        return "plain"
    return "comma" if commas else "point"


def _number(text: str, style: str) -> int | float | None:
    if style == "comma" and _COMMA.fullmatch(text):
        return parse_number(text.replace(".", "").replace(",", "."))
    if style == "point" and _POINT.fullmatch(text):
        return parse_number(text.replace(",", ""))
    return parse_number(text)


def _as_number(cell: Cell) -> int | float | None:
    return cell if isinstance(cell, int | float) else None


def _are_lists(texts: Sequence[str]) -> bool:
    """Return whether cells hold short items between | or ;, at least one of them several."""
    separator = _separator(texts)
    items = [item for text in texts for item in split_items(text, separator)]
    return any(separator in text for text in texts) and all(
        len(item) <= MAX_ITEM_CHARACTERS and len(item.split()) <= MAX_ITEM_WORDS for item in items
    )


def _separator(texts: Sequence[str]) -> str:
    return "|" if any("|" in text for text in texts) else ";"


def split_items(text: str, separator: str) -> list[str]:
    """Return the items of a list that stands in one cell."""
    return [item.strip() for item in text.split(separator) if item.strip()]


def _convert(name: str, cells: Numbered, wanted: FieldType, *, why: str) -> dict[int, FieldValue | None]:
    if wanted == "number":
        numbers = _numbers([(row, cell) for row, cell in cells if not _is_empty(cell)])
        found = iter(numbers)
        return {
            row: None if _is_empty(cell) else _require(name, row, cell, next(found), wanted, why) for row, cell in cells
        }
    if wanted == "date":
        return {
            row: None if _is_empty(cell) else _require(name, row, cell, _date(cell), wanted, why) for row, cell in cells
        }
    if wanted == "list":
        separator = _separator([cell for _, cell in cells if isinstance(cell, str)])
        return {
            row: split_items(cell, separator) if isinstance(cell, str) else value_texts(cell) for row, cell in cells
        }
    lists = [(row, cell) for row, cell in cells if isinstance(cell, list)]
    if lists:
        row, cell = lists[0]
        _require(name, row, cell, None, wanted, why)
    return {row: cell if isinstance(cell, str) else value_texts(cell)[0] for row, cell in cells}


def _is_empty(cell: Cell) -> bool:
    return isinstance(cell, str) and cell.casefold() in _EMPTY


def _date(cell: Cell) -> str | None:
    text = value_texts(cell)[0] if not isinstance(cell, list) else ""
    period = parse_date(text)
    if period is None:
        return None
    if _SORTABLE.fullmatch(text):
        return text
    return period[0].isoformat() if period[0] == period[1] else period[0].date().isoformat()


def _require(name: str, row: int, cell: Cell, value: FieldValue | None, wanted: str, why: str) -> FieldValue:
    if value is None:
        raise UsageError(
            f"expected a {wanted} in column {name!r}{why}, found {cell!r} in row {row}. Correct the cell or leave it "
            f"empty, or give the column another type: --metadata-type {name}=text"
        )
    return value
