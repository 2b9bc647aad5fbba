"""Progress of indexing on standard error: a bar in a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from pagelens.api.cli.terminal import display_path, err
from pagelens.api.engine import results
from pagelens.api.engine.indexing import OnProgress

LINE_INTERVAL = 5.0  # seconds between two lines of progress, if standard error is no terminal


@contextmanager
def show_progress() -> Iterator[OnProgress]:
    """Yield a function that shows the progress it is given."""
    if not err.is_terminal:
        yield _ProgressLines()
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

        def on_progress(progress: results.Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = f"{progress.pages / elapsed:.0f}" if elapsed > 1 else "–"
            name = display_path(progress.path)[-40:]
            done, total = max(progress.bytes, 0), max(progress.bytes_total, 1)
            waits = describe_wait(progress)
            bar.update(
                task, description=name, total=total, completed=done, pages=progress.pages, rate=rate, waits=waits
            )

        yield on_progress


_STAGES: dict[results.IndexStage, str] = {
    "reading": "reading",
    "ocr": "OCR",
    "encoding": "encoding",
    "writing": "writing",
}


def describe_wait(progress: results.Progress) -> str:
    """Return what a run waits for: "waits for OCR of p.7"."""
    return f"waits for {_STAGES[progress.waits_for]}" + (f" of p.{progress.page}" if progress.page else "")


class _ProgressLines:
    """Prints progress as a line, at most every `LINE_INTERVAL` seconds."""

    def __init__(self) -> None:
        self._started = self._printed = time.monotonic()

    def __call__(self, progress: results.Progress) -> None:
        now = time.monotonic()
        if now - self._printed < LINE_INTERVAL:
            return
        self._printed = now
        elapsed, share = now - self._started, progress.bytes / max(progress.bytes_total, 1)
        left = f", about {elapsed / share - elapsed:.0f} s left" if share > 0 else ""
        rate = progress.pages / elapsed
        files = f"{progress.files}/{progress.files_total} files"
        waits = describe_wait(progress)
        print(
            f"{share:4.0%}  {files}, {progress.pages} pages, {rate:.1f}/s{left}, {waits}", file=sys.stderr, flush=True
        )
