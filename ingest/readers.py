"""How a file of some kind is opened and pictured, and the one place that loads the adapter for it.

Knows no library: PyMuPDF and Pillow are imported when their kind is first asked for.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, assert_never

from core.types import Document, Kind, Page

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Reading:
    """An open file: what is known of the whole, and its pages from a given one on, each read when asked for."""

    document: Document
    pages: Callable[[int], Iterator[Page]]  # from page n (from 1); raises ReadError: damaged


class Adapter(Protocol):
    """What a kind's module does."""

    def opened(self, path: Path, *, sha256: str, size: int) -> AbstractContextManager[Reading]:
        """Open a file whose hash and size in bytes are known. Raises ReadError."""
        ...

    def render(self, path: Path, number: int, *, longest: int) -> "Image":
        """Return page `number` (from 1) as an RGB picture, at most `longest` pixels on its longer side."""
        ...


def load(kind: Kind) -> Adapter:
    """Import and return the adapter of a kind."""
    if kind == "pdf":
        from ingest import pdf

        return pdf
    if kind == "photo":
        from ingest import photos

        return photos
    assert_never(kind)
