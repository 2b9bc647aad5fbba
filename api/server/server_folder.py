"""What a server keeps beside its collections: jobs, keys, uploads, the audit log, its secret.

    collections/
      .pagelens/
        server.sqlite        jobs, files, uploads, keys
        uploads/<collection>/<SHA-256>/<name made safe>
        incoming/            uploads not yet whole
        audit.jsonl          a line for every write
        secret               signs cursors (and secret.lock, while it is made)
        worker.lock          held by the one indexing process

Knows nothing of HTTP, nor what the tables say.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event

from pagelens.api.server.database_tables import metadata

SECRET = 32  # bytes


@dataclass(frozen=True)
class ServerFolder:
    """The paths of one server's own folder."""

    collections: Path

    @property
    def root(self) -> Path:
        """The folder itself: hidden, so that no walk over documents enters it."""
        return self.collections / ".pagelens"

    @property
    def uploads(self) -> Path:
        """Where whole uploads lie."""
        return self.root / "uploads"

    @property
    def incoming(self) -> Path:
        """Where uploads are written."""
        return self.root / "incoming"

    @property
    def audit(self) -> Path:
        """A line of JSON for every write."""
        return self.root / "audit.jsonl"

    @property
    def worker_lock(self) -> Path:
        """Held by the indexing process."""
        return self.root / "worker.lock"

    @property
    def database(self) -> Path:
        """Jobs, files, uploads, keys."""
        return self.root / "server.sqlite"

    def make(self) -> None:
        """Make the folder where there is none, for its owner only."""
        for folder in (self.root, self.uploads, self.incoming):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @cached_property
    def secret(self) -> bytes:
        """32 bytes made once."""
        path = self.root / "secret"
        with FileLock(self.root / "secret.lock"):  # one secret for all servers on this folder
            if not path.exists() or path.stat().st_size != SECRET:
                made = path.with_suffix(".new")
                made.touch(0o600)
                with made.open("wb") as file:
                    file.write(secrets.token_bytes(SECRET))
                    file.flush()
                    os.fsync(file.fileno())  # an empty one would sign for anybody
                made.replace(path)
        return path.read_bytes()


class Database:
    """The server's SQLite file: any number of readers, writers one after another, every commit synced."""

    def __init__(self, path: Path) -> None:
        self._reading = _engine(path, "BEGIN")
        self._writing = _engine(path, "BEGIN IMMEDIATE")  # a read that turns into a write could not wait its turn
        with self.writing() as connection:
            metadata.create_all(connection)

    def close(self) -> None:
        """Give up the connections."""
        self._reading.dispose()
        self._writing.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One look: everything read belongs together."""
        with self._reading.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One change: durable when it ends, undone by an error."""
        with self._writing.begin() as connection:
            yield connection


def _engine(path: Path, begin: str) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30.0})

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine
