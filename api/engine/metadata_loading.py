"""Loads a table of metadata into a collection: joins its rows with indexed files, and types its columns.

A row's file is looked up by its whole path, then by its path from the table's folder, by the end of a path, by one that
differs in case or accents only, and by one without its extension.
"""

import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pagelens.api.engine.file_names import path_to_text
from pagelens.api.engine.results import MetadataReport, UnjoinedRow
from pagelens.core.errors import UsageError
from pagelens.core.metadata_fields import Field, FieldType, FieldValue, Record, value_texts
from pagelens.core.types import MEMBER_SEPARATOR
from pagelens.index.lexical.folding import fold
from pagelens.ingest.field_types import convert_values, type_column
from pagelens.ingest.metadata_table import MetadataTable, TableRow

FILE_COLUMN = "file"
MAX_NAMED = 3  # files that a report names for an ambiguous row

Fields = Mapping[str, Field]
Records = Mapping[str, Record]


class FileNames:
    """Finds files by what a table calls them."""

    def __init__(self, paths: Iterable[str], folder: Path) -> None:
        """`folder`: the table's, which relative paths begin in."""
        self._folder = _slashed(path_to_text(folder))
        self._by_path = {_slashed(path): path for path in paths}
        self._by_name: list[dict[str, list[str]]] = [defaultdict(list) for _ in _FORMS]
        for path in self._by_path:
            for (shorten, compare), names in zip(_FORMS, self._by_name, strict=True):
                names[posixpath.basename(compare(shorten(path)))].append(path)

    def find(self, name: str) -> list[str]:
        """Return the paths that a name stands for: none, one, or several that it cannot tell apart."""
        wanted = posixpath.normpath(_slashed(name))
        for path in (wanted, posixpath.normpath(f"{self._folder}/{wanted}")):
            if path in self._by_path:
                return [self._by_path[path]]
        for (shorten, compare), names in zip(_FORMS, self._by_name, strict=True):
            ending = "/" + compare(wanted.lstrip("/"))
            same_name = names.get(posixpath.basename(ending), [])
            found = [path for path in same_name if ("/" + compare(shorten(path))).endswith(ending)]
            if found:
                return [self._by_path[path] for path in found]
        return []


def _same(path: str) -> str:
    return path


def _without_extension(path: str) -> str:
    return posixpath.splitext(path)[0]


_FORMS: Sequence[tuple[Callable[[str], str], Callable[[str], str]]] = (
    (_same, _same),
    (_same, fold),
    (_without_extension, _same),
    (_without_extension, fold),
)
"""How a path is shortened, and in which form it is compared with a name; tried in this order."""


def _slashed(path: str) -> str:
    """Return a path with slashes, also of Windows and of members of containers, in Unicode's composed form."""
    return unicodedata.normalize("NFC", path.replace(MEMBER_SEPARATOR, "/").replace("\\", "/"))


def find_key_column(table: MetadataTable, wanted: str = FILE_COLUMN) -> str:
    """Return the column that names the files. Raises UsageError."""
    for name in table.columns:
        if name.casefold() == wanted.casefold():
            return name
    raise UsageError(
        f"expected a column {wanted!r} that names the files, found {', '.join(table.columns)} in {table.path}. "
        "Name the column: --metadata-key COLUMN"
    )


