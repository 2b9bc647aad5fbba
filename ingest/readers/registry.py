"""How a file of some kind is opened and pictured, and the one place that loads the adapter for it.

Knows no library: PyMuPDF and Pillow are imported when their kind is first asked for. `functools.partial(load,
options=...)` is a `load` for files that need a password, or for a LibreOffice in an odd place.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import Document, Kind, Page
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Reading:
    """An open file: what is known of the whole, and its pages from a given one on, each read when asked for."""

    document: Document
    pages: Callable[[int], Iterator[Page]]  # from page n (from 1); raises ReadError: damaged
    # Of the open file; where a kind has none, it is opened again by its adapter's `render`, and a page is one picture.
    draw: "Callable[[int, int], Image] | None" = None  # page n, longer side in pixels; raises ReadError: damaged
    pictures: Callable[[int], NDArray[np.float32]] | None = None  # (n, 4) 0..1: where bitmaps stand on page n


@dataclass(frozen=True, slots=True)
class Sight:
    """How a document's pages look. Both raise ReadError."""

    draw: "Callable[[int, int], Image]"  # page n (from 1) as displayed, RGB, its longer side of so many pixels at most
    pictures: Callable[[int], NDArray[np.float32]]  # (n, 4) x0 y0 x1 y1, 0..1: where bitmaps stand on page n


class Adapter(Protocol):
    """What a kind's module does."""

    def opened(self, path: Path, *, sha256: str, size: int) -> AbstractContextManager[Reading]:
        """Open a file whose hash and size in bytes are known. Raises ReadError."""
        ...

    def render(self, path: Path, number: int, *, longest: int) -> "Image":
        """Return page `number` (from 1) as an RGB picture, at most `longest` pixels on its longer side."""
        ...


def sight(path: Path, kind: Kind, reading: Reading) -> Sight:
    """Return how the pages of an open file look."""

    def draw_again(number: int, longest: int) -> "Image":
        return load(kind).render(path, number, longest=longest)

    def whole(number: int) -> NDArray[np.float32]:
        return np.array([[0, 0, 1, 1]], np.float32)

    return Sight(reading.draw or draw_again, reading.pictures or whole)


def load(kind: Kind, options: ReaderOptions = DEFAULT_READER_OPTIONS) -> Adapter:
    """Import and return the adapter of a kind."""
    if kind == "pdf":
        from pagelens.ingest.readers.pdf import pdf_reader as pdf

        return _With(pdf.opened, pdf.render, {"passwords": options.passwords})
    if kind == "photo":
        from pagelens.ingest.readers.photos import photo_reader as photos

        return photos
    if kind == "office":
        from pagelens.ingest.readers import office

        return _With(office.opened, office.render, {"options": options})
    if kind == "book" or kind == "text" or kind == "drawing" or kind == "xps":
        from pagelens.ingest.readers import reflowable

        return reflowable
    assert_never(kind)


@dataclass(frozen=True, slots=True)
class _With:
    """An adapter whose functions are told more than every adapter's are."""

    open: "Callable[..., AbstractContextManager[Reading]]"
    draw: "Callable[..., Image]"
    told: Mapping[str, object]

    def opened(self, path: Path, *, sha256: str, size: int) -> AbstractContextManager[Reading]:
        return self.open(path, sha256=sha256, size=size, **self.told)

    def render(self, path: Path, number: int, *, longest: int) -> "Image":
        return self.draw(path, number, longest=longest, **self.told)
