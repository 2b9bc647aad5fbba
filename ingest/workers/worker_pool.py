"""Reads files in worker processes, within limits on time and memory.

A thread supervises each worker: it sends page ranges of the plan, receives pages, and replaces a worker that crashed,
timed out or ran out of memory. A page that brings a worker down costs that page alone.
"""

import logging
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from pagelens.core.errors import ReadError, UsageError
from pagelens.core.types import Page, no_text
from pagelens.ingest.page_processing import OnWait, ProcessedPage, ProcessingOptions, ReadJob, ReadStage
from pagelens.ingest.page_ranges import MAX_RANGE_PAGES
from pagelens.ingest.workers.messages import (
    FileOpened,
    FileRejected,
    MemberExtracted,
    MembersFound,
    OutOfMemory,
    PageChecked,
    PageRange,
    PageRendered,
    RangeCompleted,
    RunAborted,
    StageStarted,
    TextRecognised,
    WorkerMessage,
    WorkerReady,
    WorkerSetup,
)
from pagelens.ingest.workers.reading_plan import SCALE_UP_AFTER, Assignment, PooledFile, ReadingPlan
from pagelens.ingest.workers.worker_handle import WorkerDied, WorkerLost, WorkerTimeout, pickled
from pagelens.ingest.workers.worker_source import MAX_LOST, NewWorkers, Worker, WorkerSource

log = logging.getLogger(__name__)

SMALL_RUN_FILES, SMALL_RUN_BYTES = 8, 1_000_000
"""Up to so many files and bytes are read by one worker: a second one would not have started before they are read."""
SMALL_FILE_BYTES = 1_000_000
"""A file of fewer bytes gets `WorkerLimits.small_file` seconds of CPU time."""
WORKER_MEMORY = 2 << 30
"""Bytes of the machine's memory for each worker; OCR, the worst case, takes about 1 GiB."""

_FINISHING_SECONDS = 0.2  # that `close` waits for a worker that may serve again; a page takes 0.04 s

_STAGE_NAMES: dict[ReadStage, str] = {
    "opening": "opening the file",
    "reading": "reading the page",
    "recognising": "reading the text in its picture",
    "drawing": "drawing the page",
}


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """Limits on opening a file, and on each page, in a worker: wall-clock seconds, CPU seconds, and bytes."""

    opening: float = 120.0
    reading: float = 60.0  # to read a page, and again to render it
    recognising: float = 180.0  # OCR of its image
    small_file: float = 30.0  # CPU seconds to open a small file, or to read or render a page of it; on Linux
    lost: float = 120.0  # on pages of one file that took too long, together; then the file is given up
    memory: int = 2 << 30  # added to the worker's address space; enforced on Linux, not on macOS

    def seconds(self, stage: ReadStage) -> float:
        """Return how long a stage may take."""
        return {"opening": self.opening, "recognising": self.recognising}.get(stage, self.reading)

    def cpu_seconds(self, stage: ReadStage, size: int) -> float:
        """Return for how long a worker may compute in a stage of a file of `size` bytes."""
        return self.small_file if size < SMALL_FILE_BYTES and stage != "recognising" else math.inf


DEFAULT_LIMITS = WorkerLimits()


