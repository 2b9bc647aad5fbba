"""The indexing process of a server: processes steps of the job queue until it is stopped.

    python -m pagelens.api.server.jobs.worker COLLECTIONS

It ends at SIGTERM, and when its standard input is closed, since then its server has ended. Documents that it has read
completely are kept. Its reading processes end with it, see `pagelens.ingest.workers`.
"""

import faulthandler
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from filelock import FileLock

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import text_to_path
from pagelens.api.engine.results import FailedFile, IndexReport, Progress
from pagelens.api.engine.wiring import read_settings
from pagelens.api.server.collection_manager import Collections
from pagelens.api.server.jobs.claims import JobClaims, JobStep
from pagelens.api.server.jobs.heartbeat import Heartbeat
from pagelens.api.server.jobs.job_records import FileRecord, FileResult, FileState
from pagelens.api.server.jobs.retention import RetentionCleaner
from pagelens.api.server.logs import start_log
from pagelens.api.server.server_folder import Database, ServerFolder
from pagelens.core.errors import CollectionLocked, CollectionMismatch, PageLensError
from pagelens.core.keys import document_of

logger = logging.getLogger("pagelens.api.server.jobs.worker")  # run as a module, its __name__ is "__main__"

POLL_SECONDS = 0.3  # between two polls of an empty queue
RETENTION_SECONDS = 3_600.0  # between two runs of `RetentionCleaner`
PROGRESS_SECONDS = 0.5  # between two progress reports
SLICE_SECONDS = 10.0  # of work on one job while others wait; a commit and warm workers make a change of jobs cheap
NICENESS = 5  # lower priority than the server: on a shared core the server gets about three quarters
GRACE_SECONDS = 20.0  # to finish the current work after the server has ended
WATCH_SECONDS = 5.0  # between two signs that this process's threads run
STUCK_SECONDS = 90.0  # without such a sign; then native code holds the interpreter's lock and the process is ended


class _JobCancelled(Exception):
    """The job is to be cancelled. Raised in the progress callback, so that pending work is dropped."""


class _StepPaused(KeyboardInterrupt):
    """Another job has its turn. Raised in the progress callback; as after Ctrl-C, what is complete is committed."""


class IndexWorker:
    """Executes steps of jobs."""

    def __init__(
        self,
        claims: JobClaims,
        collections: Collections,
        uploads: Path,
        *,
        on_step: Callable[[], None] = lambda: None,
        slice_seconds: float = SLICE_SECONDS,
    ) -> None:
        """`on_step` is called before each step and at each report of progress.

        A step that takes longer than `slice_seconds` is paused while other jobs wait.
        """
        self._on_step, self._slice_seconds = on_step, slice_seconds
        self._claims = claims
        self._collections = collections
        self._uploads = uploads
        self._without_vectors: set[str] = set()  # collections with a job that was cancelled after its words were found

    def run_step(self) -> bool:
        """Execute the next step. Return False if there is none, or if another process is writing the collection."""
        self._on_step()
        step = self._claims.claim_next()
        if step is None:
            return self._make_vectors()
        try:
            results = self._remove(step) if step.kind == "remove" else self._index(step)
        except CollectionLocked:
            self._claims.release(step)
            return False
        except CollectionMismatch:  # re-embedded in the meantime: `use` opens it again
            self._collections.forget(step.collection)
            self._claims.release(step)
            return False
        except KeyboardInterrupt:
            self._claims.release(step)
            raise
        except PageLensError as exc:
            results = [FileResult(file.seq, "failed", "collection", str(exc)) for file in step.files]
        except Exception as exc:  # the process must go on with the next step
            logger.exception("a step failed")
            reason = f"PageLens failed unexpectedly, please report it: {type(exc).__name__}"
            results = [FileResult(file.seq, "failed", "internal-error", reason) for file in step.files]
        self._claims.record_results(results)
        return True

    def drain(self) -> None:
        """Execute steps until `run_step` returns False."""
        while self.run_step():
            pass

    def _make_vectors(self) -> bool:
        """Make the vectors that cancelled jobs have left to be made, until a job waits. Return False if there are none,
        or if another process is writing the collection."""
        if not self._without_vectors:
            return False
        name = min(self._without_vectors)

        def report(_: Progress) -> None:
            self._on_step()
            if self._claims.any_waits():
                raise _StepPaused

        on_progress = _ProgressReporter(report)
        try:
            self._collections.use(name, lambda engine: engine.make_vectors(on_progress=on_progress))
        except _StepPaused:
            return True
        except CollectionLocked:
            return False
        except PageLensError as exc:
            logger.warning("vectors of %s are not made now: %s", name, type(exc).__name__)
        self._without_vectors.discard(name)
        return True

    def _remove(self, step: JobStep) -> list[FileResult]:
        requested = {file.sha256 for file in step.files}

        def remove(engine: Engine) -> list[str]:
            with engine.snapshot() as snapshot:
                existing = {row.document.sha256 for row in snapshot.documents.values()} & requested
            return engine.remove(sorted(existing)) if existing else []

        for path in map(text_to_path, self._collections.use(step.collection, remove)):
            if path.is_relative_to(self._uploads):  # other files belong to the user and stay
                _unlink(path)
        return [FileResult(file.seq, "removed") for file in step.files]

    def _index(self, step: JobStep) -> list[FileResult]:
        return self._collections.use(step.collection, lambda engine: self._index_with(engine, step))

    def _index_with(self, engine: Engine, step: JobStep) -> list[FileResult]:
        paths = [text_to_path(file.path) for file in step.files]
        names = {file.path: file.name for file in step.files}
        slice_end = time.monotonic() + self._slice_seconds
        pages = 0  # read in this step

        def report(progress: Progress) -> None:
            self._on_step()
            nonlocal pages
            pages = pages if progress.second_pass else progress.pages
            if self._claims.report_progress(step, pages=pages, current=names.get(progress.path, "")):
                raise _JobCancelled
            is_slice_used = time.monotonic() >= slice_end and progress.pages > 0  # else none ever ends
            if is_slice_used and self._claims.others_wait(step):
                raise _StepPaused

        on_progress = _ProgressReporter(report)
        try:
            if step.files[0].retry:
                engine.retry(paths, on_progress=on_progress)
            return _results(engine, step.files, engine.index(paths, on_progress=on_progress))
        except _JobCancelled:
            unfinished: FileState = "cancelled"
            self._without_vectors.add(step.collection)
        except _StepPaused:
            unfinished = "queued"
        with engine.snapshot() as snapshot:
            failed = [FailedFile(failure.path, failure.code, failure.reason) for failure in snapshot.failures()]
        return _results(engine, step.files, IndexReport(failed=failed), unfinished=unfinished)


