"""CSV and TSV: finds the delimiter and the header, and writes each row as a line with its column names."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence

from pagelens.core.types import Metadata

_DELIMITERS = "\t;,|"  # where two serve equally well, the first: a comma also stands in numbers and texts
_SAMPLE_ROWS = 60
_MAX_FIELD = 1 << 20  # characters of a value
_SEPARATOR_LINE = re.compile(r"\Asep=(.)\r?\n", re.I)  # as Excel writes it
_NUMBER = re.compile(r"[+-]?[\d.,'\s]*\d[\d.,'\s]*%?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*")


def table_lines(text: str) -> tuple[list[str], Metadata]:
    """Return a line for each row, "Name: value; Name: value", and facts: the number of rows and the column names.

    Rows above the header, such as a heading of the table, are lines of their own. Empty values are left out.
    """
    delimiter, body = find_delimiter(text)
    rows = _rows(body, delimiter)
    if not rows:
        return [], {"rows": 0}
    header = _header_row(rows)
    if header is None:
        return [_join(row) for row in rows], {"rows": len(rows)}
    names, above, below = rows[header], rows[:header], rows[header + 1 :]
    columns = _join(names)
    lines = [*map(_join, above), *(_row_line(names, row) for row in below)]
    return lines or [columns], {"rows": len(below), "columns": columns}


def find_delimiter(text: str) -> tuple[str, str]:
    """Return the delimiter of a table's values, stated ("sep=;") or found, and the text without the statement."""
    stated = _SEPARATOR_LINE.match(text)
    body = text[stated.end() :] if stated else text
    return stated[1] if stated else _delimiter(body), body


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """Return the rows that have a value, each value on one line."""
    csv.field_size_limit(_MAX_FIELD)
    reader = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return rows
        except csv.Error:
            return [[line] for line in text.splitlines() if line.strip()]  # an unclosed quote: the lines as they are
        values = [" ".join(value.split()) for value in row]
        if any(values):
            rows.append(values)


def _delimiter(text: str) -> str:
    sample = "".join(text.splitlines(keepends=True)[:_SAMPLE_ROWS])
    return max(_DELIMITERS, key=lambda delimiter: (_consistency(sample, delimiter), -_DELIMITERS.index(delimiter)))


def _consistency(sample: str, delimiter: str) -> float:
    """Return the share of rows that have the usual number of values; 0 where that is one."""
    rows = _rows(sample, delimiter)
    width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
    return count / len(rows) if width > 1 else 0.0


def _header_row(rows: Sequence[Sequence[str]]) -> int | None:
    """Return the position of the row with the column names; None where no row has any."""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    first = next((at for at, row in enumerate(rows) if len(row) == width and not _is_heading(row)), None)
    names = [name for name in rows[first] if name] if first is not None else []
    is_header = (
        first is not None
        and first + 1 < len(rows)
        and len(names) >= max(1, width - 1)
        and len(set(names)) == len(names)
        and not any(map(_NUMBER.fullmatch, names))
        and max(map(len, names)) <= 120
    )
    return first if is_header else None


def _is_heading(row: Sequence[str]) -> bool:
    """Tell whether a row holds a heading of the table alone, filled up with empty values as spreadsheets do."""
    return len(row) > 2 and not any(row[1:])


def _row_line(names: Sequence[str], row: Sequence[str]) -> str:
    named = [f"{name}: {value}" if name else value for name, value in zip(names, row, strict=False) if value]
    return _join([*named, *row[len(names) :]])


def _join(values: Sequence[str]) -> str:
    return "; ".join(filter(None, values))
