"""Words with boxes to a page's text: cleaned, joined, every span exact. Pure: knows no file format and no OCR."""

import math
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from core.types import PageText, TextSource, no_text

REPLACEMENT = "\ufffd"  # what stands where a glyph has no Unicode value

_SURROGATE = re.compile("[\ud800-\udfff]")
# Controls (blanks among them are split at before), zero-width and direction marks, byte order marks, interlinear marks.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
# Symbol fonts mapped to U+F020..F0FF: bullets and dingbats, no letters.
_DINGBAT = re.compile("[\uf020-\uf0ff]")


class Word(NamedTuple):
    """A word as a reader of some format found it: its box in fractions of the page, the line and block it stands in."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    block: int
    line: int  # within the block


def clean(text: str) -> str:
    """Return the text in NFC without what cannot be seen; lone surrogates become U+FFFD.

    A soft hyphen becomes a hyphen: pages hold glyphs that were drawn, and producers use U+00AD for the drawn hyphen
    ('five-star' and line ends alike), while one that is not drawn leaves no glyph.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SURROGATE.sub(REPLACEMENT, text.replace("\xad", "-"))
    return unicodedata.normalize("NFC", _DINGBAT.sub("", _INVISIBLE.sub("", text)))


def assemble(words: Iterable[Word], *, source: TextSource = "layer", confidence: float | None = None) -> PageText:
    """Join words into a page's text: blank within a line, newline between lines, blank line between blocks.

    Order is kept. Boxes are cut to the page; a word with no part on it, or with nothing to be seen, is dropped.
    """
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    boxes: list[tuple[float, float, float, float]] = []
    position, place = 0, (-1, -1)
    for word in words:
        for part in _parts(word):
            box = _on_page(part)
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


def _parts(word: Word) -> list[Word]:
    """Split at blanks left inside, sharing the box out by characters; drop what is empty once cleaned."""
    raw = word.text.split()
    if len(raw) == 1 and len(raw[0]) == len(word.text):
        text = clean(word.text)
        return [word._replace(text=text)] if text else []
    parts: list[Word] = []
    position = 0
    width = (word.x1 - word.x0) / max(1, len(word.text))
    for piece in raw:
        start = word.text.index(piece, position)
        position = start + len(piece)
        if text := clean(piece):
            parts.append(word._replace(text=text, x0=word.x0 + start * width, x1=word.x0 + position * width))
    return parts


def _on_page(word: Word) -> tuple[float, float, float, float] | None:
    x0, y0, x1, y1 = word[1:5]
    if not math.isfinite(x0 + y0 + x1 + y1) or x1 <= 0 or y1 <= 0 or x0 >= 1 or y0 >= 1:
        return None
    return max(0.0, x0), max(0.0, y0), min(1.0, x1), min(1.0, y1)


def _joint(before: tuple[int, int], after: tuple[int, int]) -> str:
    if before[0] != after[0]:
        return "\n\n"
    return "\n" if before[1] != after[1] else " "
