"""Readers that hang, crash or take too much memory where a file's name or a page's words say so.

They behave like parsers of broken files: the process hangs with the interpreter's lock held, dies by a signal, or
allocates more memory than it may.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from PIL.Image import Image

from pagelens.core.types import ImageArray, Kind, Page
from pagelens.ingest.ocr.engines import OcrSettings
from pagelens.ingest.ocr.recognition import RecognisedWord, TextRecogniser
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers import registry
from pagelens.ingest.readers.reader import OpenedDocument, Reader


def hang() -> None:
    """Never return, and let no thread run."""
    ctypes.PyDLL(None).sleep(3600)


def crash() -> None:
    """Die as a parser does that writes where it must not."""
    os.kill(os.getpid(), signal.SIGSEGV)


def eat() -> None:
    """Ask for 3 GB."""
    bytearray(3 << 30)


DEEDS: dict[str, Callable[[], None]] = {"hangs": hang, "crashes": crash, "eats": eat}


def misbehave(text: str, when: str) -> None:
    """Misbehave if `text` says so for this moment: "it crashes when read"."""
    for name, deed in DEEDS.items():
        if f"{name} when {when}" in text:
            deed()


class MisbehavingReader:
    """A reader that works, except where a name or text tells it to misbehave."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @contextmanager
    def open_document(
        self, path: Path, *, sha256: str, size: int, other_paths: Sequence[Path] = ()
    ) -> Iterator[OpenedDocument]:
        misbehave(path.stem, "opened")
        with self._reader.open_document(path, sha256=sha256, size=size, other_paths=other_paths) as opened:
            yield OpenedDocument(
                document=opened.document,
                pages=partial(_pages, opened, path),
                render_page=partial(_render, opened),
                bitmap_boxes=opened.bitmap_boxes,
            )

    def render_page(self, path: Path, number: int, *, longest: int) -> Image:
        misbehave(path.stem, "drawn")
        return self._reader.render_page(path, number, longest=longest)


def _pages(opened: OpenedDocument, path: Path, first: int) -> Iterator[Page]:
    for page in opened.pages(first):
        misbehave(page.text.text, "read")
        if "crashes once" in page.text.text and not path.with_suffix(".crashed").exists():
            path.with_suffix(".crashed").touch()
            crash()
        yield page


def _render(opened: OpenedDocument, number: int, longest: int) -> Image:
    misbehave(next(opened.pages(number)).text.text, "drawn")
    return opened.render_page(number, longest)


def load_reader(kind: Kind, options: ReaderOptions) -> Reader:
    """Return a misbehaving reader of a kind."""
    return MisbehavingReader(registry.load_reader(kind, options))


class HangingRecogniser:
    """An OCR engine that never comes to an end."""

    name = "hanging"

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        hang()
        return []


def load_hanging_recogniser(settings: OcrSettings) -> TextRecogniser:
    return HangingRecogniser()


class BusyRecogniser(HangingRecogniser):
    """An OCR engine that computes without end."""

    name = "busy"

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        while True:
            image = image + 1


def load_busy_recogniser(settings: OcrSettings) -> TextRecogniser:
    return BusyRecogniser()


class CountingRecogniser(HangingRecogniser):
    """An OCR engine that reads a word in each row, with the confidence of the first pixel in percent."""

    name = "counting"

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        confidence = int(image[0, 0, 0]) / 100
        return [RecognisedWord("word", 0, row, 9, row + 0.9, 0, row, confidence) for row in range(len(image))]


def load_counting_recogniser(settings: OcrSettings) -> TextRecogniser:
    return CountingRecogniser()