def suggested_workers(*, files: int, size: int, cores: int) -> int:
    """Return how many workers should read `files` files of `size` bytes in all; 0 where the system has none."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0  # not a POSIX system, which worker processes need
    if files <= SMALL_RUN_FILES and size <= SMALL_RUN_BYTES:
        return 1
    return max(1, min(cores, memory // WORKER_MEMORY))


class WorkerPool:
    """Opens files in worker processes, which start when there is work. Implements `page_processing.FileOpener`."""

    def __init__(
        self,
        options: ProcessingOptions,
        *,
        workers: int,
        window: int,
        limits: WorkerLimits = DEFAULT_LIMITS,
        scale_up_after: float = SCALE_UP_AFTER,
        on_wait: OnWait = lambda *_: None,
        source: WorkerSource | None = None,
    ) -> None:
        """`workers`: processes at most, see `ReadingPlan.next_assignment`; `window`: pages that are taken at once;
        `source`: where the processes come from (None: new ones).

        Raises UsageError where `options` cannot be sent to a process.
        """
        if workers < 1:
            raise UsageError(f"expected at least 1 worker, found {workers}")
        try:
            setup = pickled(WorkerSetup(options, limits.memory))
        except Exception as exc:  # whatever the pickling of a part raises
            raise UsageError(f"expected parts that worker processes can import, found {options} ({exc})") from exc
        self.lookahead = 2 * workers
        budget = (workers + 1) * max(window, MAX_RANGE_PAGES)
        self._plan = ReadingPlan(budget=budget, scale_up_after=scale_up_after, on_wait=on_wait)
        source = source or NewWorkers()
        self._supervisors = [
            _Supervisor(self._plan, setup, limits, source, is_spare=index > 0) for index in range(workers)
        ]

    def announce(self, job: ReadJob) -> None:
        """Let workers start on a file that will be opened later."""
        self._plan.announce(job)
        self._start()

    def cancel(self, job: ReadJob) -> None:
        """Drop a file that was announced."""
        self._plan.cancel(job)

    @contextmanager
    def open(self, job: ReadJob) -> Iterator[PooledFile]:
        """Open a file. Raises ReadError."""
        self._start()
        try:
            yield self._plan.open(job)
        finally:
            self._plan.cancel(job)

    def close(self) -> None:
        """Kill the workers, or give back those that have finished, and wait for their supervisors."""
        self._plan.close()
        for supervisor in self._supervisors:
            supervisor.close()

    def _start(self) -> None:
        for supervisor in self._supervisors:
            if supervisor.ident is None:
                supervisor.start()


_Failure = Literal["took too long", "takes too much memory", "crashed", "lost its worker"]

_MAX_TRIES: dict[_Failure, int] = {"crashed": 2, "lost its worker": MAX_LOST}
"""Workers that a page may bring down. An earlier page may have corrupted a process that crashed; one that was lost says
nothing about the page, unless it happens again and again."""


@dataclass(slots=True)
class _Attempt:
    """One worker's attempt at an assignment: how far it came, and what stopped it."""

    number: int  # the page being processed
    stage: ReadStage = "opening"
    page: Page | None = None  # as far as it was processed
    page_count: int = 0  # of the file, once it is open
    failure: _Failure | None = None
    detail: str = ""

    @property
    def reason(self) -> str:
        """Why the page, or the file, was given up."""
        return f"{_STAGE_NAMES[self.stage]} {self.failure} ({self.detail})"


