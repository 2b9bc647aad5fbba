"""Files read by worker processes, within limits: a page that hangs or crashes its worker costs that page alone.

One thread here keeps one worker: it hands it stretches of the plan, hears of each page, and replaces it when it dies,
falls silent or runs out of memory. Knows nothing of passages or the catalog.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from pagelens.core.errors import ReadError, UsageError
from pagelens.core.types import Document, Page, no_text
from pagelens.ingest.page_processing import Job, MadePage, OnWait, PageWork, Stage
from pagelens.ingest.page_ranges import LONGEST
from pagelens.ingest.workers.reading_plan import PATIENCE, Assignment, Draft, Plan
from pagelens.ingest.workers.worker_handle import WorkerGone, WorkerHandle, WorkerSilent, pickled
from pagelens.ingest.workers.worker_process import (
    Begun,
    Ended,
    Made,
    Message,
    Opened,
    OutOfMemory,
    Raised,
    Ready,
    Refused,
    Setup,
    Stretch,
)

log = logging.getLogger(__name__)

SMALL_FILES, SMALL_SIZE = 8, 1_000_000
"""Up to so many files and bytes are read before a process has started: 0.4 s."""
WORKER_MEMORY = 2 << 30
"""Bytes of the machine's memory for each worker; at its worst, reading the text in pictures, one takes about 1 GiB."""

