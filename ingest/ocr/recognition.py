"""The interface of OCR engines, and the division of a recognised line into words.

A line is a quad: its four corners in pixels, (4, 2), from its own top left corner clockwise as its reader sees it. So
the first edge runs in reading direction, however the line is rotated on the image.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import PageLensError
from pagelens.core.types import ImageArray

Quad = NDArray[np.float64]  # (4, 2) x y


class RecognitionError(PageLensError):
    """An engine failed on one image."""


class UnreadTextError(RecognitionError):
    """An image shows lines that an engine cannot read. The message says what to do about it."""

    def __init__(self, message: str, script: str = "") -> None:
        """`script` is that of the text, if it is known; otherwise the lines may be a pattern and no text."""
        super().__init__(message)
        self.script = script


class RecognisedWord(NamedTuple):
    """A word read from an image: its box in pixels, its block and line, and the engine's confidence, 0..1."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    block: int
    line: int
    confidence: float


class TextRecogniser(Protocol):
    """An OCR engine."""

    @property
    def name(self) -> str:
        """The engine's name and version."""
        ...

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        """Return the words on an image in reading order, line by line; an empty list on an image without text.

        Text that is rotated by a multiple of 90 degrees is read too. The same image gives the same words. Raises
        RecognitionError.
        """
        ...


class LinePart(NamedTuple):
    """The characters between two blanks of a line, with their start and end along the line, 0..1."""

    text: str
    start: float
    end: float
    confidence: float


def split_line(text: str, centres: Sequence[float], confidences: Sequence[float]) -> Iterator[LinePart]:
    """Split a line at its blanks.

    `centres` are the positions of its characters along the line, without blanks; `confidences` has one number for each
    character, blanks included. A word ends half a character after its last centre, or half way to the next word where
    that is nearer.
    """
    inked = [index for index, char in enumerate(text) if not char.isspace()]
    assert len(inked) == len(centres) and len(confidences) == len(text), "a centre for each character but blanks"
    runs = [(first, last) for first, last in _runs(inked)]
    half = _half_width(runs, centres)
    for number, (first, last) in enumerate(runs):
        start, end = centres[first] - half, centres[last] + half
        if number:
            start = max(start, (centres[first - 1] + centres[first]) / 2)
        if number + 1 < len(runs):
            end = min(end, (centres[last] + centres[last + 1]) / 2)
        letters = slice(inked[first], inked[last] + 1)
        confidence = float(np.mean(confidences[letters]))
        yield LinePart(text[letters], max(0.0, start), min(1.0, max(start, end)), confidence)


def _runs(inked: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last index into `inked` of each run of adjacent characters."""
    first = 0
    for index in range(1, len(inked) + 1):
        if index == len(inked) or inked[index] != inked[index - 1] + 1:
            yield first, index - 1
            first = index


def _half_width(runs: Sequence[tuple[int, int]], centres: Sequence[float]) -> float:
    """Return half the median distance between adjacent characters of a word."""
    steps = [centres[index + 1] - centres[index] for first, last in runs for index in range(first, last)]
    if steps:
        return float(np.median(steps)) / 2
    return 0.5 / max(1, len(centres) + len(runs) - 1)


def line_part_box(quad: Quad, start: float, end: float) -> tuple[float, float, float, float]:
    """Return the axis-parallel box around the part of a line from `start` to `end` (0..1), in the quad's unit."""
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners = np.array((quad[0] + start * top, quad[0] + end * top, quad[3] + start * bottom, quad[3] + end * bottom))
    (x0, y0), (x1, y1) = corners.min(0).tolist(), corners.max(0).tolist()
    return x0, y0, x1, y1
