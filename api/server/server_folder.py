"""A server's own files beside its collections: jobs, keys, uploads, the audit log, its secret.

collections/
  .pagelens/
    server.sqlite        jobs, files, uploads, keys
    uploads/<collection>/<random id>/<safe name>
    incoming/            uploads that are still being received
    audit.jsonl          one line for each change
    secret               signs cursors (secret.lock is held while it is created)
    worker.lock          held by the one indexing process
    worker.heartbeat     its process id; touched at each of its steps
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, update
from sqlalchemy.exc import DatabaseError

from pagelens.api.server.database_tables import key_checksum, keys, metadata
from pagelens.core.errors import CollectionLocked, DiskFull, PageLensError

SECRET_BYTES = 32
UPLOADS = "uploads"  # the name of the folder of complete uploads: each of their paths has it
BUSY_SECONDS = 30.0  # that a transaction waits for another process's


class ServerDatabaseDamaged(PageLensError):
    """The server's database (jobs, files, uploads, keys) is not what was written, or cannot be used."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"expected the server's database (.pagelens/server.sqlite: jobs and keys) as written, found: {found}. "
            "Stop the server and restore the file from a backup, or move it away: the collections stay, keys must be "
            "created again, and what was waiting must be uploaded again"
        )


@dataclass(frozen=True)
class ServerFolder:
    """The paths of one server's own folder."""

    collections: Path

    @property
    def root(self) -> Path:
        """The folder itself: hidden, so that the file walk does not enter it."""
        return self.collections / ".pagelens"

    @property
    def uploads(self) -> Path:
        """Folder of complete uploads."""
        return self.root / UPLOADS

    @property
    def incoming(self) -> Path:
        """Folder of uploads that are still being received."""
        return self.root / "incoming"

    @property
    def audit(self) -> Path:
        """Audit log: one JSON line for each change."""
        return self.root / "audit.jsonl"

    @property
    def worker_lock(self) -> Path:
        """Lock file that the indexing process holds."""
        return self.root / "worker.lock"

    @property
    def worker_heartbeat(self) -> Path:
        """File of `pagelens.api.server.jobs.heartbeat`."""
        return self.root / "worker.heartbeat"

    @property
    def database(self) -> Path:
        """SQLite file with jobs, files, uploads and keys."""
        return self.root / "server.sqlite"

    def create(self) -> None:
        """Create the folders that do not exist, readable by their owner only."""
        for folder in (self.root, self.uploads, self.incoming):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @cached_property
    def secret(self) -> bytes:
        """The server's secret of 32 random bytes, created at first use."""
        path = self.root / "secret"
        with FileLock(self.root / "secret.lock"):  # several servers may share this folder
            if not path.exists() or path.stat().st_size != SECRET_BYTES:
                new = path.with_suffix(".new")
                new.touch(0o600)
                with new.open("wb") as file:
                    file.write(secrets.token_bytes(SECRET_BYTES))
                    file.flush()
                    os.fsync(file.fileno())  # with an empty secret anybody could sign cursors
                new.replace(path)
        return path.read_bytes()


class Database:
    """The server's SQLite file: concurrent readers, one writer at a time, every commit synced to disk.

    It is checked when it is opened. Raises ServerDatabaseDamaged, also from `reading` and `writing`, and DiskFull.
    """

    def __init__(self, path: Path) -> None:
        self._reading = _engine(path, "BEGIN")
        self._writing = _engine(path, "BEGIN IMMEDIATE")  # SQLite does not wait when a read lock is upgraded
        with self.writing() as connection:
            metadata.create_all(connection)
            _add_key_checksums(connection)
            # Compares tables with their indexes, too: a row that a damaged page has lost is found.
            [first, *_] = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalars()
            if first != "ok":
                raise ServerDatabaseDamaged(str(first))

    def close(self) -> None:
        """Close the connections."""
        self._reading.dispose()
        self._writing.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a read transaction: all reads see one state of the database."""
        with _translate_errors(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a write transaction: durable when it ends, rolled back on an error."""
        with _translate_errors(), self._writing.begin() as connection:
            yield connection


def _add_key_checksums(connection: Connection) -> None:
    """Add the column and its values to the table of keys of an older PageLens, once: a row without one is damaged."""
    if any(column["name"] == keys.c.checksum.name for column in inspect(connection).get_columns(keys.name)):
        return
    connection.exec_driver_sql("ALTER TABLE keys ADD COLUMN checksum VARCHAR")
    for row in connection.execute(select(keys)).mappings().all():
        connection.execute(update(keys).where(keys.c.id == row["id"]).values(checksum=key_checksum(row)))


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as exc:
        original = exc.orig if isinstance(exc, DatabaseError) else exc
        code = getattr(original, "sqlite_errorcode", 0) & 0xFF  # without the extension of an extended code
        if code == sqlite3.SQLITE_FULL:
            raise DiskFull("expected room for the server's database, found the disk full") from exc
        if code == sqlite3.SQLITE_BUSY:
            raise CollectionLocked(f"expected the server's database to be free within {BUSY_SECONDS:g} s") from exc
        raise ServerDatabaseDamaged(str(original)) from exc
    except UnicodeDecodeError as exc:  # in the middle of SQLite's own message
        raise ServerDatabaseDamaged("text that is no UTF-8") from exc


def _engine(path: Path, begin: str) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by `on_begin`, not by the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine
