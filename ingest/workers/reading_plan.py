"""Decides which page range a free worker processes next, and collects the pages. Thread-safe.

Ranges are assigned in the order in which their pages will be taken, and ahead of that up to a budget, so that the pages
held in memory depend neither on the length of documents nor on their number.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pagelens.core.errors import PageLensError
from pagelens.core.types import Document
from pagelens.ingest.page_processing import OnWait, ProcessedPage, ReadJob, ReadStage
from pagelens.ingest.page_ranges import has_content, is_quick_to_open, needs_full_check, range_end

SCALE_UP_AFTER = 2.0
"""Seconds spent waiting for pages, in all, until a further worker starts: about what a start with an OCR engine takes.
So a start that does not pay off costs no more than was lost by waiting, and a short run has one worker."""

REPORT_INTERVAL = 0.5  # seconds between two calls of `on_wait`

_Check = Literal["none", "requested", "passed"]


@dataclass(slots=True, eq=False)
class PooledFile:
    """A file that workers read: what was assigned, what came of it. Implements `page_processing.OpenFile`."""

    plan: "ReadingPlan"
    job: ReadJob
    assigned: int  # the last page assigned to a worker
    taken: int  # the last page taken by the consumer
    requested: int = 0  # the last page the consumer waits for
    is_opening: bool = False
    opened: Document | None = None  # once the file is open
    worker: object = None  # the only one that may read the file, where it is slow to open
    stages: dict[int, ReadStage] = field(default_factory=dict)  # by page: what is being done to it
    processed: dict[int, ProcessedPage] = field(default_factory=dict)
    errors: dict[int, PageLensError] = field(default_factory=dict)  # by page: why reading ended before it
    end: int | None = None  # the first page that turned out not to exist
    has_content: bool = False  # some page had no problem, or one that says nothing about the file
    check: _Check = "none"
    lost: float = 0.0  # seconds spent on pages that took too long

    @property
    def document(self) -> Document:
        """What is known of the document; the file must be open."""
        assert self.opened is not None
        return self.opened

    def pages(self, first: int, last: int) -> list[ProcessedPage]:
        """Wait for pages `first` to `last`; see `OpenFile.pages`."""
        return self.plan.take(self, first, last)

    @property
    def held(self) -> int:
        """The number of pages assigned and not taken."""
        last = self.assigned if self.opened is None else min(self.assigned, self.opened.page_count)
        return last - self.taken

    def is_decided(self, number: int) -> bool:
        """Tell whether a page is processed, failed, or known not to exist."""
        return number in self.processed or number in self.errors or (self.end is not None and self.end <= number)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Pages of a file that a worker is to process; see `messages.PageRange`."""

    file: PooledFile
    first: int
    last: int
    check_only: bool = False


