"""One indexing run: what ingestion tells, encoded and handed to the collection's writer.

Reading, encoding and writing overlap: pages are read ahead by worker processes, windows of them are encoded in threads,
and the thread of the run takes what is read and writes what is encoded.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pagelens.api.engine.embedding import Embedder
from pagelens.api.engine.encoding_queue import Encoded, EncodingQueue
from pagelens.api.engine.file_names import path_to_text
from pagelens.api.engine.results import FailedFile, IndexReport, Progress
from pagelens.api.engine.wait_clock import WaitClock
from pagelens.core.types import ImageArray, Kind
from pagelens.index.catalog.writes import DocumentPages
from pagelens.index.writer import CollectionWriter
from pagelens.ingest.events import Event, Failed, Unchanged, PageWindow
from pagelens.ingest.page_processing import Stage

TELL = 0.5  # seconds between two notes of progress while a window is encoded

OnProgress = Callable[[Progress], None]

Render = Callable[[Path, Kind, int, int], ImageArray]
"""File, kind, page number and pixels of the longer side to a picture. Raises ReadError."""

Keep = Callable[[str, Path], None]
"""Told the SHA-256 of a document and its file."""


def image_side(embedders: Sequence[Embedder]) -> int:
    """Return the pixels of the longer side of the pictures that embedders look at; 0 where none looks at any."""
    return max((embedder.side for embedder in embedders), default=0)


class IndexRun:
    """Consumes events and keeps the report. One run, one writer."""

    def __init__(
        self,
        writer: CollectionWriter,
        embedders: Sequence[Embedder],
        *,
        files: int,
        size: int,
        tell: OnProgress,
        keep: Keep = lambda sha256, path: None,
    ) -> None:
        """`files` and `size` (bytes) are what the run will read in all, for the progress told; `keep` is given each
        document's file before the document can be found."""
        self.report = IndexReport()
        self._writer = writer
        self._embedders = embedders
        self._files_total, self._bytes_total = files, size
        self._files = self._pages = 0
        self._bytes = 0.0
        self._tell, self._keep = tell, keep
        self._path = ""
        self._queue: EncodingQueue | None = None
        self._waits = WaitClock()

    def known(self, sha256: str) -> int | None:
        """Return what the writer knows of some bytes, once what is under way of them is written."""
        while self._queue is not None and self._queue.holds(sha256):
            self._handle_next(self._queue)
        return self._writer.known(sha256)

    def waiting(self, path: Path, page: int, stage: Stage) -> None:
        """Hear what page is waited for, and what is done to it."""
        self._waits.turn_to("ocr" if stage == "recognising" else "reading")
        self._tell_of(path_to_text(path), page)

    def consume(self, events: Iterable[Event]) -> IndexReport:
        """Store everything the events bring; return the report when they end."""
        started = time.monotonic()
        with EncodingQueue(self._embedders) as queue:
            self._queue = queue
            for event in events:
                queue.put(event)
                while queue.is_due:
                    self._handle_next(queue)
            while queue:
                self._handle_next(queue)
        self._waits.turn_to("writing")
        self._writer.commit()
        self.report.seconds = time.monotonic() - started
        return self.report

    def _handle_next(self, queue: EncodingQueue) -> None:
        self._waits.turn_to("encoding")
        while not queue.is_ready(TELL):
            self._tell_of(self._path)
        event, encoded = queue.take()
        self._waits.turn_to("writing")
        self._handle(event, encoded)
        self._waits.turn_to("reading")

    def _handle(self, event: Event, encoded: Encoded | None) -> None:
        if isinstance(event, PageWindow):
            assert encoded is not None
            self._store(event, encoded)
        elif isinstance(event, Unchanged):
            self._note_unchanged(event)
        elif isinstance(event, Failed):
            self._fail(event)
        else:
            self.report.skipped.append(FailedFile(path_to_text(event.path), "skipped", event.reason))

    def _store(self, window: PageWindow, new: Encoded) -> None:
        path, pages, rows = path_to_text(window.path), window.pages, new.rows
        guesses = {pages[place].number: found for place, found in rows.guesses.items()}
        if window.last:
            self._keep(window.document.sha256, window.path)
        self._writer.add(
            DocumentPages(
                window.document,
                path,
                pages,
                window.passages,
                rows.vectors,
                window.last,
                rows.tokens,
                guesses,
                new.looks,
            )
        )
        self.report.pages += len(pages)
        self.report.wordless += sum(page.text.source == "none" for page in pages)
        self.report.documents += window.last
        for page in pages:
            if page.problem:
                self.report.problem_pages.append((path, page.number, page.problem))
        self._advance(path, files=int(window.last), pages=len(window.pages), size=self._share(window))

    def _share(self, window: PageWindow) -> float:
        """Return the bytes of the file that these pages stand for, so that a long file moves the bar as it is read."""
        return window.document.size * len(window.pages) / max(1, window.document.page_count)

    def _note_unchanged(self, event: Unchanged) -> None:
        path = path_to_text(event.path)
        news = self._writer.same(path, event.sha256)
        reason = self._writer.failed_before(event.sha256)
        if reason is not None:
            self.report.failed_before.append(FailedFile(path, "failed before", reason))
        elif news:
            self.report.linked += 1
        else:
            self.report.unchanged += 1
        self._advance(path, files=1, pages=0, size=_size(event))

    def _fail(self, event: Failed) -> None:
        path = path_to_text(event.path)
        self._writer.fail(path, event.sha256, event.code, event.reason)
        self.report.failed.append(FailedFile(path, event.code, event.reason))
        self._advance(path, files=1, pages=0, size=0)

    def _advance(self, path: str, *, files: int, pages: int, size: float) -> None:
        self._files += files
        self._pages += pages
        self._bytes += size
        self._path = path
        self._tell_of(path)

    def _tell_of(self, path: str, page: int = 0) -> None:
        done, total = min(int(self._bytes), self._bytes_total), self._bytes_total
        self._tell(Progress(path, self._files, self._files_total, done, total, self._pages, self._waits.most(), page))


def _size(event: Unchanged) -> int:
    try:
        return event.path.stat().st_size
    except OSError:
        return 0  # gone in the meantime; only the progress bar asked
