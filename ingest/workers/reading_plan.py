"""Which pages of which file are made next, by whoever is free, and what has come of them. For several threads.

Pages are handed out in the order in which they will be taken, and ahead of that up to a budget: what is held in memory
does not depend on how long documents are, nor on how many there are. Knows nothing of processes.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pagelens.core.errors import PageLensError
from pagelens.core.types import Document
from pagelens.ingest.page_processing import Job, MadePage, OnWait, Stage
from pagelens.ingest.page_ranges import is_quick_to_open, needs_one_go, something_left, stretch_end

PATIENCE = 2.0
"""Seconds to be waited for pages in all before a further reader starts: about what its start costs, an OCR engine
loaded. So a start that does not pay costs no more than was lost by waiting, and a short run has one reader."""

TELL = 0.5  # seconds between two notes of what is waited for

_Check = Literal["no", "wanted", "passed"]


@dataclass(slots=True, eq=False)
class Draft:
    """A file on its way."""

    job: Job
    handed: int  # the last page handed out
    taken: int  # the last page taken
    wanted: int = 0  # the last page somebody waits for
    is_opening: bool = False
    document: Document | None = None
    owner: object = None  # the only one to read it, where it is slow to open
    stages: dict[int, Stage] = field(default_factory=dict)  # what is being done to pages in work
    made: dict[int, MadePage] = field(default_factory=dict)
    errors: dict[int, PageLensError] = field(default_factory=dict)  # page -> why reading ended before it
    end: int | None = None  # the first page that turned out not to be there
    is_sound: bool = False  # some page had no problem, or its problem says nothing about the file
    check: _Check = "no"

    @property
    def held(self) -> int:
        """Pages handed out and not taken."""
        return (self.handed if self.document is None else min(self.handed, self.document.page_count)) - self.taken

    def has(self, number: int) -> bool:
        """Tell whether it is known what became of a page."""
        return number in self.made or number in self.errors or (self.end is not None and self.end <= number)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Pages that somebody is to make, as far as the file goes; `bare`: only to be read in this order."""

    draft: Draft
    first: int
    last: int
    bare: bool = False