class ReadingPlan:
    """Shared by the consumer's thread, which takes pages, and the supervisors' threads, which have them processed."""

    def __init__(
        self,
        *,
        budget: int,
        scale_up_after: float = SCALE_UP_AFTER,
        on_wait: OnWait = lambda *_: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`budget`: pages held at most beyond those that are waited for. `scale_up_after`: see `next_assignment`.

        `on_wait` is called in the consumer's thread and must not call this plan.
        """
        self._on_wait = on_wait
        self._budget = budget
        self._scale_up_after = scale_up_after
        self._clock = clock
        self._waited = 0.0  # seconds since a worker started, and ...
        self._received = 0  # ... pages received while waiting
        self._waiting_since: float | None = None
        self._awaited: tuple[PooledFile, int] | None = None  # the file and page that is waited for
        self._any_file_opened = False
        self._files: list[PooledFile] = []  # in the order in which they will be taken
        # Entered by `with self._lock`, never by the condition, whose `__enter__` is Python code: a Ctrl-C right behind
        # it would leave the lock with the consumer for ever.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._error: Exception | None = None
        self._is_closed = False

    # Called by the consumer

    def announce(self, job: ReadJob) -> None:
        """Add a file after all others."""
        with self._lock:
            self._files.append(PooledFile(self, job, job.first - 1, job.first - 1))
            self._changed.notify_all()

    def cancel(self, job: ReadJob) -> None:
        """Remove a file; results that still arrive for it are discarded."""
        with self._lock:
            self._files = [file for file in self._files if file.job != job]
            self._changed.notify_all()

    def open(self, job: ReadJob) -> PooledFile:
        """Wait until a file is open and return it; one that was not announced goes before all others. Raises ReadError.

        Raises the error that ended all work, too.
        """
        with self._lock:
            file = next((file for file in self._files if file.job == job), None)
            if file is None:
                file = PooledFile(self, job, job.first - 1, job.first - 1)
                self._files.insert(0, file)
            file.requested = job.first
            self._wait(file, job.first, lambda: file.opened is not None or bool(file.errors))
            if file.opened is None:
                raise next(iter(file.errors.values()))
            return file

    def take(self, file: PooledFile, first: int, last: int) -> list[ProcessedPage]:
        """Wait for pages `first` to `last` and return them, fewer where the file ends early.

        Raises the error that ended reading.
        """
        pages: list[ProcessedPage] = []
        with self._lock:
            file.requested = last
            for number in range(first, last + 1):
                self._wait(file, number, lambda number=number: file.is_decided(number))  # type: ignore[misc]
                if number in file.errors:
                    raise file.errors[number]
                if number not in file.processed:
                    break
                pages.append(file.processed.pop(number))
            file.taken = last
            file.has_content |= any(has_content(page) for page, _ in pages)
            self._check_fully(file, last)
        return pages

    def close(self) -> None:
        """Assign nothing any more."""
        with self._lock:
            self._is_closed = True
            self._files = []
            self._changed.notify_all()

    def _wait(self, file: PooledFile, number: int, is_done: Callable[[], bool]) -> None:
        """Wait until `is_done`; report what is waited for. Raises the error that ended all work."""
        self._changed.notify_all()
        self._waiting_since, self._awaited = self._clock(), (file, number)
        while not (is_done() or self._error is not None):
            stage = file.stages.get(number, "reading" if file.opened else "opening")
            self._on_wait(file.job.path, number, stage)
            self._changed.wait_for(lambda: is_done() or self._error is not None, REPORT_INTERVAL)
        self._waited += self._clock() - self._waiting_since
        self._waiting_since = self._awaited = None
        if self._error is not None:
            raise self._error

    def _check_fully(self, file: PooledFile, last: int) -> None:
        """Where no page of a finished file has content, have it read once more in one pass. Raises ReadError."""
        count = file.document.page_count
        if last < count or not needs_full_check(file.job, count, has_content=file.has_content):
            return
        file.check = "requested"
        self._wait(file, count, lambda: file.check == "passed" or bool(file.errors))
        for error in file.errors.values():
            raise error

    # Called by the supervisors of workers

    def next_assignment(self, worker: object, *, is_spare: bool = False) -> Assignment | None:
        """Wait for a page range for a worker and return it; None once the plan is closed.

        A spare worker, which has not been started, gets one only when the consumer has waited, or will at the current
        pace wait, for pages as long as `scale_up_after`.
        """
        with self._lock:
            while not self._is_closed:
                if is_spare and not self._needs_another_worker():
                    self._changed.wait(self._scale_up_after)
                    continue
                for file in self._files:
                    assignment = self._assign(file, worker)
                    if assignment is not None:
                        if is_spare:
                            self._reset_waiting()
                        return assignment
                self._changed.wait()
        return None

    def _needs_another_worker(self) -> bool:
        """Tell whether the consumer waits too long for pages: the time waited, and at this pace to be waited.

        The time until the first file was open does not count: it includes the start of the first worker.
        """
        if not self._scale_up_after:
            return True
        if not self._received:
            return False
        waited = self._waited + (0.0 if self._waiting_since is None else self._clock() - self._waiting_since)
        return waited * (1 + self._missing() / self._received) >= self._scale_up_after

    def _missing(self) -> int:
        """Return how many of the pages that the consumer waits for are not decided yet."""
        if self._awaited is None:
            return 0
        file, number = self._awaited
        return sum(not file.is_decided(page) for page in range(number, file.requested + 1))

    def _reset_waiting(self) -> None:
        self._waited, self._received = 0.0, 0
        if self._waiting_since is not None:
            self._waiting_since = self._clock()

    def file_opened(self, file: PooledFile, document: Document) -> None:
        """Record that a file is open."""
        with self._lock:
            file.opened = file.opened or document
            if not self._any_file_opened:
                self._any_file_opened = True
                self._reset_waiting()
            self._changed.notify_all()

    def stage_started(self, file: PooledFile, number: int, stage: ReadStage) -> None:
        """Record what is being done to a page."""
        with self._lock:
            file.stages[number] = stage

    def add_page(self, file: PooledFile, number: int, page: ProcessedPage, *, has_content: bool = False) -> None:
        """Record a processed page; `has_content`: its problem says nothing about the file as a whole."""
        with self._lock:
            self._received += self._waiting_since is not None
            file.processed[number] = page
            file.stages.pop(number, None)
            file.has_content |= has_content
            self._changed.notify_all()

    def add_lost(self, file: PooledFile, seconds: float) -> float:
        """Add to the time lost on a file's pages that took too long; return the sum in seconds."""
        with self._lock:
            file.lost += seconds
            return file.lost

    def fail(self, file: PooledFile, number: int, error: PageLensError) -> None:
        """Record why reading ended before page `number`."""
        with self._lock:
            file.errors[number] = error
            self._changed.notify_all()

    def complete(self, assignment: Assignment, number: int) -> None:
        """Record that an assignment is done, and that `number` would have been its next page."""
        file = assignment.file
        with self._lock:
            if assignment.check_only:
                file.check = "passed"
            elif file.opened is not None and number <= min(assignment.last, file.opened.page_count):
                file.end = min(number, file.end or number)
            self._changed.notify_all()

    def abort(self, error: Exception) -> None:
        """Record an error that ends all work; the consumer raises it."""
        with self._lock:
            self._error = self._error or error
            self._changed.notify_all()

    def _assign(self, file: PooledFile, worker: object) -> Assignment | None:
        if file.errors or file.end is not None or file.worker not in (None, worker):
            return None
        count = file.opened.page_count if file.opened else None
        if file.check == "requested":
            assert count is not None
            file.check = "none"
            return Assignment(file, 1, count, check_only=True)
        first = file.assigned + 1
        last = range_end(file.job, first, count)
        if first > last or (count is None and file.is_opening):
            return None
        held = sum(other.held for other in self._files)
        if first > file.requested and held + last - first + 1 > self._budget:
            return None
        file.assigned, file.is_opening = last, True
        file.worker = None if is_quick_to_open(file.job.kind) else worker
        return Assignment(file, first, last)
