"""The fields and records of metadata tables in the catalog: read, written, and forgotten with their paths."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, inspect, select

from pagelens.core.metadata_fields import Field, Record
from pagelens.index.catalog import tables as t

BATCH = 5_000  # paths in one statement


def read_fields(connection: Connection) -> dict[str, Field]:
    """Return the fields by name, in order; none where the catalog is of an older revision."""
    if not inspect(connection).has_table(t.metadata_fields.name):
        return {}
    rows = connection.execute(select(t.metadata_fields).order_by(t.metadata_fields.c.name))
    return {row.name: Field(row.type, bool(row.searched)) for row in rows}


def read_records(connection: Connection, documents: Sequence[int] | None = None) -> dict[str, Record]:
    """Return the records by path: of the paths of these documents, or of all."""
    if not inspect(connection).has_table(t.metadata_records.name):
        return {}
    r = t.metadata_records.c
    query = select(r.path, r.fields)
    if documents is not None:
        query = query.join(t.paths, t.paths.c.path == r.path).where(t.paths.c.document.in_(documents))
    return {row.path: row.fields for row in connection.execute(query) if isinstance(row.fields, dict)}


def write(connection: Connection, fields: Mapping[str, Field], records: Mapping[str, Record]) -> None:
    """Replace the fields by these, and the records of these paths; an empty record is removed."""
    connection.execute(delete(t.metadata_fields))
    rows: list[dict[str, Any]] = [
        {"name": name, "type": field.type, "searched": int(field.searched)} for name, field in fields.items()
    ]
    if rows:
        connection.execute(insert(t.metadata_fields), rows)
    paths = list(records)
    for start in range(0, len(paths), BATCH):
        batch = paths[start : start + BATCH]
        connection.execute(delete(t.metadata_records).where(t.metadata_records.c.path.in_(batch)))
        rows = [{"path": path, "fields": dict(records[path])} for path in batch if records[path]]
        if rows:
            connection.execute(insert(t.metadata_records), rows)


def move(connection: Connection, path: str, document: int) -> None:
    """Give the record of a path that is gone to the document's other paths that have none: the file was moved."""
    record = connection.execute(select(t.metadata_records).where(t.metadata_records.c.path == path)).first()
    if record is None:
        return
    known = set(read_records(connection, [document]))
    others = connection.execute(select(t.paths.c.path).where(t.paths.c.document == document)).scalars()
    rows = [{"path": other, "fields": record.fields} for other in others if other not in known]
    if rows:
        connection.execute(insert(t.metadata_records), rows)


def forget_unknown_paths(connection: Connection) -> None:
    """Remove the records of paths that lead to no document and to no failure."""
    r = t.metadata_records.c
    known = r.path.in_(select(t.paths.c.path)) | r.path.in_(select(t.failures.c.path))
    connection.execute(delete(t.metadata_records).where(~known))
