"""The one process that indexes for a server: takes steps from the queue until it is told to end.

    python -m pagelens.api.server.jobs.worker COLLECTIONS

It ends when its standard input does (its server is gone, however it went), and at SIGTERM; what it had read by then
is kept. Knows nothing of HTTP.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from filelock import FileLock

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import text_to_path
from pagelens.api.engine.results import FailedFile, IndexReport, Progress
from pagelens.api.engine.wiring import read_settings
from pagelens.api.server.collections import Collections
from pagelens.api.server.jobs.claims import Claims, Step
from pagelens.api.server.jobs.job_records import FileRecord, FileResult
from pagelens.api.server.jobs.retention import Sweeper
from pagelens.api.server.limits import Limits
from pagelens.api.server.logs import log_json
from pagelens.api.server.server_folder import Database, ServerFolder
from pagelens.core.errors import CollectionLocked, CollectionMismatch, PageLensError

logger = logging.getLogger(__name__)

PAUSE = 0.3  # seconds between two looks at an empty queue
SWEEP = 3_600.0  # seconds between two looks for what is kept no longer
TELL = 0.5  # seconds between two notes of progress
NICENESS = 5  # searches first: of a core that both want, the server gets three quarters
GRACE = 20.0  # seconds for what is under way to be kept, once the server is gone


class _Cancelled(Exception):
    """Somebody asked to cancel the job: raised out of its progress, so that what is pending is dropped."""


class Worker:
    """Works on steps."""

    def __init__(self, claims: Claims, collections: Collections, uploads: Path) -> None:
        self._claims = claims
        self._collections = collections
        self._uploads = uploads

    def work(self) -> bool:
        """Do one step; return whether something was done: not where nothing waits, or somebody else writes."""
        step = self._claims.take()
        if step is None:
            return False
        try:
            results = self._removed(step) if step.kind == "remove" else self._indexed(step)
        except CollectionLocked:
            self._claims.give_back(step)
            return False
        except CollectionMismatch:  # moved to other models under our hands: `use` opens it again
            self._collections.forget(step.collection)
            self._claims.give_back(step)
            return False
        except KeyboardInterrupt:
            self._claims.give_back(step)
            raise
        except PageLensError as exc:
            results = [FileResult(one.seq, "failed", "collection", str(exc)) for one in step.files]
        except Exception as exc:  # the process's boundary: a fault of ours is the files', not the queue's
            logger.exception("a step failed")
            reason = f"a fault in PageLens, please report it: {type(exc).__name__}"
            results = [FileResult(one.seq, "failed", "fault", reason) for one in step.files]
        self._claims.finish(results)
        return True

    def drain(self) -> None:
        """Work until nothing waits, or somebody else writes."""
        while self.work():
            pass

    def _removed(self, step: Step) -> list[FileResult]:
        wanted = [one.sha256 for one in step.files]

        def remove(engine: Engine) -> list[str]:
            with engine.snapshot() as snapshot:
                there = [row.document.sha256 for row in snapshot.documents.values() if row.document.sha256 in wanted]
            return engine.remove(there) if there else []

        for path in map(text_to_path, self._collections.use(step.collection, remove)):
            if path.is_relative_to(self._uploads):  # ours; others' files stay where they are
                _unlink(path)
        return [FileResult(one.seq, "removed") for one in step.files]

    def _indexed(self, step: Step) -> list[FileResult]:
        return self._collections.use(step.collection, lambda engine: self._index(engine, step))

    def _index(self, engine: Engine, step: Step) -> list[FileResult]:
        paths = [text_to_path(one.path) for one in step.files]
        names = {one.path: one.name for one in step.files}
        watch = _Watch(lambda at: self._claims.tell(step, pages=at.pages, current=names.get(at.path, "")))
        try:
            if step.files[0].again:
                engine.retry(paths, on_progress=watch)
            report = engine.index(paths, on_progress=watch)
        except _Cancelled:
            return _settle(engine, step.files, IndexReport(), cancelled=True)
        return _settle(engine, step.files, report, cancelled=False)


class _Watch:
    """Tells progress now and then, and ends the run where that says so."""

    def __init__(self, tell: Callable[[Progress], bool]) -> None:
        self._tell = tell
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL
            if self._tell(progress):
                raise _Cancelled


def _settle(engine: Engine, files: Sequence[FileRecord], report: IndexReport, *, cancelled: bool) -> list[FileResult]:
    """Return what became of files by what the catalog says now; the report has the reasons."""
    with engine.snapshot() as snapshot:
        held = {path: row.document for row in snapshot.documents.values() for path in row.paths}
    reasons: dict[str, FailedFile] = {one.path: one for one in (*report.skipped, *report.failed_before, *report.failed)}
    results = []
    for one in files:
        document, failed = held.get(one.path), reasons.get(one.path)
        if failed is not None:
            results.append(FileResult(one.seq, "failed", failed.code.replace(" ", "-"), failed.reason))
        elif document is not None:
            results.append(FileResult(one.seq, "indexed", pages=document.page_count, sha256=document.sha256))
        elif cancelled:
            results.append(FileResult(one.seq, "cancelled"))
        else:
            results.append(FileResult(one.seq, "failed", "vanished", "there is no file at this path any more"))
    return results


def _unlink(upload: Path) -> None:
    """Remove an upload and the folder made for it."""
    upload.unlink(missing_ok=True)
    upload.parent.rmdir()


def _end_with_server() -> None:
    """Wait for the end of standard input, then end this process in peace, and after `GRACE` anyhow."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def _work(worker: Worker, sweeper: Sweeper) -> NoReturn:
    swept = time.monotonic()
    while True:
        if worker.work():
            continue
        if time.monotonic() - swept > SWEEP:
            sweeper.sweep()
            swept = time.monotonic()
        time.sleep(PAUSE)


def main(root: Path, *, default: str, only: bool) -> None:
    """Work until told to end."""
    log_json(sys.stderr)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_server, daemon=True).start()
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICENESS)
    folder = ServerFolder(root)
    try:
        with FileLock(folder.worker_lock):
            database = Database(folder.database)
            collections = Collections(root, read_settings(), default=default, only=only)
            worker = Worker(Claims(database), collections, folder.uploads)
            limits = Limits()
            sweeper = Sweeper(
                database, collections, folder, keep_jobs=limits.keep_jobs, keep_uploads=limits.keep_uploads
            )
            logger.info("worker started")
            _work(worker, sweeper)
    except KeyboardInterrupt:
        logger.info("worker ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), default=sys.argv[2], only=sys.argv[3:] == ["only"])
