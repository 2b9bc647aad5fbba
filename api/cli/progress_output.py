"""How far indexing is: a bar in a terminal, now and then a line elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from pagelens.api.cli.terminal import display_path, err
from pagelens.api.engine import results
from pagelens.api.engine.indexing import OnProgress

LOG_SECONDS = 5.0  # between two lines of progress where there is no terminal


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Show how far indexing is: a bar in a terminal, now and then a line elsewhere. Written to standard error."""
    if not err.is_terminal:
        yield _Lines()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[pages]} pages, {task.fields[rate]}/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[waits]}", markup=False),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("looking for files", total=None, pages=0, rate="–", waits="")

        def tell(now: results.Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = f"{now.pages / elapsed:.0f}" if elapsed > 1 else "–"
            name = display_path(now.path)[-40:]
            done, total = max(now.bytes, 0), max(now.bytes_total, 1)
            waits = describe_wait(now)
            bar.update(task, description=name, total=total, completed=done, pages=now.pages, rate=rate, waits=waits)

        yield tell


_WAITS: dict[results.Waits, str] = {"reading": "reading", "ocr": "OCR", "encoding": "encoding", "writing": "writing"}


def describe_wait(now: results.Progress) -> str:
    """Return what a run waits for, in words."""
    return f"waits for {_WAITS[now.waits_for]}" + (f" of p.{now.page}" if now.page else "")


class _Lines:
    """Progress where there is no terminal: now and then a line."""

    def __init__(self) -> None:
        self._started = self._told = time.monotonic()

    def __call__(self, now: results.Progress) -> None:
        moment = time.monotonic()
        if moment - self._told < LOG_SECONDS:
            return
        self._told = moment
        elapsed, share = moment - self._started, now.bytes / max(now.bytes_total, 1)
        left = f", about {elapsed / share - elapsed:.0f} s left" if share > 0 else ""
        rate = now.pages / elapsed
        files = f"{now.files}/{now.files_total} files"
        waits = describe_wait(now)
        print(f"{share:4.0%}  {files}, {now.pages} pages, {rate:.1f}/s{left}, {waits}", file=sys.stderr, flush=True)
