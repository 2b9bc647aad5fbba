"""Files read in this process, one at a time, pages in their order. Knows nothing of limits."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice

from pagelens.core.types import Document, Page
from pagelens.ingest.page_processing import Job, MadePage, OnWait, PageWork, Stage
from pagelens.ingest.page_ranges import StretchReader, needs_one_go, something_left, stretch_end


class FilesHere:
    """Opens files here. Implements `page_work.Opener`."""

    ahead = 0

    def __init__(self, work: PageWork, on_wait: OnWait = lambda *_: None) -> None:
        self._work = work
        self._on_wait = on_wait

    def announce(self, job: Job) -> None:
        """See `Opener.announce`: nothing is done before its turn."""

    def forget(self, job: Job) -> None:
        """See `Opener.forget`."""

    @contextmanager
    def opened(self, job: Job) -> Iterator["FileHere"]:
        """See `Opener.opened`."""
        with closing(StretchReader(self._work)) as reader:
            yield FileHere(job, reader, self._on_wait)

    def close(self) -> None:
        """See `Opener.close`."""


class FileHere:
    """An open file. Implements `page_work.OpenFile`."""

    def __init__(self, job: Job, reader: StretchReader, on_wait: OnWait) -> None:
        self._on_wait = on_wait
        self.document: Document = reader.open(job).document
        self._job = job
        self._reader = reader
        self._pages = self._all()
        self._is_sound = False

    def pages(self, first: int, last: int) -> list[MadePage]:
        """See `OpenFile.pages`."""
        found = list(islice(self._pages, last - first + 1))
        self._is_sound |= any(something_left(page) for page, _ in found)
        count = self.document.page_count
        if last == count and needs_one_go(self._job, count, is_sound=self._is_sound):
            for _ in self._reader.bare(self._job):
                pass
        return found

    def _tell(self, page: Page, stage: Stage) -> None:
        self._on_wait(self._job.path, page.number, stage)

    def _all(self) -> Iterator[MadePage]:
        first = self._job.first
        while first <= self.document.page_count:
            last = stretch_end(self._job, first, self.document.page_count)
            for page in self._reader.pages(self._job, first, last, self._tell):
                first += 1
                yield page
            if first <= last:
                return  # the file ended before
