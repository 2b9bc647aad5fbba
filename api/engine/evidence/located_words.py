"""Finds the words of a citation on its page: those that spell its quote, within its boxes."""

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import Box, Citation, PageText

RIGHT_TO_LEFT = ("R", "AL", "AN")  # bidirectional classes of Unicode
MARGIN = 1e-4  # fractions of the page: boxes went through float32


class LocatedWord(NamedTuple):
    """A word of a page, its box, and the line of the citation that it stands in, from 0."""

    text: str
    box: Box
    line: int


def squeezed(text: str) -> str:
    """Return a text without blanks, for comparing texts that are spaced differently."""
    return "".join(text.split())


def locate_words(citation: Citation, page: PageText) -> list[LocatedWord]:
    """Return the words of a citation in reading order: the run that spells its quote, else all in its boxes.

    A quote that was shortened with "…" is found by the words before it. No words where the citation has no boxes.
    """
    inside = _inside(citation.boxes, page)
    if not len(inside):
        return []
    words = [page.text[slice(*page.spans[at])] for at in inside]
    run = _run(words, squeezed(citation.quote.removesuffix("…")))
    rows = inside[run] if run is not None else inside
    located: list[LocatedWord] = []
    line, end = -1, 0
    for at in rows.tolist():
        start = int(page.spans[at, 0])
        if line < 0 or "\n" in page.text[end:start] or start < end:
            line += 1
        end = int(page.spans[at, 1])
        located.append(LocatedWord(page.text[start:end], Box(*map(float, page.boxes[at])), line))
    return located


def is_interrupted(words: Sequence[LocatedWord], page: PageText) -> bool:
    """Return whether two words side by side that follow each other in a citation do not on the page: another word
    stands between them, or the second stands before the first (after it, in scripts from right to left)."""
    x, y = page.boxes[:, 0::2].mean(axis=1), page.boxes[:, 1::2].mean(axis=1)
    for (text, box, _), (_, other, _) in pairwise(words):
        top, bottom = max(box.y0, other.y0), min(box.y1, other.y1)
        if bottom - top < min(box.y1 - box.y0, other.y1 - other.y0) / 2:
            continue  # on another line
        is_before = other.x1 <= box.x0 and not any(unicodedata.bidirectional(char) in RIGHT_TO_LEFT for char in text)
        if is_before or np.any((x > box.x1) & (x < other.x0) & (y > top) & (y < bottom)):
            return True
    return False


def _inside(boxes: Sequence[Box], page: PageText) -> NDArray[np.int64]:
    """Return the rows of the words whose middle is in one of the boxes."""
    x, y = page.boxes[:, 0::2].mean(axis=1), page.boxes[:, 1::2].mean(axis=1)
    mask = np.zeros(len(page.boxes), np.bool_)
    for x0, y0, x1, y1 in boxes:
        mask |= (x >= x0 - MARGIN) & (x <= x1 + MARGIN) & (y >= y0 - MARGIN) & (y <= y1 + MARGIN)
    return np.flatnonzero(mask)


def _run(words: Sequence[str], quote: str) -> slice | None:
    """Return the first run of words that spells a quote without blanks; None if none does."""
    for first in range(len(words)):
        rest = quote
        for last in range(first, len(words)):
            word = squeezed(words[last])
            if not rest.startswith(word):
                break
            rest = rest[len(word) :]
            if not rest:
                return slice(first, last + 1)
    return None


def line_boxes(citation: Mapping[str, Any]) -> list[Box]:
    """Return a box around the words of each line of a bundle's citation."""
    lines: dict[int, Sequence[float]] = {}
    for word in citation["words"]:
        x0, y0, x1, y1 = word["box"]
        a0, b0, a1, b1 = lines.get(word["line"], (x0, y0, x1, y1))
        lines[word["line"]] = (min(a0, x0), min(b0, y0), max(a1, x1), max(b1, y1))
    return [Box(*line) for line in lines.values()]
