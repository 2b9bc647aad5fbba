"""What a server keeps for a while only: ended jobs, uploads that became no document, second copies of one, what
deleted collections left elsewhere.

The indexing process does it while nothing waits. The upload that a document is called by stays as long as the document.
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
from pagelens.api.server.collections import Collections
from pagelens.api.server.jobs.job_records import ENDED
from pagelens.api.server.server_folder import Database, ServerFolder
from pagelens.core.errors import PageLensError
from pagelens.index.admin.removal import empty_trash

logger = logging.getLogger(__name__)

SOME = 500  # rows named in one statement


class RetentionCleaner:
    """Removes what has been kept long enough."""

    def __init__(
        self,
        database: Database,
        collections: Collections,
        folder: ServerFolder,
        *,
        keep_jobs: float,
        keep_uploads: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Both in seconds; `clock` tells those since 1970."""
        self._database = database
        self._collections = collections
        self._folder = folder
        self._keep_jobs, self._keep_uploads = keep_jobs, keep_uploads
        self._clock = clock

    def delete_expired(self) -> None:
        """Remove it. A collection that is written to, or cannot be read, waits for the next time."""
        self._drop_jobs()
        empty_trash(self._folder.root)  # what was deleted while a server was away, or was killed over it
        before = self._clock() - self._keep_uploads
        for path in self._folder.incoming.iterdir():
            if _changed(path) < before:
                path.unlink(missing_ok=True)
        for name in self._collections.names():
            homes = [home for home in _folders(self._folder.uploads / name) if _changed(home) < before]
            if homes:
                try:
                    self._collections.use(name, partial(self._drop_uploads, homes))
                except PageLensError as exc:
                    logger.info("the uploads of %s are not swept now: %s", name, type(exc).__name__)

    def _drop_jobs(self) -> None:
        last = datetime.fromtimestamp(self._clock(), UTC) - timedelta(seconds=self._keep_jobs)
        old = (t.jobs.c.state.in_(ENDED)) & (t.jobs.c.finished < last.isoformat(timespec="milliseconds"))
        with self._database.writing() as connection:
            connection.execute(delete(t.files).where(t.files.c.job.in_(select(t.jobs.c.id).where(old))))
            connection.execute(delete(t.jobs).where(old))

    def _drop_uploads(self, homes: list[Path], engine: Engine) -> None:
        """Remove the uploads in these folders that nothing needs: the file first, what the catalog says of it after,
        the folder last, so that whatever a kill leaves is found the next time."""
        needed = self._waiting() | self._needed(engine)
        doomed = [home for home in homes if not any(path_to_text(path) in needed for path in home.iterdir())]
        if not doomed:
            return
        paths = [path for home in doomed for path in home.iterdir()]
        for path in paths:
            path.unlink(missing_ok=True)
        engine.index(doomed, prune=True)  # nothing is there to be read: this forgets their paths and failures
        self._forget_names([path_to_text(path) for path in paths])
        for home in doomed:
            shutil.rmtree(home, ignore_errors=True)
        logger.info("%d uploads swept", len(doomed))

    def _needed(self, engine: Engine) -> set[str]:
        """Return one upload of each document: the one it is called by, where that is one."""
        below = path_to_text(self._folder.uploads) + "/"
        with engine.snapshot() as snapshot:
            rows = list(snapshot.documents.values())
        uploaded = [[path for path in (row.path, *row.paths) if path.startswith(below)] for row in rows]
        return {paths[0] for paths in uploaded if paths}

    def _waiting(self) -> set[str]:
        with self._database.reading() as connection:
            return set(connection.execute(select(t.files.c.path).where(t.files.c.state == "queued")).scalars())

    def _forget_names(self, paths: list[str]) -> None:
        with self._database.writing() as connection:
            for first in range(0, len(paths), SOME):
                some = t.uploads.c.path.in_(paths[first : first + SOME])
                connection.execute(delete(t.uploads).where(some))


def _folders(path: Path) -> Iterator[Path]:
    return (one for one in path.iterdir() if one.is_dir()) if path.is_dir() else iter(())


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # taken away in this moment
        return float("inf")
