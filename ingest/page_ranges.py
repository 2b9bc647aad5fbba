"""A file's pages a stretch at a time, so that it does not matter who reads which.

A damaged PDF reads differently after a page that made MuPDF repair it, and what MuPDF says of a broken object it says
once. So a PDF is opened again for each stretch (10 ms, a quarter of a page), and the same stretches are read wherever
that is done. Kinds that are slow to open stay open, and one process reads them from the first page to the last.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack

from pagelens.core.types import Kind, Page
from pagelens.ingest.page_processing import Job, MadePage, PageWork, Tell, made_pages
from pagelens.ingest.readers.registry import Reading

STRETCH = 4
"""Pages: few enough to share a scan of 40 among processes, enough to keep a process from waiting for the next."""
LONGEST = 32
"""Pages of a stretch of a long document, which is slower to open."""

_OF_A_DOCUMENT = 64  # stretches of a long document, until they would be longer than that
_QUICK_TO_OPEN: tuple[Kind, ...] = ("pdf", "photo")


def is_quick_to_open(kind: Kind) -> bool:
    """Tell whether files of a kind are opened for each stretch, and may be by several processes."""
    return kind in _QUICK_TO_OPEN


def stretch_end(job: Job, first: int, count: int | None) -> int:
    """Return the last page of the stretch that begins at `first`; `count` is the file's pages, None: not known yet.

    The first stretch of a job does not depend on how many there are.
    """
    size = STRETCH if count is None or first == job.first else min(max(STRETCH, count // _OF_A_DOCUMENT), LONGEST)
    return first + size - 1 if count is None else min(first + size - 1, count)


class StretchReader:
    """Keeps one file open, from stretch to stretch."""

    def __init__(self, work: PageWork) -> None:
        self._work = work
        self._file = ExitStack()
        self._job: Job | None = None
        self._reading: Reading | None = None

    def open(self, job: Job) -> Reading:
        """Return the open file. Raises ReadError."""
        if self._reading is None or job != self._job:
            self.close()
            opening: AbstractContextManager[Reading] = self._work.adapter(job.kind).opened(
                job.path, sha256=job.sha256, size=job.size
            )
            self._reading = self._file.enter_context(opening)
            self._job = job
        return self._reading

    def pages(self, job: Job, first: int, last: int, tell: Tell | None = None) -> Iterator[MadePage]:
        """Yield pages `first` to `last`, as far as the file goes. Raises what `page_work.made_pages` raises."""
        reading = self.open(job)
        pages = made_pages(job, reading, first, self._work, tell)
        for _ in range(first, min(last, reading.document.page_count) + 1):
            page = next(pages, None)
            if page is None:
                return
            yield page
        if is_quick_to_open(job.kind):
            self.close()

    def bare(self, job: Job) -> Iterator[None]:
        """Read all pages in one go, and nothing but read; yield at each. Raises ReadError where none is left.

        Only one go tells a file whose pages are all lost from one with many bad pages.
        """
        self.close()
        reading = self.open(job)
        for _ in reading.pages(1):
            yield
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._reading = None
        self._file.close()


def something_left(page: Page) -> bool:
    """Tell whether a page shows that not all of its file is lost."""
    return not page.problem or bool(page.text.text)


def needs_one_go(job: Job, count: int, *, is_sound: bool) -> bool:
    """Tell whether a file of `count` pages must be read in one go; `is_sound`: of some of them something is left."""
    return not is_sound and job.first == 1 and count > STRETCH
