"""A catalog on a PostgreSQL server: a schema of its own, read-only sessions, and the writer's session with its lock.

The address in `collection.json` has no password; libpq takes it from PGPASSWORD or its password file. The environment
variable PAGELENS_CATALOG_URL replaces the whole address. Only an address that the user gave is contacted
(`pagelens.index.server_addresses`), and only a schema that holds PageLens's tables, and no others, is ever dropped.
"""

import hashlib
import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.schema import CreateSchema, DropSchema

from pagelens.core.errors import CollectionLocked, StoreError
from pagelens.index import server_addresses
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.migration_runner import HEAD, migrate, require_readable, revision_of
from pagelens.index.catalog.transactions import transaction
from pagelens.index.layout import CatalogRecord

ADDRESS = "PAGELENS_CATALOG_URL"
DRIVER = "postgresql+psycopg"
LOCK_WAIT = "2s"  # wait for the lock: the session of a writer killed just now needs a moment to end
CONNECT_SECONDS = 10
_LOCK_TIMEOUT = "55P03"  # SQLSTATE lock_not_available

# The server drops the session of a vanished machine after about a minute, that of a killed process at once.
_KEEPALIVES = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}


def create(record: CatalogRecord) -> None:
    """Create an empty catalog at an address that the user gave. Raises StoreError where the schema exists or the server
    does not answer."""
    server_addresses.remember(record.url)
    engine = _engine(record)
    try:
        with transaction(engine) as connection:
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
            if encoding != "UTF8":
                raise StoreError(f"expected a database in UTF8 at {record}, found {encoding}. Choose another.")
            if inspect(connection).has_schema(record.schema):
                raise StoreError(
                    f"expected no schema {record.schema!r} at {record.url}, found one: another collection's catalog. "
                    "Choose another --prefix."
                )
            connection.execute(CreateSchema(record.schema))
            migrate(connection)
    finally:
        engine.dispose()


def open_for_reading(record: CatalogRecord) -> Engine:
    """Return an engine with read-only transactions that see one commit each. Raises StoreError."""
    engine = _engine(record, {"default_transaction_read_only": "on"}, pool_pre_ping=True)
    with transaction(engine) as connection:
        _require_schema(connection, record)
        require_readable(connection)
    return engine


def open_for_appending(record: CatalogRecord) -> Engine:
    """Return an engine for short transactions beside the one writer; see `databases.open_for_appending`."""
    engine = _engine(record, pool_pre_ping=True)
    with transaction(engine) as connection:
        _require_schema(connection, record)
        current = revision_of(connection) == HEAD
    if not current:
        with open_for_writing(record):
            pass  # it migrates the tables
    return engine


@contextmanager
def open_for_writing(record: CatalogRecord) -> Iterator[Engine]:
    """Open the catalog for the one writer. Raises CollectionLocked when there is another one, StoreError.

    The lock belongs to the session, and all transactions run in that session: a writer that has lost the lock has lost
    its session and cannot commit.
    """
    engine = _engine(record, dict(_KEEPALIVES), pool_size=1, max_overflow=0, pool_timeout=5)
    sessions = itertools.count()

    def require_first(_connection: object, _record: object) -> None:
        if next(sessions):
            raise StoreError(
                f"expected the writer's session with {record} to stay open, found that it ended, and its lock with it. "
                "What was committed is kept: run the same command again."
            )

    event.listen(engine, "connect", require_first)
    try:
        _lock(engine, record)
        with transaction(engine) as connection:
            _require_schema(connection, record)
            migrate(connection)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def locked_for_removal(record: CatalogRecord) -> Iterator[None]:
    """Hold the writer's lock while the rest of a collection is removed, then drop the catalog. It may be missing.
    Raises CollectionLocked, StoreError."""
    engine = _engine(record, pool_size=1, max_overflow=0)
    try:
        with transaction(engine) as connection:
            exists = inspect(connection).has_schema(record.schema)
            _require_own_tables(connection, record)
        if exists:
            _lock(engine, record)
        yield
        with transaction(engine) as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")  # readers may be active
            connection.execute(DropSchema(record.schema, cascade=True, if_exists=True))
    finally:
        engine.dispose()


