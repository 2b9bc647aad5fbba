"""The interface of the readers of files: `Reader`, and the open file it returns.

A reader turns files of some kinds into documents and pages. `pagelens.ingest.readers.registry` has one for each kind.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import Document, ImageArray, Page

if TYPE_CHECKING:
    from PIL.Image import Image


STRUCK_OUT = "Struck out: "
"""Begins a caption of a page that lists what is struck out on it, and so is not part of its text."""

ReadWords = Callable[[Sequence[ImageArray]], Sequence[str]]
"""Returns the text of each image of a word, as OCR reads it. Raises RecognitionError."""


@dataclass(frozen=True, slots=True)
class OpenedDocument:
    """An open file: its document, and functions for its pages, which are counted from 1. All raise ReadError."""

    document: Document
    pages: Callable[[int], Iterator[Page]]
    """`pages(first)` yields the pages from `first` on; each is read when it is requested."""
    render_page: "Callable[[int, int], Image]"
    """`render_page(number, longest)` returns a page as displayed, RGB, `longest` pixels on its longer side at most."""
    bitmap_boxes: Callable[[int], NDArray[np.float32]]
    """`bitmap_boxes(number)` returns where bitmaps stand on a page: (n, 4) x0 y0 x1 y1, 0..1."""
    may_show_more_words: Callable[[int], bool] = lambda _number: True
    """`may_show_more_words(number)` returns whether words that its text lacks may be seen on a page without bitmaps."""
    struck_boxes: Callable[[int], NDArray[np.float32]] = lambda _number: np.zeros((0, 4), np.float32)
    """`struck_boxes(number)` returns where words of a page's text layer were left out since a line is drawn through
    them: (n, 4) x0 y0 x1 y1, 0..1."""
    has_all_words: bool = False
    """Whether the pages' words are known to be complete, so that OCR reads nothing but bitmaps."""
    is_sound: Callable[[], bool] = lambda: False
    """Whether reading further pages gives what it would give after opening the file anew: nothing was repaired, nothing
    is broken, as far as it was read."""
    read_glyphs: Callable[[int, ReadWords], Page] | None = None
    """`read_glyphs(number, read_words)` reads a page once more, with its glyphs that have no Unicode value: their texts
    are found from images of words in which they stand. None: the format has no such glyphs."""


class Reader(Protocol):
    """Opens and renders files of one kind."""

    def open_document(
        self, path: Path, *, sha256: str, size: int, other_paths: Sequence[Path] = ()
    ) -> AbstractContextManager[OpenedDocument]:
        """Open a file whose hash and size in bytes are known; `other_paths` have the same bytes. Raises ReadError."""
        ...

    def render_page(self, path: Path, number: int, *, longest: int) -> "Image":
        """Return page `number` (from 1) as an RGB image, at most `longest` pixels on its longer side."""
        ...