class _ProgressReporter:
    """Calls `report` at most every `PROGRESS_SECONDS`."""

    def __init__(self, report: Callable[[Progress], None]) -> None:
        self._report = report
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_SECONDS
            self._report(progress)


def _results(
    engine: Engine, files: Sequence[FileRecord], report: IndexReport, *, unfinished: FileState | None = None
) -> list[FileResult]:
    """Return the results of files: their state in the catalog, and for failed ones the reason from the report. After a
    pause, files that have no vectors yet are not done.

    `unfinished` is the state of files that a cancelled or paused run did not come to; None after a complete run.
    """
    with engine.snapshot() as snapshot:
        rows = snapshot.documents
        paths = {file.path for file in files}
        documents = {path: row.document for row in rows.values() for path in paths.intersection(row.paths)}
        lacking = {key for lane in snapshot.lanes for key in np.unique(document_of(snapshot.unembedded(lane))).tolist()}
        without_vectors = {rows[key].document.sha256 for key in lacking if unfinished == "queued"}
    failures: dict[str, FailedFile] = {
        item.path: item for item in (*report.skipped, *report.failed_before, *report.failed)
    }
    results = []
    for file in files:
        document, failed = documents.get(file.path), failures.get(file.path)
        if failed is not None:
            results.append(FileResult(file.seq, "failed", failed.code.replace(" ", "-"), failed.reason))
        elif document is not None and document.sha256 not in without_vectors:
            results.append(FileResult(file.seq, "indexed", pages=document.page_count, sha256=document.sha256))
        elif unfinished is not None:
            results.append(FileResult(file.seq, unfinished))
        else:
            results.append(FileResult(file.seq, "failed", "vanished", "there is no file at this path any more"))
    return results


def _unlink(upload: Path) -> None:
    """Delete an upload and its folder."""
    upload.unlink(missing_ok=True)
    upload.parent.rmdir()


def _end_with_server() -> None:
    """Stop this process when its standard input is closed; end it by force after `GRACE_SECONDS`, or when it is stuck.

    No thread runs while native code holds the interpreter's lock. The timer of `faulthandler` does, and ends the
    process with a traceback unless it is set again in time.
    """
    while not select.select([0], [], [], WATCH_SECONDS)[0] or os.read(0, 1024):
        faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
    faulthandler.dump_traceback_later(GRACE_SECONDS, exit=True)
    os.kill(os.getpid(), signal.SIGTERM)


def _run(worker: IndexWorker, cleaner: RetentionCleaner) -> NoReturn:
    cleaned = time.monotonic()
    while True:
        if worker.run_step():
            continue
        if time.monotonic() - cleaned > RETENTION_SECONDS:
            cleaner.delete_expired()
            cleaned = time.monotonic()
        time.sleep(POLL_SECONDS)


def main(root: Path, *, default: str, only: bool) -> None:
    """Run until SIGTERM, or until the server has ended."""
    start_log(sys.stderr)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_server, daemon=True).start()
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICENESS)
    folder = ServerFolder(root)
    try:
        with FileLock(folder.worker_lock):
            heartbeat = Heartbeat(folder.worker_heartbeat)
            heartbeat.start()
            database = Database(folder.database)
            collections = Collections(root, read_settings(), default=default, only=only)
            worker = IndexWorker(JobClaims(database), collections, folder.uploads, on_step=heartbeat.beat)
            cleaner = RetentionCleaner(database, collections, folder)
            logger.info("worker started")
            _run(worker, cleaner)
    except PageLensError as exc:
        logger.error("the worker cannot work: %s", exc)
        sys.exit(1)
    except KeyboardInterrupt:
        logger.info("worker ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), default=sys.argv[2], only=sys.argv[3:] == ["only"])
