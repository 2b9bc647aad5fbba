"""Connections to the catalog's database and its transactions: SQLite engines, errors translated for both databases."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError

from pagelens.core.errors import CollectionDamaged, StoreError


def open_sqlite(path: Path, *, writable: bool | None = None) -> Engine:
    """Return an engine for a SQLite file with a write-ahead log; every commit is synced to disk.

    Where the folder is read-only, or `writable` is false, the file is opened read-only.
    """
    if writable is None:
        writable = os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
    if not writable:
        # Without its shared-memory file a write-ahead log cannot be opened; then no process is writing either.
        mode = "mode=ro" if path.with_name(path.name + "-shm").exists() else "mode=ro&immutable=1"
        engine = create_engine(f"sqlite:///file:{quote(str(path))}?{mode}&uri=true", connect_args={"timeout": 30.0})
    else:
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30.0})

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions; `on_begin` does
        durability = ("journal_mode=WAL", "synchronous=FULL") if writable else ()
        for pragma in (*durability, "foreign_keys=ON", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run one transaction: committed at the end, rolled back on any error. It sees one whole commit, however long it
    lasts. Raises CollectionDamaged for a broken file, StoreError for a server that does not answer."""
    try:
        with engine.begin() as connection:
            yield connection
    except (DatabaseError, InterfaceError) as exc:
        if engine.dialect.name != "sqlite":
            if isinstance(exc, OperationalError | InterfaceError):
                raise _unreachable(engine, exc) from exc
        elif "malformed" in str(exc) or "not a database" in str(exc):
            raise CollectionDamaged(
                f"expected {engine.url.database} to be the catalog that was written, found: {exc.orig}. "
                "Restore it from a backup, or index the files again."
            ) from exc
        raise


def _unreachable(engine: Engine, exc: DBAPIError) -> StoreError:
    address, problem = engine.url.render_as_string(hide_password=True), " ".join(str(exc.orig).split())
    return StoreError(
        f"expected the catalog's database at {address}, found: {problem.rstrip('.')}. Is it running, and are address "
        "and password right (PGPASSWORD, or PAGELENS_CATALOG_URL)? What was committed is kept: run the command again."
    )
