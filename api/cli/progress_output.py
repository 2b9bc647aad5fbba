"""Progress of indexing on standard error: a bar in a terminal, a line every few seconds elsewhere."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.text import Text

from pagelens.api.cli.terminal import display_path, err
from pagelens.api.engine import results
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.indexing import OnProgress

LINE_INTERVAL = 5.0  # seconds between two lines of progress, if standard error is no terminal
RATE_DECAY_SECONDS = 20.0  # after which what was counted adds less to a rate, by a factor of e
REMAINING_DECAY_SECONDS = 180.0  # as above, of the rate that time left is estimated by: files differ
RATE_SECONDS = 2.0  # that a rate is counted over before it is shown
WORDS_FOUND = "All documents can be searched by their words now; their vectors follow."  # between the two passes
NAME_WIDTH = 40  # characters of a path in the bar: its end


class SmoothedRate:
    """How much is done a second, counted from the first amount on; older amounts count less and less.

    While nothing is done the rate falls with the time waited, no faster: a file of many scans is no standstill.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, decay: float = RATE_DECAY_SECONDS) -> None:
        self._clock = clock
        self._decay = decay
        self._first: float | None = None  # when the first amount was done
        self._last: tuple[float, float] | None = None  # time and amount
        self._amount = self._seconds = 0.0  # decayed

    def update(self, amount: float) -> None:
        """Take the amount that is done so far. Its first part is not counted: nobody knows when it was begun."""
        if not amount or (self._last is not None and amount == self._last[1]):
            return
        now = self._clock()
        if self._last is not None:
            elapsed = now - self._last[0]
            decay = math.exp(-elapsed / self._decay)
            self._amount = self._amount * decay + amount - self._last[1]
            self._seconds = self._seconds * decay + elapsed
        self._first = now if self._first is None else self._first
        self._last = now, amount

    @property
    def per_second(self) -> float | None:
        """The rate; None until it is known."""
        if self._first is None or self._last is None or self._last[0] - self._first < RATE_SECONDS or self._amount <= 0:
            return None
        return self._amount / (self._seconds + self._clock() - self._last[0])


class ProgressMeter:
    """The pages a second and the time left of an indexing run, from its progress reports."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second_pass = False
        self._start()

    def _start(self) -> None:
        self._pages, self._bytes = SmoothedRate(self._clock), SmoothedRate(self._clock, REMAINING_DECAY_SECONDS)
        self._bytes_left = 0

    def update(self, progress: results.Progress) -> None:
        """Take a report. The second pass counts anew."""
        if progress.second_pass != self._second_pass:
            self._second_pass = progress.second_pass
            self._start()
        self._pages.update(progress.pages)
        self._bytes.update(progress.bytes)
        self._bytes_left = progress.bytes_total - progress.bytes

    def begins_second_pass(self, progress: results.Progress) -> bool:
        """Return whether a report that was not taken yet is the first one of the second pass."""
        return progress.second_pass and not self._second_pass

    @property
    def rate(self) -> str:
        """ "2.5 pages/s" or "4 pages/min"; "" until it is known."""
        rate = self._pages.per_second
        if rate is None:
            return ""
        return f"{rate:.{0 if rate >= 10 else 1}f} pages/s" if rate >= 0.2 else f"{max(1, round(rate * 60))} pages/min"

    @property
    def left(self) -> str:
        """ "about 3 min left"; "" until it is known."""
        rate = self._bytes.per_second
        return "" if rate is None else f"about {_duration(self._bytes_left / rate)} left"


def _duration(seconds: float) -> str:
    """Return a time in the one unit that fits: "40 s", "3 min", "2.5 h"."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


@contextmanager
def show_progress(*, verbose: bool = False, console: Console = err) -> Iterator[OnProgress]:
    """Yield a function that shows the progress it is given, on standard error. `verbose`: and each file as it is done;
    `console`: the terminal, if it is one."""
    if not console.is_terminal:
        yield _ProgressLines(verbose=verbose)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task, meter = bar.add_task("looking for files", total=None, state=""), ProgressMeter()

        def on_progress(progress: results.Progress) -> None:
            if progress.waits_for == "looking":
                bar.update(task, state=f"{progress.files_total:,} found")
                return
            if meter.begins_second_pass(progress):
                bar.reset(task)  # else a bar that was full shows no spinner
                bar.console.print(WORDS_FOUND, soft_wrap=True)
            meter.update(progress)
            if verbose and progress.outcome:
                bar.console.print(Text(outcome_line(progress)), soft_wrap=True)
            state = ", ".join(filter(None, (describe_pages(progress), meter.rate, meter.left)))
            bar.update(
                task,
                description=describe_wait(progress),
                total=max(progress.bytes_total, 1),
                completed=max(progress.bytes, 0),
                state=state,
            )

        yield on_progress


_STAGES: dict[results.IndexStage, str] = {
    "looking": "looking for",
    "reading": "reading",
    "ocr": "OCR of",
    "encoding": "encoding",
    "writing": "writing",
}


def describe_wait(progress: results.Progress) -> str:
    """Return what a run waits for: "OCR of scan.pdf p.7"."""
    name = display_path(progress.path)
    short = name if len(name) <= NAME_WIDTH else f"…{name[1 - NAME_WIDTH :]}"
    return f"{_STAGES[progress.waits_for]} {short}" + (f" p.{progress.page}" if progress.page else "")


def describe_pages(progress: results.Progress) -> str:
    """Return how many pages are done: "12 pages", in the second pass "12 pages with vectors"."""
    return f"{progress.pages} pages" + (" with vectors" if progress.second_pass else "")


def outcome_line(progress: results.Progress) -> str:
    """Return what became of a file: "report.pdf: indexed, 12 pages"."""
    return f"{display_path(progress.path)}: {printable(progress.outcome)}"


class _ProgressLines:
    """Prints progress as a line, at most every `LINE_INTERVAL` seconds."""

    def __init__(self, *, verbose: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._verbose, self._clock = verbose, clock
        self._printed = clock()
        self._meter = ProgressMeter(clock)

    def __call__(self, progress: results.Progress) -> None:
        if self._meter.begins_second_pass(progress):
            print(WORDS_FOUND, file=sys.stderr, flush=True)
        self._meter.update(progress)
        if self._verbose and progress.outcome:
            print(outcome_line(progress), file=sys.stderr, flush=True)
        now = self._clock()
        if now - self._printed < LINE_INTERVAL:
            return
        self._printed = now
        print(self._line(progress), file=sys.stderr, flush=True)

    def _line(self, progress: results.Progress) -> str:
        if progress.waits_for == "looking":
            return f"looking for files: {progress.files_total:,} found"
        share = progress.bytes / max(progress.bytes_total, 1)
        files = f"{progress.files}/{progress.files_total} files"
        parts = (
            "" if progress.second_pass else files,
            describe_pages(progress),
            self._meter.rate,
            self._meter.left,
            describe_wait(progress),
        )
        return f"{share:4.0%}  {', '.join(filter(None, parts))}"
