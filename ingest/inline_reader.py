"""Reads files in this process, one at a time, without limits on time or memory."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice

from pagelens.core.types import Document, Page
from pagelens.ingest.page_processing import OnWait, ProcessedPage, ProcessingOptions, ReadJob, ReadStage
from pagelens.ingest.page_ranges import PageRangeReader, has_content, needs_full_check, range_end


class InlineReader:
    """Opens files in this process. Implements `page_processing.FileOpener`."""

    lookahead = 0

    def __init__(self, options: ProcessingOptions, on_wait: OnWait = lambda *_: None) -> None:
        self._options = options
        self._on_wait = on_wait

    def announce(self, job: ReadJob) -> None:
        """Do nothing: files are read when they are opened."""

    def cancel(self, job: ReadJob) -> None:
        """Do nothing: nothing was started."""

    @contextmanager
    def open(self, job: ReadJob) -> Iterator["InlineFile"]:
        """Open a file. Raises ReadError."""
        with closing(PageRangeReader(self._options)) as reader:
            yield InlineFile(job, reader, self._on_wait)

    def close(self) -> None:
        """Do nothing: `open` closes its file."""


class InlineFile:
    """A file that is read in this process. Implements `page_processing.OpenFile`."""

    def __init__(self, job: ReadJob, reader: PageRangeReader, on_wait: OnWait) -> None:
        self._on_wait = on_wait
        self.document: Document = reader.open(job).document
        self._job = job
        self._reader = reader
        self._pages = self._all_pages()
        self._has_content = False

    def pages(self, first: int, last: int) -> list[ProcessedPage]:
        """Return pages `first` to `last`; see `OpenFile.pages`."""
        pages = list(islice(self._pages, last - first + 1))
        self._has_content |= any(has_content(page) for page, _ in pages)
        count = self.document.page_count
        if last == count and needs_full_check(self._job, count, has_content=self._has_content):
            for _ in self._reader.check(self._job):
                pass
        return pages

    def _report_stage(self, page: Page, stage: ReadStage) -> None:
        self._on_wait(self._job.path, page.number, stage)

    def _all_pages(self) -> Iterator[ProcessedPage]:
        first = self._job.first
        while first <= self.document.page_count:
            last = range_end(self._job, first, self.document.page_count)
            for page in self._reader.pages(self._job, first, last, self._report_stage):
                first += 1
                yield page
            if first <= last:
                return  # the file ended early
