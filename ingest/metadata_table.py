"""Reads tables of metadata: CSV, JSON lines and Parquet files as rows of values by column."""

import csv
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from pagelens.core.errors import UsageError
from pagelens.ingest.readers.texts.delimited import find_delimiter
from pagelens.ingest.text.decoding import decode

Cell = str | int | float | list[str]

MAX_BYTES = 256 << 20  # of a table
MAX_ROWS = 1_000_000
MAX_COLUMNS = 200
MAX_CELL = 20_000  # characters of a value
MAX_NAME = 100  # characters of a column's name
SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet")

_OPERATORS = "=<>!"


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: its number, from 1 for the first row of values, and its cells by column; empty cells are left out."""

    number: int
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class MetadataTable:
    """A table with its columns in order."""

    path: Path
    columns: Sequence[str]
    rows: Sequence[TableRow]


def read_table(path: Path) -> MetadataTable:
    """Read a table by its extension. Raises UsageError for a file that cannot be read, with the row at fault."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"expected a table named {', '.join(SUFFIXES)}, found {path.name!r}")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UsageError(f"expected a table of at most {MAX_BYTES >> 20} MB, found {size >> 20} MB: {path}")
        if suffix == ".parquet":
            records = _parquet_records(path)
        elif suffix in (".jsonl", ".ndjson"):
            records = _json_records(path, decode(path.read_bytes()).text)
        else:
            records = _delimited_records(path, decode(path.read_bytes()).text)
        return _table(path, records)
    except OSError as exc:
        raise UsageError(f"expected to read the table {path}, found: {exc}") from exc


def _table(path: Path, records: Iterable[tuple[int, Mapping[str, Any]]]) -> MetadataTable:
    columns: dict[str, None] = {}
    rows = []
    for number, record in records:
        if number > MAX_ROWS:
            raise UsageError(f"expected at most {MAX_ROWS:,} rows, found more in {path}. Split the table.")
        columns |= dict.fromkeys(record)
        cells = {name: _cell(path, number, name, value) for name, value in record.items()}
        rows.append(TableRow(number, {name: cell for name, cell in cells.items() if cell is not None}))
    if len(columns) > MAX_COLUMNS:
        raise UsageError(f"expected at most {MAX_COLUMNS} columns, found {len(columns)} in {path}")
    for name in columns:
        _require_usable_name(path, name)
    if not rows:
        raise UsageError(f"expected a header and at least one row of values, found none in {path}")
    return MetadataTable(path, list(columns), rows)


def _require_usable_name(path: Path, name: str) -> None:
    if not name or len(name) > MAX_NAME or not name.isprintable() or any(char in name for char in _OPERATORS):
        raise UsageError(
            f"expected column names of 1 to {MAX_NAME} characters without {' '.join(_OPERATORS)}, found "
            f"{name[:MAX_NAME]!r} in {path}. Rename the column."
        )


def _cell(path: Path, number: int, column: str, value: Any) -> Cell | None:
    """Return a value as a number, a text or a list of texts; None for an empty one."""
    if isinstance(value, list | tuple):
        items = [_cell(path, number, column, item) for item in value]
        if any(isinstance(item, list) for item in items):
            raise UsageError(f"expected a list of texts in column {column!r}, found a list of lists in row {number}")
        return [str(item) for item in items if item is not None] or None
    if value is None or (isinstance(value, float) and value != value):  # NaN
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise UsageError(f"expected a finite number in column {column!r}, found {value} in row {number} of {path}")
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if not isinstance(value, str):
        raise UsageError(
            f"expected a number, a text or a list in column {column!r}, found {type(value).__name__} in row {number} "
            f"of {path}"
        )
    text = unicodedata.normalize("NFC", value.replace("\0", "")).strip()
    if len(text) > MAX_CELL:
        raise UsageError(
            f"expected at most {MAX_CELL:,} characters in column {column!r}, found {len(text):,} in row {number} of "
            f"{path}. Index the text as a file of its own."
        )
    return text or None


def _column_names(path: Path, names: Sequence[str]) -> list[str]:
    """Return the header's names; a column without a name has "". Raises UsageError for a name that stands twice."""
    cleaned = [unicodedata.normalize("NFC", " ".join(name.split())) for name in names]
    twice = [name for name, count in Counter(name.casefold() for name in cleaned if name).items() if count > 1]
    if twice:
        raise UsageError(f"expected each column once, found {twice[0]!r} twice in {path}. Rename one of them.")
    return cleaned


def _delimited_records(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    delimiter, body = find_delimiter(text)
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL * 2))
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    number = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if names is None:
                names = _column_names(path, cells)
                continue
            number += 1
            surplus = [cell for cell in cells[len(names) :] if cell.strip()]
            if surplus:
                raise UsageError(
                    f"expected {len(names)} values, as the header has, found {len(cells)} in row {number} (line "
                    f"{reader.line_num}) of {path}: put values that hold {delimiter!r} in quotes"
                )
            yield number, {name: cell for name, cell in zip(names, cells, strict=False) if name}
    except csv.Error as exc:
        raise UsageError(f"expected a table, found in line {reader.line_num} of {path}: {exc}") from exc


def _json_records(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    for line_number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise UsageError(f"expected a JSON object in line {line_number} of {path}, found: {exc}") from exc
        if not isinstance(record, dict):
            raise UsageError(f"expected a JSON object in line {line_number} of {path}, found {type(record).__name__}")
        number += 1
        yield number, dict(zip(_column_names(path, list(record)), record.values(), strict=True))


def _parquet_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        parquet = import_module("pyarrow.parquet")  # heavy and optional
    except ImportError as exc:
        raise UsageError("expected pyarrow to read Parquet, found none. Run: pip install 'pagelens[parquet]'") from exc
    try:
        with parquet.ParquetFile(path) as file:
            names = _column_names(path, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches():
                for record in batch.to_pylist():
                    number += 1
                    yield number, dict(zip(names, record.values(), strict=True))
    except ValueError as exc:  # pyarrow.ArrowInvalid is one
        raise UsageError(f"expected a Parquet file at {path}, found: {exc}") from exc
