"""Checksums of the catalog's rows: SQLite notices damage to its own pages of data, not to what a row says.

`checksums` has the CRC-32 of the row of each page, under the page's key, and of each document, under the key of its
page number 0. Rows without one were written by an older PageLens and are not checked.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Float, Integer, LargeBinary, Table, delete, insert, select

from pagelens.core.keys import NUMBER_BITS, document_of, number_of
from pagelens.index.catalog import tables as t

BATCH = 2_000  # rows read at a time
REPAIR = "Run: pagelens doctor --repair, then index its file again"

_CHANGING = {"live", "pages_in", "staged_path"}  # columns of a document that is being indexed


def document_checksum_key(document: int) -> int:
    """Return the key of a document's own row."""
    return document << NUMBER_BITS


def row_checksum(table: Table, row: Mapping[Any, Any]) -> int:
    """Return the CRC-32 of a row's values, as they are read back."""
    values = [_canonical(column, row[column.name]) for column in table.columns if column.name not in _CHANGING]
    return zlib.crc32(json.dumps(values, default=str).encode())


def record(connection: Connection, table: Table, rows: Iterable[Mapping[Any, Any]]) -> None:
    """Record the checksums of rows of `documents` or `pages` that were inserted or changed in this transaction."""
    checked = [
        {"key": _key(table, row), "document": row["document" if table is t.pages else "key"], "crc": crc}
        for row, crc in ((row, row_checksum(table, row)) for row in rows)
    ]
    if checked:
        connection.execute(delete(t.checksums).where(t.checksums.c.key.in_([row["key"] for row in checked])))
        connection.execute(insert(t.checksums), checked)


def damaged_pages(connection: Connection, rows: Sequence[Any], whole: set[int] | None = None) -> set[int]:
    """Return the keys of those of these rows of `pages` that differ from what was written, or whose document does.

    `whole`: documents of the commit that were checked before and are not checked again; those found whole are added.
    """
    whole = set() if whole is None else whole
    documents = ({row.document for row in rows} | {document_of(row.key) for row in rows}) - whole
    expected = _recorded(connection, [*(row.key for row in rows), *map(document_checksum_key, sorted(documents))])
    wrong: set[int] = set()
    if documents and expected:
        query = select(t.documents).where(t.documents.c.key.in_(documents))
        wrong = {document_of(key) for key in _wrong(t.documents, connection.execute(query).all(), expected)}
    whole |= documents - wrong
    wrong_pages = set(_wrong(t.pages, rows, expected))
    return {row.key for row in rows if row.key in wrong_pages or row.document in wrong}


def damaged_rows(connection: Connection) -> dict[int, str]:
    """Check every row; return a message for each document with a row that differs from what was written."""
    problems: dict[int, str] = {}
    for table in (t.documents, t.pages):
        keys = connection.execute(select(table.c.key).order_by(table.c.key)).scalars().all()
        for start in range(0, len(keys), BATCH):
            rows = connection.execute(select(table).where(table.c.key.in_(keys[start : start + BATCH]))).all()
            expected = _recorded(connection, [_key(table, row._mapping) for row in rows])
            for key in _wrong(table, rows, expected):
                place = f"page {number_of(key)}" if table is t.pages else "its entry"
                problems[document_of(key)] = (
                    f"catalog: document {document_of(key)}, {place}: expected the row that was written, found another. "
                    f"{REPAIR}"
                )
    return problems


def _wrong(table: Table, rows: Iterable[Any], expected: Mapping[int, int]) -> Iterator[int]:
    """Yield the checksum keys of rows with another checksum than the recorded one."""
    for row in rows:
        key = _key(table, row._mapping)
        if key in expected and expected[key] != row_checksum(table, row._mapping):
            yield key


def _recorded(connection: Connection, keys: Sequence[int]) -> dict[int, int]:
    if not t.has_table(connection, t.checksums):
        return {}  # a catalog of an older revision, which cannot be written to
    query = select(t.checksums.c.key, t.checksums.c.crc).where(t.checksums.c.key.in_(keys))
    return {row.key: row.crc for row in connection.execute(query)}


def _key(table: Table, row: Mapping[Any, Any]) -> int:
    key = int(row["key"])
    return key if table is t.pages else document_checksum_key(key)


def _canonical(column: Column[Any], value: Any) -> Any:
    """Return a value as the database returns it, in a form for JSON."""
    if value is None:
        return None
    if isinstance(column.type, Float):
        return float(value) if isinstance(value, int | float) else str(value)
    if isinstance(column.type, LargeBinary):
        return value.hex() if isinstance(value, bytes) else str(value)
    if isinstance(column.type, Integer):
        return int(value) if isinstance(value, int) else str(value)
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