def load_table(
    table: MetadataTable,
    paths: Sequence[str],
    fields: Fields,
    records: Records,
    *,
    key: str = FILE_COLUMN,
    types: Mapping[str, FieldType] | None = None,
    searched: Sequence[str] | None = None,
) -> tuple[dict[str, Field], dict[str, Record], MetadataReport]:
    """Return the collection's fields and the changed records, by path, after a table, and what was joined.

    `fields` and `records` are those of before; columns that the table does not have keep their values. `types` are
    given by column, `searched` are the columns that the `words` lane finds documents by. Raises UsageError; then
    nothing is changed.
    """
    key = find_key_column(table, key)
    columns = {name: _stored_name(name, fields) for name in table.columns if name != key}
    _require_columns(table, [*(types or {}), *(searched or ())], columns)
    row_by_path, unknown, ambiguous = _join(table, key, FileNames(paths, table.path.absolute().parent))
    given = {columns[name]: kind for name, kind in (types or {}).items()}
    typed = {
        stored: type_column(
            name,
            [(row.number, row.cells[name]) for row in table.rows if name in row.cells],
            given=given.get(stored),
            known=fields[stored].type if stored in fields else None,
        )
        for name, stored in columns.items()
    }
    changed = _convert_stored(fields, records, given)
    for path, row in row_by_path.items():
        record = dict(changed.get(path, records.get(path, {})))
        for stored, column in typed.items():
            value = column.values.get(row.number)
            record.pop(stored, None)
            if value is not None and value != []:
                record[stored] = value
        changed[path] = record
    all_fields = dict(fields) | {
        stored: Field(column.type, stored in fields and fields[stored].searched) for stored, column in typed.items()
    }
    if searched is not None:
        for name, stored in columns.items():
            all_fields[stored] = replace(all_fields[stored], searched=name in searched)
    report = MetadataReport(
        table=str(table.path),
        rows=len(table.rows),
        files=len(row_by_path),
        fields={stored: column.type for stored, column in typed.items()},
        unknown=unknown,
        ambiguous=ambiguous,
        without_row=[path for path in paths if path not in row_by_path and path != path_to_text(table.path.absolute())],
    )
    return dict(sorted(all_fields.items())), changed, report


def _stored_name(name: str, fields: Fields) -> str:
    """Return the field that a column is: the collection's of this name, whatever the case."""
    return next((stored for stored in fields if fold(stored) == fold(name)), name)


def _require_columns(table: MetadataTable, wanted: Iterable[str], columns: Mapping[str, str]) -> None:
    for name in wanted:
        if name not in columns:
            raise UsageError(f"expected one of the columns {', '.join(columns)} of {table.path}, found {name!r}")


def _join(
    table: MetadataTable, key: str, names: FileNames
) -> tuple[dict[str, TableRow], list[UnjoinedRow], list[UnjoinedRow]]:
    """Return the row of each path, the rows that match no file, and those that cannot be told apart."""
    rows_by_path: dict[str, list[TableRow]] = defaultdict(list)
    unknown, ambiguous = [], []
    for row in table.rows:
        name = value_texts(row.cells[key])[0] if key in row.cells else ""
        found = names.find(name) if name else []
        if not found:
            reason = "no indexed file has this name" if name else f"the column {key!r} is empty"
            unknown.append(UnjoinedRow(row.number, name, reason))
        elif len(found) > 1:
            some = ", ".join(sorted(found)[:MAX_NAMED])
            ambiguous.append(UnjoinedRow(row.number, name, f"{len(found)} files have this name: {some}"))
        else:
            rows_by_path[found[0]].append(row)
    row_by_path = {}
    for path, rows in rows_by_path.items():
        if any(_facts(row, key) != _facts(rows[0], key) for row in rows):
            numbers = ", ".join(str(row.number) for row in rows)
            reason = f"rows {numbers} name the same file with different values: {path}"
            ambiguous += [UnjoinedRow(row.number, value_texts(row.cells[key])[0], reason) for row in rows]
        else:
            row_by_path[path] = rows[0]
    return row_by_path, unknown, sorted(ambiguous, key=lambda row: row.row)


def _facts(row: TableRow, key: str) -> dict[str, object]:
    return {name: cell for name, cell in row.cells.items() if name != key}


def _convert_stored(fields: Fields, records: Records, given: Mapping[str, FieldType]) -> dict[str, Record]:
    """Return the records whose fields get another type, converted."""
    changed: dict[str, dict[str, FieldValue]] = {}
    for name, kind in given.items():
        if name in fields and fields[name].type != kind:
            values = {path: record[name] for path, record in records.items() if name in record}
            for path, value in convert_values(name, values, kind).items():
                changed.setdefault(path, dict(records[path]))[name] = value
    return dict(changed)
