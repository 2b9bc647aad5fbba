"""Connections to the catalog's database and its transactions: SQLite engines, errors translated for both databases."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)

from pagelens.core.errors import CollectionDamaged, CollectionLocked, CollectionReadOnly, StoreError
from pagelens.index.layout import disk_full

NO_ROOM_BYTES = 1 << 20  # free; with less, SQLite's "disk I/O error" is taken for a full disk: its log found no room
BUSY_SECONDS = 30.0  # how long a connection waits for another one's lock on the file


def open_sqlite(path: Path, *, writable: bool | None = None) -> Engine:
    """Return an engine for a SQLite file with a write-ahead log; every commit is synced to disk.

    Where the folder is read-only, or `writable` is false, the file is opened read-only.
    """
    if writable is None:
        writable = os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
    if not writable:
        # Without its shared-memory file a write-ahead log cannot be opened; then no process is writing either.
        log = path.with_name(path.name + "-wal")
        if not path.with_name(path.name + "-shm").exists() and log.exists() and log.stat().st_size:
            raise CollectionReadOnly(
                f"expected a catalog that was closed by its last writer, found commits in {log} that cannot be read "
                "from a read-only folder. Open the collection once where it can be written: pagelens status"
            )
        mode = "mode=ro" if path.with_name(path.name + "-shm").exists() else "mode=ro&immutable=1"
        engine = create_engine(
            f"sqlite:///file:{quote(str(path))}?{mode}&uri=true", connect_args={"timeout": BUSY_SECONDS}
        )
    else:
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions; `on_begin` does
        connection.text_factory = _decode
        durability = ("journal_mode=WAL", "synchronous=FULL") if writable else ()
        for pragma in (*durability, "foreign_keys=ON", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


def _decode(data: bytes) -> str:
    """Return text, with U+FFFD for damaged bytes: one bad row must not fail a query for many."""
    return data.decode("utf-8", "replace")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run one transaction: committed at the end, rolled back on any error. It sees one whole commit, however long it
    lasts. Raises CollectionDamaged for a broken file, DiskFull, CollectionReadOnly, CollectionLocked; StoreError for a
    server that does not answer."""
    try:
        with engine.begin() as connection:
            yield connection
    except (DatabaseError, InterfaceError) as exc:
        if engine.dialect.name == "sqlite":
            raise _sqlite_error(engine, exc) from exc
        if isinstance(exc, OperationalError | InterfaceError):
            raise _unreachable(engine, exc) from exc
        raise


def _sqlite_error(engine: Engine, exc: DBAPIError) -> Exception:
    """Return the error for a SQLite file that could not be read or written; the error itself where it is ours."""
    problem, path = str(exc.orig), str(engine.url.database).removeprefix("file:")
    no_room = "disk I/O error" in problem and shutil.disk_usage(Path(path).parent).free < NO_ROOM_BYTES
    if "disk is full" in problem or no_room:
        return disk_full(path, problem)
    if "readonly" in problem:
        return CollectionReadOnly(f"expected to write to {path}, found: {problem}. Make it writable for this user.")
    if "disk I/O error" in problem:
        return StoreError(
            f"expected to read and write {path}, found: {problem}. Is the disk full, or failing? What was committed is "
            "kept: run the same command again."
        )
    if "locked" in problem:
        return CollectionLocked(f"expected {path} to be free within {BUSY_SECONDS:.0f} seconds, found: {problem}.")
    if isinstance(exc, IntegrityError | ProgrammingError):
        return exc
    return CollectionDamaged(
        f"expected {path} to be the catalog that was written, found: {problem}. "
        "Restore it from a backup, or index the files again."
    )


def _unreachable(engine: Engine, exc: DBAPIError) -> StoreError:
    address, problem = engine.url.render_as_string(hide_password=True), " ".join(str(exc.orig).split())
    return StoreError(
        f"expected the catalog's database at {address}, found: {problem.rstrip('.')}. Is it running, and are address "
        "and password right (PGPASSWORD, or PAGELENS_CATALOG_URL)? What was committed is kept: run the command again."
    )