def require_unlocked(record: CatalogRecord) -> None:
    """Raise CollectionLocked where a writer is active, StoreError where the server does not answer, or where the schema
    holds other tables than a catalog's."""
    engine = _engine(record, pool_size=1, max_overflow=0)
    try:
        with transaction(engine) as connection:
            _require_own_tables(connection, record)
        _lock(engine, record)
    finally:
        engine.dispose()


def _engine(record: CatalogRecord, settings: dict[str, str | int] | None = None, **pool: object) -> Engine:
    url = _address(record)
    given_options = str(url.query.get("options", ""))
    options = {"search_path": record.schema, **(settings or {})}
    connect = {
        "options": " ".join([given_options, *(f"-c{name}={value}" for name, value in options.items())]).strip(),
        "application_name": f"pagelens on {socket.gethostname()[:30]}, process {os.getpid()}",
        "connect_timeout": int(str(url.query.get("connect_timeout", CONNECT_SECONDS))),
    }
    try:
        return create_engine(url, isolation_level="REPEATABLE READ", connect_args=connect, **pool)
    except ModuleNotFoundError as exc:
        if not (exc.name or "").startswith("psycopg"):
            raise
        raise StoreError(
            "expected the package psycopg for a catalog on PostgreSQL, found it is not installed. "
            "Install it: pip install 'pagelens[postgres]'"
        ) from exc


def _address(record: CatalogRecord) -> URL:
    given = os.environ.get(ADDRESS)
    if not given:
        server_addresses.require_given(record.url, variable=ADDRESS)
    try:
        url = make_url(given or record.url)
    except ArgumentError as exc:
        name = ADDRESS if given else "collection.json"
        raise StoreError(f"expected an address like {DRIVER}://user@host/database in {name}: {exc}") from exc
    return url.set(drivername=DRIVER)


def _require_schema(connection: Connection, record: CatalogRecord) -> None:
    if not inspect(connection).has_schema(record.schema):
        raise StoreError(
            f"expected the catalog {record.schema!r} at {_address(record).render_as_string()}, found none there. "
            f"Is the address right (collection.json, {ADDRESS}), and may this user see it?"
        )


def _require_own_tables(connection: Connection, record: CatalogRecord) -> None:
    """Raise StoreError unless the schema holds a catalog and nothing else: dropping it removes all that is in it."""
    inspector = inspect(connection)
    if not inspector.has_schema(record.schema):
        return  # dropped already
    names = {*inspector.get_table_names(record.schema), *inspector.get_view_names(record.schema)}
    others = sorted(names - {*t.metadata.tables, "alembic_version", "unrendered"})
    if others or t.state.name not in names:
        raise StoreError(
            f"expected a PageLens catalog and nothing else in the schema {record.schema!r} at {record.url}, found "
            f"{', '.join(others[:3]) or 'no catalog'}. Nothing was removed: is collection.json yours?"
        )


def _lock(engine: Engine, record: CatalogRecord) -> None:
    key = lock_key(record.schema)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            connection.execute(select(func.pg_advisory_lock(key)))
    except OperationalError as exc:
        if getattr(exc.orig, "sqlstate", None) == _LOCK_TIMEOUT:
            raise CollectionLocked(
                f"another process is writing to {record}{_holder(engine, key)}. "
                "Nothing was changed: wait for it to end, then try again."
            ) from exc
        with transaction(engine):  # raises StoreError where the server does not answer
            raise


def lock_key(schema: str) -> int:
    """Return the key of a catalog's advisory lock, a signed 64-bit integer."""
    return int.from_bytes(hashlib.sha256(schema.encode()).digest()[:8], "big", signed=True)


def _holder(engine: Engine, key: int) -> str:
    query = text(
        "SELECT a.application_name, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
        "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
        "AND ((l.classid::bigint << 32) | l.objid::bigint) = :key"
    )
    with transaction(engine) as connection:
        found = connection.execute(query, {"key": key}).first()
    return f" ({found.application_name}, since {found.backend_start:%Y-%m-%dT%H:%M:%S%z})" if found else ""