class _Supervisor(threading.Thread):
    """Keeps one worker busy and replaces it when it fails."""

    def __init__(
        self, plan: ReadingPlan, setup: bytes, limits: WorkerLimits, source: WorkerSource, *, is_spare: bool
    ) -> None:
        super().__init__(name="pagelens-worker", daemon=True)
        self._plan = plan
        self._setup = setup
        self._limits = limits
        self._source = source
        self._is_idle = threading.Event()  # the worker has answered all requests
        self._is_idle.set()
        self._is_spare = is_spare  # until its first assignment
        self._lock = threading.Lock()  # guards the two fields below
        self._worker: Worker | None = None
        self._is_closed = False

    def run(self) -> None:
        """Have the plan's assignments processed until it is closed."""
        try:
            while (assignment := self._plan.next_assignment(self, is_spare=self._is_spare)) is not None:
                self._is_spare = False
                self._is_idle.clear()
                self._process(assignment)
                self._is_idle.set()
        except Exception as exc:  # noqa: BLE001 - raised in the consumer's thread
            self._plan.abort(exc)
        finally:
            self._dispose()

    def close(self) -> None:
        """Kill the worker unless it is idle, and wait for this thread. The plan must be closed before."""
        if self._source.keeps_workers:
            self._is_idle.wait(_FINISHING_SECONDS)  # it may be about to say that its last range is done
        with self._lock:
            self._is_closed = True
            if self._worker is not None and not self._is_idle.is_set():
                self._worker.kill()
        if self.ident is not None:
            self.join()

    def _process(self, assignment: Assignment) -> None:
        """Have an assignment processed, with as many workers as that takes."""
        first, tries = assignment.first, 0
        while True:
            attempt = _Attempt(first)
            self._run(assignment, attempt)
            if attempt.failure is None:
                return
            self._dispose()
            if self._is_closed:
                return
            log.info("%r, page %d: %s", str(assignment.file.job.path), attempt.number, attempt.reason)
            tries = tries + 1 if attempt.number == first else 1
            if not assignment.check_only and tries < _MAX_TRIES.get(attempt.failure, 1):
                first = attempt.number
                continue
            if self._give_up(assignment, attempt):
                return
            first, tries = attempt.number + 1, 0

    def _give_up(self, assignment: Assignment, attempt: _Attempt) -> bool:
        """Record the page or file that failed; tell whether the assignment ends with it."""
        if assignment.check_only:  # the check can only add an error
            self._plan.complete(assignment, attempt.number)
            return True
        if attempt.failure == "lost its worker":
            self._plan.fail(assignment.file, attempt.number, _loss_error(attempt))
            return True
        if attempt.stage == "opening":
            self._plan.fail(assignment.file, attempt.number, _opening_error(attempt))
            return True
        if attempt.failure == "took too long":
            lost = self._plan.add_lost(assignment.file, min(self._time_limits(assignment, attempt.stage)))
            if lost >= self._limits.lost:
                reason = f"its pages took too long ({lost:g} s without a result): split it, or make it smaller"
                self._plan.fail(assignment.file, attempt.number, ReadError("too-large", reason))
                return True
        self._plan.add_page(
            assignment.file, attempt.number, ProcessedPage(_incomplete_page(attempt), None), has_content=True
        )
        return attempt.number >= min(assignment.last, attempt.page_count)

    def _run(self, assignment: Assignment, attempt: _Attempt) -> None:
        """Let the worker process the pages from `attempt.number` on; record in `attempt` what stopped it."""
        worker = self._ensure_worker()
        if worker is None:
            return
        job = assignment.file.job
        try:
            worker.send(PageRange(job, attempt.number, assignment.last, check_only=assignment.check_only))
            while self._handle(assignment, attempt, worker.receive(*self._time_limits(assignment, attempt.stage))):
                pass
        except WorkerTimeout as exc:
            attempt.failure, attempt.detail = "took too long", str(exc)
        except WorkerLost as exc:
            attempt.failure, attempt.detail = "lost its worker", str(exc)
        except WorkerDied as exc:
            attempt.failure, attempt.detail = "crashed", str(exc)

    def _handle(self, assignment: Assignment, attempt: _Attempt, message: WorkerMessage) -> bool:
        """Record a message of the worker; tell whether more messages follow for this assignment."""
        file = assignment.file
        match message:
            case FileOpened(document):
                self._plan.file_opened(file, document)
                attempt.page_count, attempt.stage = document.page_count, "reading"
                return True
            case StageStarted(page, stage):
                attempt.page, attempt.stage = page, stage
                self._plan.stage_started(file, page.number, stage)
                return True
            case ProcessedPage() | PageChecked():
                if isinstance(message, ProcessedPage):
                    self._plan.add_page(file, attempt.number, message)
                attempt.number, attempt.stage, attempt.page = attempt.number + 1, "reading", None
                return True
            case RangeCompleted():
                self._plan.complete(assignment, attempt.number)
            case FileRejected(code, reason):
                self._plan.fail(file, attempt.number, ReadError(code, reason))
            case RunAborted(error):
                self._plan.fail(file, attempt.number, error)
            case OutOfMemory():
                attempt.failure = "takes too much memory"
                attempt.detail = f"more than {self._limits.memory >> 20} MiB"
            case WorkerReady() | PageRendered() | TextRecognised() | MembersFound() | MemberExtracted():
                raise AssertionError(f"a worker answered a page range with {message}")
        return False

    def _time_limits(self, assignment: Assignment, stage: ReadStage) -> tuple[float, float]:
        """Return the wall-clock seconds and the CPU seconds of a stage."""
        return self._limits.seconds(stage), self._limits.cpu_seconds(stage, assignment.file.job.size)

    def _ensure_worker(self) -> Worker | None:
        """Return the worker, a new one where there is none; None once this is closed."""
        with self._lock:
            if self._is_closed:
                return None
            if self._worker is None:
                self._worker = self._source.take(self._setup)
            return self._worker

    def _dispose(self) -> None:
        """Give the worker back where it is idle, else end it."""
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None and self._is_idle.is_set():
            self._source.give_back(self._setup, worker)
        elif worker is not None:
            worker.dispose()


def _opening_error(attempt: _Attempt) -> ReadError:
    """Return the error of a file that could not be opened."""
    if attempt.failure == "crashed":
        return ReadError("damaged", f"{attempt.reason}: copy or download it again")
    return ReadError("too-large", f"{attempt.reason}: split it, or make it smaller")


def _loss_error(attempt: _Attempt) -> ReadError:
    """Return the error of a file over which too many workers were lost."""
    reason = f"page {attempt.number}: {attempt.reason}, {MAX_LOST} times: try again by `pagelens retry`"
    return ReadError("damaged", reason)


def _incomplete_page(attempt: _Attempt) -> Page:
    """Return a page that was given up: as far as it was processed, else without size and text."""
    if attempt.page is None:
        return Page(number=attempt.number, label=None, width=0.0, height=0.0, text=no_text(), problem=attempt.reason)
    problem = "; ".join(filter(None, (attempt.page.problem, attempt.reason)))
    return replace(attempt.page, problem=problem)
