"""The parts of a server that do not depend on HTTP: collections, job queue, keys, uploads, readiness."""

import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlalchemy import delete, insert, select

from pagelens.api.engine.engine import Engine
from pagelens.api.server import database_tables as t
from pagelens.api.server.auth.keys import KeyStore
from pagelens.api.server.collection_manager import Collections
from pagelens.api.server.jobs.heartbeat import Heartbeat
from pagelens.api.server.jobs.job_queue import JobQueue
from pagelens.api.server.process_supervisor import ProcessSupervisor
from pagelens.api.server.server_folder import UPLOADS, Database, ServerFolder
from pagelens.core.errors import PageLensError, StoreError
from pagelens.core.settings import Settings

WARM_UP_QUERY = "ready"
IN_LIMIT = 10_000  # paths in one statement; SQLite stops at 32,766 parameters

T = TypeVar("T")


@dataclass(slots=True)
class ReadinessState:
    """Whether the models are loaded; reported by `/readyz`."""

    warmed: bool = False
    problem: str = "starting"
    failed: bool = False  # the last attempt to load the models failed


@dataclass
class Service:
    """The parts of one server. `open_service` creates it, `close` releases it."""

    folder: ServerFolder
    database: Database
    collections: Collections
    queue: JobQueue
    keys: KeyStore
    roots: tuple[Path, ...] = ()  # folders below which a server-side path may be indexed
    feedback: bool = False  # whether what users do with hits is kept
    worker: ProcessSupervisor | None = None
    readiness: ReadinessState = field(default_factory=ReadinessState)
    on_warm: Callable[[], None] = lambda: None  # called when the models are loaded
    _warm_up: threading.Thread | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Create the default collection if it is missing, start the worker, load the models in the background."""
        if self.collections.default not in self.collections.names():
            self.collections.create(self.collections.default)
        if self.worker is not None:
            self.worker.start()
        self._start_warm_up()

    def _start_warm_up(self) -> None:
        self._warm_up = threading.Thread(target=self.warm, name="warm-up", daemon=True)
        self._warm_up.start()

    @property
    def is_warming(self) -> bool:
        """Whether models are being loaded at this moment."""
        return self._warm_up is not None and self._warm_up.is_alive()

    def warm(self) -> None:
        """Load the default collection's models by one search."""
        try:
            self.collections.use(self.collections.default, lambda engine: engine.search(WARM_UP_QUERY, k=1))
        except PageLensError as exc:
            store_failed = isinstance(exc, StoreError)  # its message contains the store's address
            problem = "a server that holds vectors or the catalog does not answer" if store_failed else str(exc)
            self.readiness.problem, self.readiness.failed = problem, True
            return
        self.on_warm()
        self.readiness.warmed, self.readiness.problem = True, ""

    def retry_warm_up(self) -> None:
        """Load the models again in the background if the last attempt failed."""
        if self.readiness.failed:
            self.readiness.failed = False
            self._start_warm_up()

    def close(self) -> None:
        """Stop the worker, close all collections and the database."""
        if self.worker is not None:
            self.worker.stop()
        self.collections.close()
        self.database.close()

    def worker_problem(self) -> str:
        """Return what is wrong with the indexing process, of this server or of another one on this folder; "" if
        nothing is."""
        return Heartbeat(self.folder.worker_heartbeat).problem()

    def record_upload_names(self, collection: str, uploads: list[tuple[str, str, str]]) -> None:
        """Store (path, SHA-256, file name that the sender gave) of uploads."""
        rows = [{"path": path, "collection": collection, "sha256": sha, "name": name} for path, sha, name in uploads]
        if rows:
            with self.database.writing() as connection:
                connection.execute(insert(t.uploads).prefix_with("OR REPLACE"), rows)

    def upload_names(self, paths: list[str]) -> dict[str, str]:
        """Return the file names that the senders of uploads gave, by path."""
        paths = [path for path in paths if UPLOADS in path]
        if not paths:  # as in most searches: the database need not be read
            return {}
        query = select(t.uploads.c.path, t.uploads.c.name)
        parts = [paths[first : first + IN_LIMIT] for first in range(0, len(paths), IN_LIMIT)]
        with self.database.reading() as connection:
            rows = [row for part in parts for row in connection.execute(query.where(t.uploads.c.path.in_(part)))]
        return {row.path: row.name for row in rows}

    def delete_collection(self, name: str) -> None:
        """Delete a collection, its waiting jobs and its uploads. Raises CollectionLocked while it is being written."""
        self.collections.require(name)
        self.queue.cancel_all(name)
        self.collections.delete(name, self.folder.root)
        shutil.rmtree(self.folder.uploads / name, ignore_errors=True)
        with self.database.writing() as connection:
            connection.execute(delete(t.uploads).where(t.uploads.c.collection == name))

    def use(self, name: str, work: Callable[[Engine], T]) -> T:
        """Return `work(engine)` for a collection's engine."""
        return self.collections.use(name, work)


def open_service(
    root: Path,
    settings: Settings,
    *,
    default: str = "default",
    only: bool = False,
    roots: tuple[Path, ...] = (),
    llm: str | None = None,
    with_worker: bool = True,
) -> Service:
    """Return the parts of a server over the collections below `root`; nothing is started.

    `default`, `only` and `llm`: see `Collections`. `roots`: folders below which server-side paths may be indexed.
    """
    folder = ServerFolder(root.absolute())
    folder.create()
    database = Database(folder.database)
    collections = Collections(folder.collections, settings, default=default, only=only, llm=llm)
    collections.path(default)
    command = [sys.executable, "-P", "-m", "pagelens.api.server.jobs.worker", str(folder.collections), default]
    worker = ProcessSupervisor([*command, "only"] if only else command, name="worker") if with_worker else None
    resolved = tuple(path.resolve() for path in roots)
    return Service(
        folder=folder,
        database=database,
        collections=collections,
        queue=JobQueue(database),
        keys=KeyStore(database),
        roots=resolved,
        feedback=settings.feedback,
        worker=worker,
    )
