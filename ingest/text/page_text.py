"""Words with boxes to a page's text: cleaned, joined, every span exact. Pure: knows no file format and no OCR."""

import math
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from pagelens.core.types import PageText, TextSource, no_text

REPLACEMENT = "\ufffd"  # what stands where a glyph has no Unicode value

_SURROGATE = re.compile("[\ud800-\udfff]")
# Controls (blanks among them are split at before), zero-width and direction marks, byte order marks, interlinear marks.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
# Symbol fonts mapped to U+F020..F0FF: bullets and dingbats, no letters.
_DINGBAT = re.compile("[\uf020-\uf0ff]")


class Word(NamedTuple):
    """A word as a reader of some format found it: its box as displayed, the block and the line it stands in."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    block: int
    line: int


def clean_text(text: str) -> str:
    """Return the text in NFC without what cannot be seen; lone surrogates become U+FFFD.

    A soft hyphen becomes a hyphen: pages hold glyphs that were drawn, and producers use U+00AD for the drawn hyphen
    ('five-star' and line ends alike), while one that is not drawn leaves no glyph.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SURROGATE.sub(REPLACEMENT, text.replace("\xad", "-"))
    return unicodedata.normalize("NFC", _DINGBAT.sub("", _INVISIBLE.sub("", text)))


def assemble_text(
    words: Iterable[Word],
    *,
    width: float = 1.0,
    height: float = 1.0,
    source: TextSource = "layer",
    confidence: float | None = None,
) -> PageText:
    """Join words into a page's text: blank within a line, newline between lines, blank line between blocks.

    `width` and `height` are the page's, in the unit of the boxes. Order is kept. Boxes are cut to the page; a word with
    no part on it, or with nothing to be seen, is dropped.
    """
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    boxes: list[tuple[float, float, float, float]] = []
    position, place = 0, (-1, -1)
    for word in words:
        for part in _parts(word):
            box = _on_page(part, width, height)
            if box is None:
                continue
            joint = _joint(place, (part.block, part.line)) if spans else ""
            position += len(joint)
            pieces += (joint, part.text)
            spans.append((position, position + len(part.text)))
            boxes.append(box)
            position, place = spans[-1][1], (part.block, part.line)
    if not spans:
        return no_text()
    return PageText("".join(pieces), np.array(spans, np.int32), np.array(boxes, np.float32), source, confidence)


def visual_lines(words: Iterable[Word]) -> list[Word]:
    """Number lines anew: pieces of a block that stand side by side are one line, however wide the gap.

    PDF readers part a line at every wide gap: in justified text, after a section's number, between the cells of a row.
    """
    renumbered: list[Word] = []
    number, before, hull = -1, (-1, -1), (0.0, 0.0, 0.0, 0.0)
    for text, x0, y0, x1, y1, block, line in words:
        goes_on = (block, line) == before
        if goes_on or (block == before[0] and _is_beside(hull, (x0, y0, x1, y1))):
            hull = (min(hull[0], x0), min(hull[1], y0), max(hull[2], x1), max(hull[3], y1))
        else:
            number, hull = number + 1, (x0, y0, x1, y1)
        before = (block, line)
        renumbered.append(Word(text, x0, y0, x1, y1, block, number))
    return renumbered


def _is_beside(line: tuple[float, float, float, float], word: tuple[float, float, float, float]) -> bool:
    """Say whether a word goes on a line to its right: same height on the page, about the same size, neither upright."""
    tall, small = line[3] - line[1], word[3] - word[1]
    shared = min(line[3], word[3]) - max(line[1], word[1])
    if shared < 0.6 * min(tall, small) or max(tall, small) > 2 * min(tall, small):
        return False
    return word[0] > line[2] - 0.2 * small and line[2] - line[0] > 0.4 * tall and word[2] - word[0] > 0.2 * small


def _parts(word: Word) -> list[Word]:
    """Split at blanks left inside, sharing the box out by characters; drop what is empty once cleaned."""
    raw = word.text.split()
    if len(raw) == 1 and len(raw[0]) == len(word.text):
        text = clean_text(word.text)
        return [word if text == word.text else word._replace(text=text)] if text else []
    parts: list[Word] = []
    position = 0
    width = (word.x1 - word.x0) / max(1, len(word.text))
    for piece in raw:
        start = word.text.index(piece, position)
        position = start + len(piece)
        if text := clean_text(piece):
            parts.append(word._replace(text=text, x0=word.x0 + start * width, x1=word.x0 + position * width))
    return parts


def _on_page(word: Word, width: float, height: float) -> tuple[float, float, float, float] | None:
    x0, y0, x1, y1 = word.x0 / width, word.y0 / height, word.x1 / width, word.y1 / height
    if not math.isfinite(x0 + y0 + x1 + y1) or x1 <= 0 or y1 <= 0 or x0 >= 1 or y0 >= 1:
        return None
    return max(0.0, x0), max(0.0, y0), min(1.0, x1), min(1.0, y1)


def _joint(before: tuple[int, int], after: tuple[int, int]) -> str:
    if before[0] != after[0]:
        return "\n\n"
    return "\n" if before[1] != after[1] else " "
