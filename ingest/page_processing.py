"""Processing of a file's pages, in whatever process: reading, OCR, and rendering for the image encoders."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, ImageArray, Kind, Page
from pagelens.ingest.ocr.engines import Ocr
from pagelens.ingest.ocr.page_ocr import add_recognised_text
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.readers.reader import OpenedDocument, Reader
from pagelens.ingest.readers.registry import load_reader

LoadReader = Callable[[Kind, ReaderOptions], Reader]
"""Returns the reader of a kind: `pagelens.ingest.readers.registry.load_reader`."""

ReadStage = Literal["opening", "reading", "recognising", "drawing"]
"""What is being done: opening the file, reading a page, OCR of its image, rendering it."""

OnStage = Callable[[Page, ReadStage], None]
"""Called before a further stage of a page begins, with the page as it is so far."""

OnWait = Callable[[Path, int, ReadStage], None]
"""Called from time to time while a page is waited for: its file, its number, what is being done to it."""


@dataclass(frozen=True, slots=True)
class ProcessingOptions:
    """What is done to every page of a run. Sent to worker processes: `load_reader` and `ocr` must be picklable."""

    ocr: Ocr | None = None
    image_side: int = 0  # pixels of the longer side of the page images; 0: no images
    load_reader: LoadReader = load_reader
    reader_options: ReaderOptions = DEFAULT_READER_OPTIONS

    def reader(self, kind: Kind) -> Reader:
        """Return the reader of a kind."""
        return self.load_reader(kind, self.reader_options)


@dataclass(frozen=True, slots=True)
class ReadJob:
    """A file to be read from page `first` (from 1) on."""

    path: Path
    kind: Kind
    sha256: str
    size: int  # bytes
    first: int
    other_paths: tuple[Path, ...] = ()  # of the same bytes, whose names and folders count too


class ProcessedPage(NamedTuple):
    """A page with its text, and its image where one was requested and could be rendered."""

    page: Page
    image: ImageArray | None


class OpenFile(Protocol):
    """An open file, read in this process or by workers."""

    @property
    def document(self) -> Document:
        """What is known of the document as a whole."""
        ...

    def pages(self, first: int, last: int) -> list[ProcessedPage]:
        """Return pages `first` to `last`, fewer where the file ends early. Raises ReadError.

        `first` is the job's first page, then the page after the last one returned.
        """
        ...


class FileOpener(Protocol):
    """Opens files for reading, in this process or in workers."""

    @property
    def lookahead(self) -> int:
        """How many files it wants to be announced before they are opened."""
        ...

    def announce(self, job: ReadJob) -> None:
        """Allow work on a file to start. It is opened later, or cancelled."""
        ...

    def cancel(self, job: ReadJob) -> None:
        """Drop a file that was announced."""
        ...

    def open(self, job: ReadJob) -> AbstractContextManager[OpenFile]:
        """Open a file. Raises ReadError."""
        ...

    def close(self) -> None:
        """Stop all work."""
        ...


def process_pages(
    job: ReadJob, opened: OpenedDocument, first: int, options: ProcessingOptions, on_stage: OnStage | None = None
) -> Iterator[ProcessedPage]:
    """Yield the pages of an open file from page `first` on, each processed when it is requested.

    A page that cannot be rendered says so in `problem`. Raises ReadError; UsageError or WeightsError where the OCR
    engine cannot be loaded.
    """
    pages = opened.pages(first)
    if options.ocr is not None and options.ocr.settings.mode != "never":
        pages = add_recognised_text(_announced(pages, "recognising", on_stage), job.kind, opened, options.ocr)
    if not options.image_side:
        return (ProcessedPage(page, None) for page in pages)
    return (_rendered(page, opened, options.image_side) for page in _announced(pages, "drawing", on_stage))


def parser_error(exc: Exception) -> ReadError:
    """Translate an exception of a parser into an error of the file that was read."""
    if isinstance(exc, MemoryError):
        error = ReadError("too-large", "reading it takes more memory than there is: split it, or make it smaller")
    else:
        error = ReadError("damaged", f"{type(exc).__name__}: {exc}")
    error.__cause__ = exc
    return error


def _announced(pages: Iterable[Page], stage: ReadStage, on_stage: OnStage | None) -> Iterator[Page]:
    for page in pages:
        if on_stage is not None:
            on_stage(page, stage)
        yield page


def _rendered(page: Page, opened: OpenedDocument, side: int) -> ProcessedPage:
    try:
        image = opened.render_page(page.number, side)
        return ProcessedPage(page, np.asarray(image if image.mode == "RGB" else image.convert("RGB")))
    except (ReadError, MemoryError) as exc:
        problem = page.problem or f"its picture could not be made: {str(exc) or 'out of memory'}"
        return ProcessedPage(replace(page, problem=problem), None)
