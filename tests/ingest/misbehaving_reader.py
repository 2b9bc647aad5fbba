"""Adapters that hang, crash or take too much memory where a file's name or a page's words say so.

They behave like parsers of broken files: the process hangs with the interpreter's lock held, dies by a signal, or
allocates more memory than it may.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from PIL.Image import Image

from pagelens.core.types import ImageArray, Kind, Page
from pagelens.ingest.ocr.engines import OcrSettings
from pagelens.ingest.ocr.recognition import RecognisedWord, TextRecogniser
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers import registry
from pagelens.ingest.readers.registry import Adapter, Reading


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


class MisbehavingAdapter:
    """An adapter that works, except where a name or text tells it to misbehave."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter

    @contextmanager
    def opened(self, path: Path, *, sha256: str, size: int) -> Iterator[Reading]:
        misbehave(path.stem, "opened")
        with self._adapter.opened(path, sha256=sha256, size=size) as reading:
            draw = reading.draw or partial(self._render, path)
            yield Reading(
                reading.document, partial(_pages, reading, path), partial(_draw, reading, draw), reading.pictures
            )

    def render(self, path: Path, number: int, *, longest: int) -> Image:
        return self._adapter.render(path, number, longest=longest)

    def _render(self, path: Path, number: int, longest: int) -> Image:
        return self.render(path, number, longest=longest)


def _pages(reading: Reading, path: Path, first: int) -> Iterator[Page]:
    for page in reading.pages(first):
        misbehave(page.text.text, "read")
        if "crashes once" in page.text.text and not path.with_suffix(".crashed").exists():
            path.with_suffix(".crashed").touch()
            crash()
        yield page


def _draw(reading: Reading, draw: Callable[[int, int], Image], number: int, longest: int) -> Image:
    misbehave(next(reading.pages(number)).text.text, "drawn")
    return draw(number, longest)


def load(kind: Kind, options: ReaderOptions) -> Adapter:
    """Return an adapter of a kind."""
    return MisbehavingAdapter(registry.load(kind, options))


class HangingRecogniser:
    """An OCR engine that never comes to an end."""

    name = "hanging"

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        hang()
        return []


def load_hanging_recogniser(settings: OcrSettings) -> TextRecogniser:
    return HangingRecogniser()