_DOING: dict[Stage, str] = {
    "opening": "opening the file",
    "reading": "reading the page",
    "recognising": "reading the text in its picture",
    "drawing": "drawing the page",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file's opening, and each page, may take in a worker. Time is wall-clock seconds."""

    opening: float = 120.0
    reading: float = 60.0  # to read a page, and again to draw it
    recognising: float = 180.0  # to read the text in its picture
    memory: int = 2 << 30  # bytes that it may add to the worker's address space; Linux keeps to it, macOS does not

    def of(self, stage: Stage) -> float:
        """Return the seconds that a stage may take."""
        return {"opening": self.opening, "recognising": self.recognising}.get(stage, self.reading)


LIMITS = Limits()


def suggested_workers(*, files: int, size: int, cores: int) -> int:
    """Return how many workers should read so many files of so many bytes in all; 0: none is worth its start."""
    if files <= SMALL_FILES and size <= SMALL_SIZE:
        return 0
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0  # not a system that has what worker processes need
    return max(1, min(cores, memory // WORKER_MEMORY))


class Crew:
    """Opens files in worker processes, which start when there is something to do. Implements `page_work.Opener`."""

    def __init__(
        self,
        work: PageWork,
        *,
        workers: int,
        window: int,
        limits: Limits = LIMITS,
        patience: float = PATIENCE,
        on_wait: OnWait = lambda *_: None,
    ) -> None:
        """`workers`: at most; all but the first start once pages were waited for `patience` seconds. `window`: pages
        that are taken at once. Raises UsageError where `work` cannot travel to a process."""
        if workers < 1:
            raise UsageError(f"expected at least 1 worker, found {workers}")
        try:
            setup = pickled(Setup(work, limits.memory))
        except Exception as exc:  # whatever a part's own pickling raises
            raise UsageError(f"expected parts that worker processes can import, found {work} ({exc})") from exc
        self.ahead = 2 * workers
        self._plan = Plan(budget=(workers + 1) * max(window, LONGEST), patience=patience, on_wait=on_wait)
        self._keepers = [_Keeper(self._plan, setup, limits, is_spare=at > 0) for at in range(workers)]

    def announce(self, job: Job) -> None:
        """See `Opener.announce`."""
        self._plan.announce(job)
        self._start()

    def forget(self, job: Job) -> None:
        """See `Opener.forget`."""
        self._plan.forget(job)

    @contextmanager
    def opened(self, job: Job) -> Iterator["FileElsewhere"]:
        """See `Opener.opened`."""
        self._start()
        try:
            yield FileElsewhere(self._plan, self._plan.begin(job))
        finally:
            self._plan.forget(job)

    def close(self) -> None:
        """Kill the workers and wait for their keepers."""
        self._plan.close()
        for keeper in self._keepers:
            keeper.close()

    def _start(self) -> None:
        for keeper in self._keepers:
            if keeper.ident is None:
                keeper.start()


class FileElsewhere:
    """A file that workers read. Implements `page_work.OpenFile`."""

    def __init__(self, plan: Plan, draft: Draft) -> None:
        assert draft.document is not None
        self._plan = plan
        self._draft = draft
        self.document: Document = draft.document

    def pages(self, first: int, last: int) -> list[MadePage]:
        """See `OpenFile.pages`."""
        return self._plan.take(self._draft, first, last)


How = Literal["took too long", "takes too much memory", "crashed"]


@dataclass(slots=True)
class _Attempt:
    """How far a worker is with a task, and what stopped it."""

    at: int  # the page in work
    stage: Stage = "opening"
    page: Page | None = None  # what there is of it
    last: int = 0  # of the file, once it is open
    lost: How | None = None
    detail: str = ""

    @property
    def reason(self) -> str:
        """Why the page, or the file, was given up."""
        return f"{_DOING[self.stage]} {self.lost} ({self.detail})"


class _Keeper(threading.Thread):
    """Keeps one worker busy and replaces it when it is lost."""

    def __init__(self, plan: Plan, setup: bytes, limits: Limits, *, is_spare: bool) -> None:
        super().__init__(name="pagelens-worker", daemon=True)
        self._plan = plan
        self._setup = setup
        self._limits = limits
        self._is_spare = is_spare  # until it has begun
        self._lock = threading.Lock()  # around the worker's coming
        self._worker: WorkerHandle | None = None
        self._is_closed = False

    def run(self) -> None:
        """Do what the plan assigns until it is closed."""
        try:
            while (task := self._plan.next(self, is_spare=self._is_spare)) is not None:
                self._is_spare = False
                self._do(task)
        except Exception as exc:  # noqa: BLE001 - for the thread that waits for pages to raise
            self._plan.abort(exc)
        finally:
            self._dispose()

    def close(self) -> None:
        """Kill the worker, whatever it is doing, and wait for this thread. The plan must be closed."""
        with self._lock:
            self._is_closed = True
            if self._worker is not None:
                self._worker.kill()
        if self.ident is not None:
            self.join()

    def _do(self, task: Assignment) -> None:
        """Have a task's pages made, however many workers that takes."""
        first, again = task.first, False
        while True:
            attempt = _Attempt(first)
            self._run(task, attempt)
            if attempt.lost is None:
                return
            self._dispose()
            if self._is_closed:
                return
            log.info("%r, page %d: %s", str(task.draft.job.path), attempt.at, attempt.reason)
            # A crash may be owed to a page before that left the process sick: once more, in a fresh one.
            again = attempt.lost == "crashed" and not task.bare and not (again and attempt.at == first)
            if not again and self._give_up(task, attempt):
                return
            first = attempt.at if again else attempt.at + 1

    def _give_up(self, task: Assignment, attempt: _Attempt) -> bool:
        """Do without what was lost; tell whether the task is at its end."""
        if task.bare:  # it only adds to what is known
            self._plan.end(task, attempt.at)
            return True
        if attempt.stage == "opening":
            self._plan.fail(task.draft, attempt.at, _refusal(attempt))
            return True
        self._plan.add(task.draft, attempt.at, MadePage(_given_up(attempt), None), is_sound=True)
        return attempt.at >= min(task.last, attempt.last)

    def _run(self, task: Assignment, attempt: _Attempt) -> None:
        """Let the worker make the task's pages from `attempt.at` on."""
        worker = self._working()
        if worker is None:
            return
        try:
            worker.send(Stretch(task.draft.job, attempt.at, task.last, bare=task.bare))
            while self._goes_on(task, attempt, worker.receive(self._limits.of(attempt.stage))):
                pass
        except WorkerSilent:
            attempt.lost, attempt.detail = "took too long", f"more than {self._limits.of(attempt.stage):g} s"
        except WorkerGone as exc:
            attempt.lost, attempt.detail = "crashed", str(exc)

    def _goes_on(self, task: Assignment, attempt: _Attempt, message: Message) -> bool:
        """Note what a worker says; tell whether it will say more of this task."""
        draft = task.draft
        match message:
            case Opened(document):
                self._plan.open(draft, document)
                attempt.last, attempt.stage = document.page_count, "reading"
                return True
            case Begun(page, stage):
                attempt.page, attempt.stage = page, stage
                self._plan.note(draft, page.number, stage)
                return True
            case Made(page):
                if page is not None:
                    self._plan.add(draft, attempt.at, page)
                attempt.at, attempt.stage, attempt.page = attempt.at + 1, "reading", None
                return True
            case Ended():
                self._plan.end(task, attempt.at)
            case Refused(code, reason):
                self._plan.fail(draft, attempt.at, ReadError(code, reason))
            case Raised(error):
                self._plan.fail(draft, attempt.at, error)
            case OutOfMemory():
                attempt.lost, attempt.detail = "takes too much memory", f"more than {self._limits.memory >> 20} MiB"
            case Ready():
                raise AssertionError("a worker says once that it is ready")
        return False

    def _working(self) -> WorkerHandle | None:
        """Return the worker, a new one where there is none; None once this is closed."""
        with self._lock:
            if self._worker is None and not self._is_closed:
                self._worker = WorkerHandle(self._setup)
            return self._worker

    def _dispose(self) -> None:
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.dispose()


def _refusal(attempt: _Attempt) -> ReadError:
    """Return the error of a file that could not be opened."""
    if attempt.lost == "crashed":
        return ReadError("damaged", f"{attempt.reason}: copy or download it again")
    return ReadError("too-large", f"{attempt.reason}: split it, or make it smaller")


def _given_up(attempt: _Attempt) -> Page:
    """Return what there is of a page that was given up; where it was not read, a page without size and text."""
    if attempt.page is None:
        return Page(attempt.at, None, 0.0, 0.0, no_text(), problem=attempt.reason)
    problem = "; ".join(filter(None, (attempt.page.problem, attempt.reason)))
    return replace(attempt.page, problem=problem)
