"""Builds a page's text from words with boxes: words are cleaned and joined, with exact spans."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import PageText, TextSource, no_text
from pagelens.core.word_breaks import is_cjk

GLYPH_GAP = 1.2  # of the type size, beside a single glyph of Chinese or Japanese text: less is letter spacing
WORD_GAP = 0.2  # the same between longer words: more is a blank

REPLACEMENT = "\ufffd"  # stands for a glyph without a Unicode value

_SURROGATE = re.compile("[\ud800-\udfff]")
# Control characters, zero-width and direction marks, byte order marks, interlinear annotations.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
# Characters of symbol fonts, mapped to U+F020..F0FF: bullets and dingbats, no letters.
_DINGBAT = re.compile("[\uf020-\uf0ff]")

# The vowel am of Thai and Lao as two signs, with a tone mark between or not: it has no canonical composition.
_THAI_AM, _LAO_AM = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32"), re.compile("\u0ecd([\u0ec8-\u0ecb]?)\u0eb2")


class Word(NamedTuple):
    """A word as a reader or OCR found it: its box on the displayed page, and the numbers of its block and line."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    block: int
    line: int


def clean_text(text: str) -> str:
    """Return the text in NFC without invisible characters; lone surrogates become U+FFFD.

    A soft hyphen becomes a hyphen: it was drawn, or the page would hold no glyph for it, and producers use U+00AD for
    hyphens within words ('five-star') and at line ends alike.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SURROGATE.sub(REPLACEMENT, text.replace("\xad", "-"))
    text = _DINGBAT.sub("", _INVISIBLE.sub("", text))
    return unicodedata.normalize("NFC", _LAO_AM.sub("\\1\u0eb3", _THAI_AM.sub("\\1\u0e33", text)))


def assemble_text(
    words: Iterable[Word],
    *,
    width: float = 1.0,
    height: float = 1.0,
    source: TextSource = "layer",
    confidence: float | None = None,
) -> PageText:
    """Join words in the given order: a blank within a line, a newline between lines, a blank line between blocks.

    There is no blank between Chinese or Japanese characters of a line, unless the page has one.
    `width` and `height` of the page are in the unit of the boxes. Boxes are clipped to the page; words outside it, and
    words without visible characters, are dropped.
    """
    parts: list[Word] = []
    for word in words:
        text = word[0]
        if text.isascii() and text.isprintable() and " " not in text and text:  # most words; `_parts` says the same
            parts.append(word)
        else:
            parts += _parts(word)
    boxes, is_inside = _on_page(parts, width, height)
    if not is_inside.any():
        return no_text()
    strings: list[str] = []
    previous: Word | None = None
    for part in parts if is_inside.all() else (parts[at] for at in np.flatnonzero(is_inside)):
        strings += ("" if previous is None else _separator(previous, part), part[0])
        previous = part
    ends = np.cumsum([len(string) for string in strings]).reshape(-1, 2)  # (n_words, 2): of separators and of words
    return PageText(
        text="".join(strings),
        spans=ends.astype(np.int32),
        boxes=boxes[is_inside].astype(np.float32),
        source=source,
        confidence=confidence,
    )


def visual_lines(words: Iterable[Word]) -> list[Word]:
    """Renumber lines so that parts of a block that stand side by side are one line, however wide the gap.

    PDF readers split a line at every wide gap: in justified text, after a section number, between table cells.
    """
    renumbered: list[Word] = []
    number, last_block, box = -1, -1, (0.0, 0.0, 0.0, 0.0)
    for (block, _), group in groupby(words, _BLOCK_AND_LINE):
        line = list(group)
        x0, y0, x1, y1 = _union(line)
        if block == last_block and _is_beside(box, line[0][1:5]):
            box = (min(box[0], x0), min(box[1], y0), max(box[2], x1), max(box[3], y1))
        else:
            number, last_block, box = number + 1, block, (x0, y0, x1, y1)
        renumbered += line if line[0].line == number else [Word._make((*word[:6], number)) for word in line]
    return renumbered


_BLOCK_AND_LINE = itemgetter(5, 6)  # of a word


def _union(words: Sequence[Word]) -> tuple[float, float, float, float]:
    """Return the box around some words."""
    if len(words) == 1:
        return words[0][1:5]
    _, lefts, tops, rights, bottoms, _, _ = zip(*words, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _is_beside(line: tuple[float, float, float, float], word: tuple[float, float, float, float]) -> bool:
    """Tell whether a word continues a line to its right: level with it, of about its size, and both horizontal."""
    line_height, word_height = line[3] - line[1], word[3] - word[1]
    heights = (line_height, word_height)
    shared = min(line[3], word[3]) - max(line[1], word[1])
    if shared < 0.6 * min(heights) or max(heights) > 2 * min(heights):
        return False
    return (
        word[0] > line[2] - 0.2 * word_height
        and line[2] - line[0] > 0.4 * line_height
        and word[2] - word[0] > 0.2 * word_height
    )


def _parts(word: Word) -> list[Word]:
    """Clean a word and split it at blanks, dividing its box by characters; drop parts that are empty then."""
    strings = word.text.split()
    if len(strings) == 1 and len(strings[0]) == len(word.text):
        text = clean_text(word.text)
        return [word if text == word.text else word._replace(text=text)] if text else []
    parts: list[Word] = []
    position = 0
    width = (word.x1 - word.x0) / max(1, len(word.text))
    for string in strings:
        start = word.text.index(string, position)
        position = start + len(string)
        if text := clean_text(string):
            parts.append(word._replace(text=text, x0=word.x0 + start * width, x1=word.x0 + position * width))
    return parts


def _on_page(words: Sequence[Word], width: float, height: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the boxes of words clipped to the page, (n_words, 4), 0..1, and whether each lies on the page in part."""
    boxes = np.array([word[1:5] for word in words], np.float64).reshape(-1, 4) / (width, height, width, height)
    with np.errstate(invalid="ignore", over="ignore"):
        x0, y0, x1, y1 = boxes.T
        is_inside = np.isfinite(x0 + y0 + x1 + y1) & (x1 > 0) & (y1 > 0) & (x0 < 1) & (y0 < 1)
        clipped = np.hstack((np.maximum(boxes[:, :2], 0.0) + 0.0, np.minimum(boxes[:, 2:], 1.0)))
    return clipped, is_inside


def _separator(before: Word, after: Word) -> str:
    if before.block != after.block:
        return "\n\n"
    if before.line != after.line:
        return "\n"
    return "" if before.text[-1] > "\u2e7f" and _is_unspaced(before, after) else " "


def _is_unspaced(before: Word, after: Word) -> bool:
    """Tell whether two words of a line are glyphs of Chinese or Japanese text side by side, or one below the other."""
    if not (is_cjk(before.text[-1]) and is_cjk(after.text[0])):
        return False
    size = min(before.x1 - before.x0, before.y1 - before.y0, after.x1 - after.x0, after.y1 - after.y0)
    gap = max(after.x0 - before.x1, after.y0 - before.y1)
    is_glyph = 1 in (len(before.text), len(after.text))
    return gap <= (GLYPH_GAP if is_glyph else WORD_GAP) * size