class Plan:
    """What is shared between the thread that takes pages and those that have them made."""

    def __init__(
        self,
        *,
        budget: int,
        patience: float = PATIENCE,
        on_wait: OnWait = lambda *_: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`budget`: pages held ahead of what is waited for; `patience`: see `next`, seconds; `on_wait` is called by
        the thread that takes pages, and must not call back."""
        self._on_wait = on_wait
        self._budget = budget
        self._patience = patience
        self._clock = clock
        self._waited = 0.0  # seconds, since a reader began,
        self._made = 0  # and pages that came meanwhile
        self._waiting_since: float | None = None
        self._awaited: tuple[Draft, int] | None = None  # the file and its page waited for
        self._is_begun = False  # some file is open
        self._drafts: list[Draft] = []  # in the order of their turns
        self._news = threading.Condition()
        self._error: Exception | None = None
        self._is_closed = False

    # For the thread that takes pages

    def announce(self, job: Job) -> None:
        """Note a file that comes behind all others."""
        with self._news:
            self._drafts.append(Draft(job, job.first - 1, job.first - 1))
            self._news.notify_all()

    def forget(self, job: Job) -> None:
        """Drop a file; what is still made of it is not kept."""
        with self._news:
            self._drafts = [draft for draft in self._drafts if draft.job != job]
            self._news.notify_all()

    def begin(self, job: Job) -> Draft:
        """Wait until a file is open and return its draft; one that was not announced goes before all others.

        Raises what opening it raised.
        """
        with self._news:
            draft = next((draft for draft in self._drafts if draft.job == job), None)
            if draft is None:
                draft = Draft(job, job.first - 1, job.first - 1)
                self._drafts.insert(0, draft)
            draft.wanted = job.first
            self._wait(draft, job.first, lambda: draft.document is not None or bool(draft.errors))
            if draft.document is None:
                raise next(iter(draft.errors.values()))
            return draft

    def take(self, draft: Draft, first: int, last: int) -> list[MadePage]:
        """Wait for neighbouring pages and return them, fewer where the file ends before. Raises what ended reading."""
        found: list[MadePage] = []
        with self._news:
            draft.wanted = last
            for number in range(first, last + 1):
                self._wait(draft, number, lambda number=number: draft.has(number))  # type: ignore[misc]
                if number in draft.errors:
                    raise draft.errors[number]
                if number not in draft.made:
                    break
                found.append(draft.made.pop(number))
            draft.taken = last
            draft.is_sound |= any(something_left(page) for page, _ in found)
            self._check_whole(draft, last)
        return found

    def close(self) -> None:
        """End: nothing is handed out any more."""
        with self._news:
            self._is_closed = True
            self._drafts = []
            self._news.notify_all()

    def _wait(self, draft: Draft, number: int, is_there: Callable[[], bool]) -> None:
        """Wait until something is there, or nothing can be made any more; tell now and then what page is waited for."""
        self._news.notify_all()
        self._waiting_since, self._awaited = self._clock(), (draft, number)
        while not (is_there() or self._error is not None):
            self._on_wait(draft.job.path, number, draft.stages.get(number, "reading" if draft.document else "opening"))
            self._news.wait_for(lambda: is_there() or self._error is not None, TELL)
        self._waited += self._clock() - self._waiting_since
        self._waiting_since = self._awaited = None
        if self._error is not None:
            raise self._error

    def _check_whole(self, draft: Draft, last: int) -> None:
        """Where each page had a problem, have them read in one go."""
        assert draft.document is not None
        count = draft.document.page_count
        if last < count or not needs_one_go(draft.job, count, is_sound=draft.is_sound):
            return
        draft.check = "wanted"
        self._wait(draft, count, lambda: draft.check == "passed" or bool(draft.errors))
        for error in draft.errors.values():
            raise error

    # For those that have pages made

    def next(self, reader: object, *, is_spare: bool = False) -> Assignment | None:
        """Wait for something to do for a reader and return it; None when there will be nothing more.

        One that is spare gets something once pages were waited for so long that its start pays.
        """
        with self._news:
            while not self._is_closed:
                if is_spare and not self._is_short():
                    self._news.wait(self._patience)
                    continue
                for draft in self._drafts:
                    found = self._assigned(draft, reader)
                    if found is not None:
                        if is_spare:
                            self._count_anew()
                        return found
                self._news.wait()
        return None

    def _is_short(self) -> bool:
        """Tell whether those who read keep the one who takes pages waiting: how long they did, and will at this pace
        for the pages that are waited for. How long the first took to start is no sign of it."""
        if not self._patience:
            return True
        if not self._made:
            return False
        waited = self._waited + (0.0 if self._waiting_since is None else self._clock() - self._waiting_since)
        return waited * (1 + self._missing() / self._made) >= self._patience

    def _missing(self) -> int:
        """Return how many pages are still to come of those that are waited for."""
        if self._awaited is None:
            return 0
        draft, number = self._awaited
        return sum(not draft.has(one) for one in range(number, draft.wanted + 1))

    def _count_anew(self) -> None:
        self._waited, self._made = 0.0, 0
        if self._waiting_since is not None:
            self._waiting_since = self._clock()

    def open(self, draft: Draft, document: Document) -> None:
        """Note that a file is open."""
        with self._news:
            draft.document = draft.document or document
            if not self._is_begun:
                self._is_begun = True
                self._count_anew()
            self._news.notify_all()

    def note(self, draft: Draft, number: int, stage: Stage) -> None:
        """Note what is being done to a page."""
        with self._news:
            draft.stages[number] = stage

    def add(self, draft: Draft, number: int, page: MadePage, *, is_sound: bool = False) -> None:
        """Note a page that is made; `is_sound`: its problem says nothing about the file."""
        with self._news:
            self._made += self._waiting_since is not None
            draft.made[number] = page
            draft.stages.pop(number, None)
            draft.is_sound |= is_sound
            self._news.notify_all()

    def fail(self, draft: Draft, number: int, error: PageLensError) -> None:
        """Note why reading ended before page `number`."""
        with self._news:
            draft.errors[number] = error
            self._news.notify_all()

    def end(self, task: Assignment, number: int) -> None:
        """Note that a task is done, and that `number` would have been its next page."""
        draft = task.draft
        with self._news:
            if task.bare:
                draft.check = "passed"
            elif draft.document is not None and number <= min(task.last, draft.document.page_count):
                draft.end = min(number, draft.end or number)
            self._news.notify_all()

    def abort(self, error: Exception) -> None:
        """Note that nothing can be made any more; whoever waits raises the error."""
        with self._news:
            self._error = self._error or error
            self._news.notify_all()

    def _assigned(self, draft: Draft, reader: object) -> Assignment | None:
        if draft.errors or draft.end is not None or draft.owner not in (None, reader):
            return None
        count = draft.document.page_count if draft.document else None
        if draft.check == "wanted":
            assert count is not None
            draft.check = "no"
            return Assignment(draft, 1, count, bare=True)
        first = draft.handed + 1
        last = stretch_end(draft.job, first, count)
        if first > last or (count is None and draft.is_opening):
            return None
        held = sum(one.held for one in self._drafts)
        if first > draft.wanted and held + last - first + 1 > self._budget:
            return None
        draft.handed, draft.is_opening = last, True
        draft.owner = None if is_quick_to_open(draft.job.kind) else reader
        return Assignment(draft, first, last)
