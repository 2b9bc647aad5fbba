"""Deletes what a server keeps for a limited time: finished jobs, uploads that became no document, second copies of
documents, leftovers of deleted collections.

It runs in the indexing process while the queue is empty. An upload that is a document's path is kept with the document.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import delete, select

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import path_to_text
from pagelens.api.server import database_tables as t
from pagelens.api.server.collection_manager import Collections
from pagelens.api.server.jobs.job_records import ENDED
from pagelens.api.server.server_folder import Database, ServerFolder
from pagelens.core.errors import PageLensError
from pagelens.index.admin.removal import empty_trash

logger = logging.getLogger(__name__)

DAY = 86_400.0  # seconds
JOB_SECONDS = 30 * DAY  # a finished job and its idempotency key are kept so long
UPLOAD_SECONDS = 7 * DAY  # an upload that is no document's path is kept so long
BATCH_ROWS = 500  # deleted in one SQL statement


class RetentionCleaner:
    """Deletes finished jobs and unneeded uploads after their time."""

    def __init__(
        self,
        database: Database,
        collections: Collections,
        folder: ServerFolder,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` returns the seconds since 1970."""
        self._database = database
        self._collections = collections
        self._folder = folder
        self._clock = clock

    def delete_expired(self) -> None:
        """Delete what has expired. A collection that is being written or cannot be read is skipped."""
        self._delete_jobs()
        empty_trash(self._folder.root)  # deletions that were interrupted, or whose store was unavailable
        before = self._clock() - UPLOAD_SECONDS
        for path in self._folder.incoming.iterdir():
            if _modified(path) < before:
                path.unlink(missing_ok=True)
        for name in self._collections.names():
            folders = [folder for folder in _folders(self._folder.uploads / name) if _modified(folder) < before]
            if folders:
                try:
                    self._collections.use(name, partial(self._delete_uploads, folders))
                except PageLensError as exc:
                    logger.info("the uploads of %s are not cleaned up now: %s", name, type(exc).__name__)

    def _delete_jobs(self) -> None:
        last = datetime.fromtimestamp(self._clock(), UTC) - timedelta(seconds=JOB_SECONDS)
        expired = (t.jobs.c.state.in_(ENDED)) & (t.jobs.c.finished < last.isoformat(timespec="milliseconds"))
        with self._database.writing() as connection:
            connection.execute(delete(t.files).where(t.files.c.job.in_(select(t.jobs.c.id).where(expired))))
            connection.execute(delete(t.jobs).where(expired))

    def _delete_uploads(self, folders: list[Path], engine: Engine) -> None:
        """Delete the unneeded uploads in these folders: first the file, then its catalog entries, last the folder, so
        that the next call finds whatever an interrupted one left."""
        needed = self._queued_paths() | self._document_paths(engine)
        unneeded = [folder for folder in folders if not any(path_to_text(path) in needed for path in folder.iterdir())]
        if not unneeded:
            return
        paths = [path for folder in unneeded for path in folder.iterdir()]
        for path in paths:
            path.unlink(missing_ok=True)
        engine.index(unneeded, prune=True)  # reads nothing; removes their paths and failures from the catalog
        self._forget_names([path_to_text(path) for path in paths])
        for folder in unneeded:
            shutil.rmtree(folder, ignore_errors=True)
        logger.info("%d uploads deleted", len(unneeded))

    def _document_paths(self, engine: Engine) -> set[str]:
        """Return one upload of each uploaded document, if possible the one that is the document's path."""
        below = path_to_text(self._folder.uploads) + "/"
        with engine.snapshot() as snapshot:
            rows = list(snapshot.documents.values())
        uploaded = [[path for path in (row.path, *row.paths) if path.startswith(below)] for row in rows]
        return {paths[0] for paths in uploaded if paths}

    def _queued_paths(self) -> set[str]:
        with self._database.reading() as connection:
            return set(connection.execute(select(t.files.c.path).where(t.files.c.state == "queued")).scalars())

    def _forget_names(self, paths: list[str]) -> None:
        with self._database.writing() as connection:
            for first in range(0, len(paths), BATCH_ROWS):
                batch = t.uploads.c.path.in_(paths[first : first + BATCH_ROWS])
                connection.execute(delete(t.uploads).where(batch))


def _folders(path: Path) -> Iterator[Path]:
    return (child for child in path.iterdir() if child.is_dir()) if path.is_dir() else iter(())


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # deleted in the meantime
        return float("inf")
