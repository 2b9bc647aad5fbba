"""What is done to each page of an open file, in whatever process: read, its picture's text read, drawn for encoders.

Knows adapters, OCR and pictures only through what it is given; knows nothing of processes, passages or the catalog.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, ImageArray, Kind, Page
from pagelens.ingest.ocr.page_ocr import Ocr, read_pages
from pagelens.ingest.reader_options import DEFAULT, ReaderOptions
from pagelens.ingest.readers.registry import Adapter, Reading, Sight, load, sight

LoadAdapter = Callable[[Kind, ReaderOptions], Adapter]
"""Finds a kind's adapter: `pagelens.ingest.readers.registry.load`."""

Stage = Literal["opening", "reading", "recognising", "drawing"]
"""What is being done: the file is opened; a page is read, the text in its picture is read, it is drawn."""

Tell = Callable[[Page, Stage], None]
"""Called with a page as it is so far, before a further stage begins on it."""


OnWait = Callable[[Path, int, Stage], None]
"""Called now and then while a page is waited for: its file, its number, what is being done to it."""


@dataclass(frozen=True, slots=True)
class PageWork:
    """What is wanted of every page of a run. Travels to worker processes where `load` and `ocr` can be pickled."""

    ocr: Ocr | None = None
    picture_side: int = 0  # pixels of the longer side of the pictures that encoders look at; 0: none
    load: LoadAdapter = load
    options: ReaderOptions = DEFAULT

    def adapter(self, kind: Kind) -> Adapter:
        """Return the adapter of a kind."""
        return self.load(kind, self.options)


@dataclass(frozen=True, slots=True)
class Job:
    """A file to be read from page `first` (from 1) on, its bytes known."""

    path: Path
    kind: Kind
    sha256: str
    size: int  # bytes
    first: int


class MadePage(NamedTuple):
    """A page with everything that was wanted of it."""

    page: Page
    picture: ImageArray | None


class OpenFile(Protocol):
    """A file being read, wherever that is done."""

    @property
    def document(self) -> Document:
        """What is known of the whole."""
        ...

    def pages(self, first: int, last: int) -> list[MadePage]:
        """Return pages `first` to `last`, fewer where the file ends before. Raises ReadError.

        Each call goes on where the one before ended.
        """
        ...


class Opener(Protocol):
    """Opens files for reading, here or in other processes."""

    @property
    def ahead(self) -> int:
        """How many files it wants to hear of before their turn."""
        ...

    def announce(self, job: Job) -> None:
        """Hear of a file that will be opened later, unless it is forgotten."""
        ...

    def forget(self, job: Job) -> None:
        """Leave a file that was announced."""
        ...

    def opened(self, job: Job) -> AbstractContextManager[OpenFile]:
        """Open a file. Raises ReadError."""
        ...

    def close(self) -> None:
        """Give up everything."""
        ...


def made_pages(job: Job, reading: Reading, first: int, work: PageWork, tell: Tell | None = None) -> Iterator[MadePage]:
    """Yield the pages of an open file from page `first` on, each made when it is asked for.

    A page that cannot be drawn says so in `problem`. Raises ReadError; UsageError and WeightsError where an
    OCR engine cannot be had.
    """
    look = sight(job.path, job.kind, reading)
    pages = reading.pages(first)
    if work.ocr is not None and work.ocr.settings.mode != "never":
        pages = read_pages(_telling(pages, "recognising", tell), job.kind, look, work.ocr)
    if not work.picture_side:
        return (MadePage(page, None) for page in pages)
    return (_drawn(page, look, work.picture_side) for page in _telling(pages, "drawing", tell))


def blamed(exc: Exception) -> ReadError:
    """Say what a parser raised as an error of its file."""
    if isinstance(exc, MemoryError):
        error = ReadError("too-large", "reading it takes more memory than there is: split it, or make it smaller")
    else:
        error = ReadError("damaged", f"{type(exc).__name__}: {exc}")
    error.__cause__ = exc
    return error


def _telling(pages: Iterable[Page], stage: Stage, tell: Tell | None) -> Iterator[Page]:
    for page in pages:
        if tell is not None:
            tell(page, stage)
        yield page


def _drawn(page: Page, look: Sight, side: int) -> MadePage:
    try:
        picture = look.draw(page.number, side)
        return MadePage(page, np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB")))
    except (ReadError, MemoryError) as exc:
        problem = page.problem or f"its picture could not be made: {str(exc) or 'out of memory'}"
        return MadePage(replace(page, problem=problem), None)
