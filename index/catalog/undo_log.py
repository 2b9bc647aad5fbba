# ruff: noqa: S608 - the names in the statements are those of the tables below and of `tables`
"""History of a catalog in SQLite: what its rows were at earlier commits.

Triggers write, for each change of a row, the statement that undoes it, with the generation before the change (as in
https://www.sqlite.org/undoredo.html). The state of a commit is the newest one with all later changes undone. Further
triggers note the segments and documents that go, so that their files are kept as long. Nothing of it exists where no
history is kept.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Table, inspect, text
from sqlalchemy.exc import DBAPIError

from pagelens.core.errors import CollectionMismatch, NotFound
from pagelens.index.catalog import tables as t

_OWN = {
    "history_undo": "id INTEGER PRIMARY KEY, generation BIGINT NOT NULL, statement TEXT NOT NULL",
    "history_commits": "generation BIGINT PRIMARY KEY, at TEXT NOT NULL",  # `at`: UTC, ISO 8601
    "history_segments": "generation BIGINT NOT NULL, store TEXT NOT NULL, name TEXT NOT NULL",
    "history_documents": "generation BIGINT NOT NULL, sha256 TEXT NOT NULL",
}
_NOT_KEPT = (t.state, t.judgements, t.document_frequencies, t.term_totals)
_NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
_GENERATION = "(SELECT generation FROM state)"


class Commit(NamedTuple):
    """A commit that can be looked at."""

    generation: int
    at: datetime  # UTC


def is_kept(connection: Connection) -> bool:
    """Return whether the catalog keeps a history."""
    return connection.dialect.name == "sqlite" and inspect(connection).has_table("history_commits")


def prepare(connection: Connection, days: int | None, *, now: datetime | None = None) -> None:
    """Keep a history of so many days from here on, and forget what is older; None: keep none, and forget all."""
    if days is None:
        if is_kept(connection):
            _drop(connection)
        return
    for name, columns in _OWN.items():
        connection.execute(text(f"CREATE TABLE IF NOT EXISTS {name} ({columns})"))
    _drop_triggers(connection)  # their columns may be those of an older revision
    for statement in _triggers():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"INSERT OR IGNORE INTO history_commits SELECT generation, {_NOW} FROM state")
    _expire(connection, (now or datetime.now(UTC)) - timedelta(days=days))


def forget(connection: Connection) -> None:
    """Forget all commits but the newest: what led to it can no longer be undone."""
    if is_kept(connection):
        for name in _OWN:
            connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.exec_driver_sql(f"INSERT INTO history_commits SELECT generation, {_NOW} FROM state")


def _expire(connection: Connection, moment: datetime) -> None:
    """Forget the commits before the one that was the newest at a moment."""
    newest = text("SELECT max(generation) FROM history_commits WHERE at <= :at")
    first = connection.execute(newest, {"at": _written(moment)}).scalar()
    for name in _OWN if first is not None else ():
        connection.execute(text(f"DELETE FROM {name} WHERE generation < :first"), {"first": first})


def commits(connection: Connection) -> list[Commit]:
    """Return the commits that can be looked at, oldest first."""
    if not is_kept(connection):
        return []
    rows = connection.exec_driver_sql("SELECT generation, at FROM history_commits ORDER BY generation").all()
    return [Commit(row[0], datetime.fromisoformat(row[1])) for row in rows]


def size_of_changes(connection: Connection) -> int:
    """Return how many characters the statements take that undo changes."""
    query = "SELECT coalesce(sum(length(statement)), 0) FROM history_undo"
    return int(connection.exec_driver_sql(query).scalar_one()) if is_kept(connection) else 0


def find_commit(known: Sequence[Commit], moment: str) -> int:
    """Return the commit of a number, or the newest of a date or time ("2026-11-30", in local time where it says no
    offset; of a date: at its end). Raises NotFound where the history does not reach it."""
    if not known:
        raise NotFound(
            "expected a collection that keeps its history, found one that does not: pagelens history --keep 90"
        )
    span = f"commits {known[0].generation} ({known[0].at:%Y-%m-%d %H:%M} UTC) to {known[-1].generation}"
    if moment.strip().isdecimal():
        number = int(moment)
        if not known[0].generation <= number <= known[-1].generation:
            raise NotFound(f"expected one of {span}, found {number}")
        return number
    try:
        wanted = _end_of(moment.strip())
    except ValueError:
        raise NotFound(f"expected a commit's number or a date like 2026-11-30, found {moment!r}") from None
    before = [commit.generation for commit in known if commit.at <= wanted]
    if not before:
        raise NotFound(f"expected a moment within {span}, found {moment}")
    return before[-1]


def _end_of(moment: str) -> datetime:
    if len(moment) == len("2026-11-30"):
        return datetime.combine(date.fromisoformat(moment), time.max).astimezone()
    found = datetime.fromisoformat(moment)
    return found if found.tzinfo else found.astimezone()


def kept_segments(connection: Connection) -> set[tuple[str, str]]:
    """Return (store, name) of segments that are no longer registered and that a commit of the history has."""
    if not is_kept(connection):
        return set()
    return {(row[0], row[1]) for row in connection.exec_driver_sql("SELECT store, name FROM history_segments")}


def kept_documents(connection: Connection) -> set[str]:
    """Return the SHA-256 of documents that are gone and that a commit of the history has."""
    if not is_kept(connection):
        return set()
    return set(connection.exec_driver_sql("SELECT sha256 FROM history_documents").scalars())


def undo(connection: Connection, generation: int) -> None:
    """Turn a copy of the catalog into what it was at a commit; the copy keeps no history."""
    _drop_triggers(connection)
    query = text("SELECT statement FROM history_undo WHERE generation >= :generation ORDER BY id DESC")
    try:
        for statement in connection.execute(query, {"generation": generation}).scalars().all():
            connection.exec_driver_sql(statement)
    except DBAPIError as exc:  # a later revision has no such column
        raise CollectionMismatch(
            f"expected a history of this version's tables, found one of others: {exc.orig}. Later commits can be read."
        ) from exc
    connection.execute(text("UPDATE state SET generation = :generation"), {"generation": generation})
    _drop(connection)


def _drop(connection: Connection) -> None:
    _drop_triggers(connection)
    for name in _OWN:
        connection.exec_driver_sql(f"DROP TABLE {name}")


def _drop_triggers(connection: Connection) -> None:
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'history_%'"
    for name in connection.exec_driver_sql(query).scalars().all():
        connection.exec_driver_sql(f"DROP TRIGGER {name}")


def _triggers() -> list[str]:
    """Return the statements that create the triggers."""
    created = [
        f"CREATE TRIGGER history_commit AFTER UPDATE OF generation ON state BEGIN "
        f"INSERT OR REPLACE INTO history_commits VALUES (NEW.generation, {_NOW}); END",
        f"CREATE TRIGGER history_segment AFTER DELETE ON segments BEGIN "
        f"INSERT INTO history_segments VALUES ({_GENERATION}, OLD.store, OLD.name); END",
        f"CREATE TRIGGER history_document AFTER DELETE ON documents BEGIN "
        f"INSERT INTO history_documents VALUES ({_GENERATION}, OLD.sha256); END",
    ]
    for table in t.metadata.sorted_tables:
        if table not in _NOT_KEPT:
            created += _undo_triggers(table)
    return created


def _undo_triggers(table: Table) -> list[str]:
    """Return the triggers that note how changes of a table's rows are undone."""
    columns = [column.name for column in table.columns]
    names = ", ".join(f'"{name}"' for name in columns)
    old_values = " || ', ' || ".join(f'quote(OLD."{name}")' for name in columns)
    assigned = " || ', ' || ".join(f"""'"{name}" = ' || quote(OLD."{name}")""" for name in columns)
    key = " || ' AND ' || ".join(
        f"""'"{name}" = ' || quote(NEW."{name}")""" for name in [column.name for column in table.primary_key]
    )
    statements = {
        "insert": f"""'DELETE FROM "{table.name}" WHERE ' || {key}""",
        "update": f"""'UPDATE "{table.name}" SET ' || {assigned} || ' WHERE ' || {key}""",
        "delete": f"""'INSERT INTO "{table.name}" ({names}) VALUES (' || {old_values} || ')'""",
    }
    return [
        f'CREATE TRIGGER history_{event}_{table.name} AFTER {event.upper()} ON "{table.name}" BEGIN '
        f"INSERT INTO history_undo (generation, statement) VALUES ({_GENERATION}, {statement}); END"
        for event, statement in statements.items()
    ]


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
