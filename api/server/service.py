"""What a server is made of: collections, the queue, keys, uploads.

Built here, passed to the HTTP door; knows nothing of HTTP.
"""

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlalchemy import delete, insert, select

from pagelens.api.engine.engine import Engine
from pagelens.api.server import database_tables as t
from pagelens.api.server.auth.keys import Keys
from pagelens.api.server.collections import Collections
from pagelens.api.server.jobs.job_queue import JobQueue
from pagelens.api.server.jobs.job_records import JobRecord
from pagelens.api.server.jobs.supervisor import WatchedWorker
from pagelens.api.server.server_folder import Database, ServerFolder
from pagelens.core.errors import PageLensError, StoreError
from pagelens.core.settings import Settings

WARM_UP = "ready"

T = TypeVar("T")


@dataclass(slots=True)
class Readiness:
    """What stands: told by `/readyz`."""

    warmed: bool = False
    problem: str = "starting"
    failed: bool = False  # the last try to warm


@dataclass
class Service:
    """One server's parts. `open_service` builds it, `close` gives it up."""

    folder: ServerFolder
    database: Database
    collections: Collections
    queue: JobQueue
    keys: Keys
    roots: tuple[Path, ...] = ()  # folders below which a server-side path may be indexed
    worker: WatchedWorker | None = None
    readiness: Readiness = field(default_factory=Readiness)

    def start(self) -> None:
        """Make the default collection where there is none, start the worker, warm the models in the background."""
        if self.collections.default not in self.collections.names():
            self.collections.create(self.collections.default)
        if self.worker is not None:
            self.worker.start()
        threading.Thread(target=self.warm, name="warm-up", daemon=True).start()

    def warm(self) -> None:
        """Load the default collection's models by one search."""
        try:
            self.collections.use(self.collections.default, lambda engine: engine.search(WARM_UP, k=1))
        except PageLensError as exc:
            said = (
                "a server that holds vectors or the catalog does not answer"
                if isinstance(exc, StoreError)
                else str(exc)
            )
            self.readiness.problem, self.readiness.failed = said, True
            return
        self.readiness.warmed, self.readiness.problem = True, ""

    def warm_again(self) -> None:
        """Try once more in the background where the last try failed: what was away may be back."""
        if self.readiness.failed:
            self.readiness.failed = False
            threading.Thread(target=self.warm, name="warm-up", daemon=True).start()

    def close(self) -> None:
        """End the worker, close every collection."""
        if self.worker is not None:
            self.worker.stop()
        self.collections.close()
        self.database.close()

    def name_uploads(self, collection: str, named: list[tuple[str, str, str]]) -> None:
        """Remember (path, SHA-256, the sender's name) of uploads."""
        rows = [{"path": path, "collection": collection, "sha256": sha, "name": name} for path, sha, name in named]
        if rows:
            with self.database.writing() as connection:
                connection.execute(insert(t.uploads).prefix_with("OR REPLACE"), rows)

    def upload_names(self, paths: list[str]) -> dict[str, str]:
        """Return what the senders of uploads called them, by path."""
        query = select(t.uploads.c.path, t.uploads.c.name).where(t.uploads.c.path.in_(paths))
        with self.database.reading() as connection:
            return {row.path: row.name for row in connection.execute(query)}

    def delete_collection(self, name: str) -> None:
        """Remove a collection, its waiting jobs and its uploads. Raises CollectionLocked while it is written to."""
        self.collections.require(name)
        self.queue.cancel_all(name)
        self.collections.delete(name, self.folder.root)
        shutil.rmtree(self.folder.uploads / name, ignore_errors=True)
        with self.database.writing() as connection:
            connection.execute(delete(t.uploads).where(t.uploads.c.collection == name))

    def job(self, job: str) -> JobRecord:
        """Return a job. Raises NotFound."""
        return self.queue.read(job)

    def use(self, name: str, work: Callable[[Engine], T]) -> T:
        """Return what `work` makes of a collection's engine."""
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
    """Return the parts of a server over the collections of a folder; nothing is started."""
    folder = ServerFolder(root.absolute())
    folder.make()
    database = Database(folder.database)
    collections = Collections(folder.collections, settings, default=default, only=only, llm=llm)
    collections.path(default)
    worker = WatchedWorker(folder.collections, default=default, only=only) if with_worker else None
    resolved = tuple(one.resolve() for one in roots)
    return Service(folder, database, collections, JobQueue(database), Keys(database), resolved, worker)
