"""What a text recogniser returns, and how a recognised line becomes words. Pure: knows no engine.

A line is a quad: four corners (4, 2) in pixels, from the line's own top left on, clockwise as its reader sees it. So
the first edge runs along the reading direction whatever way the line lies on the picture.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import PageLensError
from pagelens.core.types import ImageArray

Quad = NDArray[np.float64]  # (4, 2) x y


class RecognitionError(PageLensError):
    """An engine gave up on one picture."""


class RecognisedWord(NamedTuple):
    """A word read from a picture: its box in pixels, its block and line, and the engine's belief in it, 0..1."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    block: int
    line: int
    confidence: float


class TextRecogniser(Protocol):
    """An OCR engine: pictures in, words out."""

    @property
    def name(self) -> str:
        """What the engine is called, with its version."""
        ...

    def recognise(self, picture: ImageArray) -> list[RecognisedWord]:
        """Return the words on a picture in reading order, lines together; none on one without text.

        Text that stands upside down or is turned by a quarter is read too. The same picture gives the same words.
        Raises RecognitionError.
        """
        ...


class Piece(NamedTuple):
    """A run of characters between blanks: where it starts and ends along its line, 0..1."""

    text: str
    start: float
    end: float
    confidence: float


def pieces(text: str, centres: Sequence[float], confidences: Sequence[float]) -> Iterator[Piece]:
    """Split a line at its blanks. `centres` are those of its characters along the line, blanks left out.

    `confidences` has one number for each character, blanks counted. A word ends half a character after its last centre,
    or half way to the next word where that is nearer.
    """
    inked = [at for at, char in enumerate(text) if not char.isspace()]
    assert len(inked) == len(centres) and len(confidences) == len(text), "a centre for each character but blanks"
    runs = [(first, last) for first, last in _runs(inked)]
    half = _half_width(runs, centres)
    for place, (first, last) in enumerate(runs):
        start, end = centres[first] - half, centres[last] + half
        if place:
            start = max(start, (centres[first - 1] + centres[first]) / 2)
        if place + 1 < len(runs):
            end = min(end, (centres[last] + centres[last + 1]) / 2)
        letters = slice(inked[first], inked[last] + 1)
        believed = float(np.mean(confidences[letters]))
        yield Piece(text[letters], max(0.0, start), min(1.0, max(start, end)), believed)


def _runs(inked: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last, as indices into `inked`, of each run of neighbours."""
    first = 0
    for place in range(1, len(inked) + 1):
        if place == len(inked) or inked[place] != inked[place - 1] + 1:
            yield first, place - 1
            first = place


def _half_width(runs: Sequence[tuple[int, int]], centres: Sequence[float]) -> float:
    """Return half the usual distance between neighbouring characters of a word."""
    steps = [centres[at + 1] - centres[at] for first, last in runs for at in range(first, last)]
    if steps:
        return float(np.median(steps)) / 2
    return 0.5 / max(1, len(centres) + len(runs) - 1)


def hull(quad: Quad, start: float, end: float) -> tuple[float, float, float, float]:
    """Return the upright box around the part of a line from `start` to `end`, in the quad's unit."""
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners = np.array((quad[0] + start * top, quad[0] + end * top, quad[3] + start * bottom, quad[3] + end * bottom))
    (x0, y0), (x1, y1) = corners.min(0).tolist(), corners.max(0).tolist()
    return x0, y0, x1, y1
