"""Reads a file range by range, so that the result does not depend on which process reads which pages.

A damaged PDF reads differently after a page that made MuPDF repair it, and MuPDF reports a broken object only once. So
a PDF is opened again for each range, unless it is sound as far as it was read: opening it and reading its fonts again
cost a sixth of reading. The same ranges are read inline and by workers. Files of kinds that are slow to open stay open,
and one process reads all their pages in order.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace

from pagelens.core.types import Kind, Page
from pagelens.ingest.members.extraction import extracted
from pagelens.ingest.page_processing import OnStage, ProcessedPage, ProcessingOptions, ReadJob, process_pages
from pagelens.ingest.readers.reader import OpenedDocument

MIN_RANGE_PAGES = 4
"""Few enough to share a scan of 40 pages among processes, enough that a process rarely waits for its next range."""
MAX_RANGE_PAGES = 32
"""Pages of a range of a long document, which is slower to open."""

MAX_OPEN_PAGES = 64
"""Pages that are read of a sound PDF before it is opened again, since MuPDF keeps the objects that it has read."""

_RANGES_PER_DOCUMENT = 64  # of a long document, unless ranges would be longer than the maximum
_QUICK_TO_OPEN: tuple[Kind, ...] = ("pdf", "photo")


def is_quick_to_open(kind: Kind) -> bool:
    """Tell whether files of a kind are opened again for each range, so that several processes may read one."""
    return kind in _QUICK_TO_OPEN


def range_end(job: ReadJob, first: int, page_count: int | None) -> int:
    """Return the last page of the range that begins at page `first`; `page_count` None: not known yet.

    The first range of a job does not depend on the page count.
    """
    if page_count is None:
        return first + MIN_RANGE_PAGES - 1
    size = MIN_RANGE_PAGES
    if first != job.first:
        size = min(max(size, page_count // _RANGES_PER_DOCUMENT), MAX_RANGE_PAGES)
    return min(first + size - 1, page_count)


class PageRangeReader:
    """Reads page ranges of files; keeps at most one file open between ranges."""

    def __init__(self, options: ProcessingOptions) -> None:
        self._options = options
        self._file = ExitStack()
        self._job: ReadJob | None = None
        self._opened: OpenedDocument | None = None
        self._pages = 0  # read of the open file

    def open(self, job: ReadJob) -> OpenedDocument:
        """Return the open file. Raises ReadError."""
        if self._opened is None or job != self._job:
            self.close()
            path = self._file.enter_context(extracted(job.path, self._options.reader_options))
            opening: AbstractContextManager[OpenedDocument] = self._options.reader(job.kind).open_document(
                path, sha256=job.sha256, size=job.size, other_paths=job.other_paths
            )
            opened = self._file.enter_context(opening)
            if path != job.path:  # the names of a member's temporary file are no facts that may change
                opened = replace(opened, document=replace(opened.document, path_facts=""))
            self._opened = opened
            self._job = job
            self._pages = 0
        return self._opened

    def pages(self, job: ReadJob, first: int, last: int, on_stage: OnStage | None = None) -> Iterator[ProcessedPage]:
        """Yield pages `first` to `last`, fewer where the file ends early. Raises what `process_pages` raises."""
        opened = self.open(job)
        pages = process_pages(job, opened, first, self._options, on_stage)
        for _ in range(first, min(last, opened.document.page_count) + 1):
            page = next(pages, None)
            if page is None:
                return
            self._pages += 1
            yield page
        if is_quick_to_open(job.kind) and not self._may_stay_open(opened, last):
            self.close()

    def _may_stay_open(self, opened: OpenedDocument, last: int) -> bool:
        """Tell whether pages after `last` are read as if the file were opened again."""
        return last < opened.document.page_count and self._pages < MAX_OPEN_PAGES and opened.is_sound()

    def check(self, job: ReadJob) -> Iterator[None]:
        """Read all pages in one pass without processing them; yield after each. Raises ReadError if none has content.

        Only one pass over all pages tells a file whose pages are all lost from one with many bad pages.
        """
        self.close()
        opened = self.open(job)
        for _ in opened.pages(1):
            yield
        self.close()

    def close(self) -> None:
        """Close the open file, if any."""
        self._opened = None
        self._file.close()


def has_content(page: Page) -> bool:
    """Tell whether a page shows that its file is not lost altogether."""
    return not page.problem or bool(page.text.text)


def needs_full_check(job: ReadJob, page_count: int, *, has_content: bool) -> bool:
    """Tell whether a file must be read once more in one pass (`PageRangeReader.check`): no page of it has content."""
    return not has_content and job.first == 1 and page_count > MIN_RANGE_PAGES
