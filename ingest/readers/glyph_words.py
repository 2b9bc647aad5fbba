"""Words of a page from MuPDF's drawing calls, for scripts in which MuPDF's own text extraction fails.

In Brahmic scripts (Devanagari, Bengali, Tamil, Khmer, ...) it repeats letters where /ActualText (ISO 32000-1, 14.9.4)
stands for several glyphs, and parts words before vowel signs that are drawn left of their consonant. Texts that MuPDF
lays out itself are drawn in the order of the text, whichever way its lines run. Here the glyphs of each /ActualText and
of each orthographic syllable (Unicode, chapter 12) are one unit with one box; a word ends at a blank, or at a gap
between units.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from pagelens.ingest.readers.drawn_glyphs import LINE_SHIFT, GlyphKey, GlyphUnit, draw_glyphs
from pagelens.ingest.readers.mupdf import MuPdfWord
from pagelens.ingest.readers.syllables import GAP, SAME_PLACE, extend, is_drawn_order, syllables

MAX_REPLACED = 30  # characters of an /ActualText that differs from its glyphs: a longer one has no place for its words
_BACKWARDS = 0.5  # of the type size: after a wider step back, a line's units are sorted by position

_BRAHMIC = re.compile("[\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff]")
_LAST_LINES = 8  # of a block, in which a glyph may stand
_NO_BLOCK = -1
NO_GLYPH_TEXTS: Mapping[GlyphKey, str] = MappingProxyType({})


def is_brahmic(text: str) -> bool:
    """Tell whether a page's text has letters of a Brahmic script."""
    return not text.isascii() and _BRAHMIC.search(text) is not None


def glyph_words(
    mupdf_page: Any,
    words: Sequence[MuPdfWord],
    *,
    as_drawn: bool = False,
    glyph_texts: Mapping[GlyphKey, str] = NO_GLYPH_TEXTS,
) -> list[MuPdfWord]:
    """Return the page's words as its glyphs and /ActualText give them; the given ones where those say too little.

    `words` are MuPDF's: their blocks, and the order of these, are kept. `as_drawn`: glyphs are drawn in reading order,
    and all blanks are, so that positions say nothing. `glyph_texts`: what glyphs stand for that have no Unicode value.
    """
    glyphs = draw_glyphs(mupdf_page, glyph_texts) if words else []
    units = _replaced(syllables(glyphs, in_drawn_order=not as_drawn and is_drawn_order(glyphs)))
    if not units or any(unit.group and len(unit.text) > MAX_REPLACED for unit in units):
        return list(words)
    inside: dict[int, list[GlyphUnit]] = {word[5]: [] for word in words}
    for unit, block in zip(units, _blocks_of(units, words), strict=True):
        inside.setdefault(block, []).append(unit)
    inside.pop(_NO_BLOCK, None)  # not on the page, for MuPDF
    found: list[MuPdfWord] = []
    line = 0
    for block, units_of_block in inside.items():
        for units_of_line in _lines(units_of_block):
            in_order = units_of_line if as_drawn else _in_order(units_of_line)
            found += (_as_word(word, block, line) for word in _words(in_order, has_gaps=not as_drawn))
            line += 1
    return found


def drawn_words(glyphs: Sequence[GlyphUnit]) -> list[list[GlyphUnit]]:
    """Return glyphs word by word, each in the order in which its glyphs are drawn."""
    return [word for line in _lines(glyphs) for word in _words(_in_order(line), has_gaps=True)]


def _replaced(units: Sequence[GlyphUnit]) -> list[GlyphUnit]:
    """Return the units with those of one /ActualText made one, unless their glyphs say the same as it does."""
    found: list[GlyphUnit] = []
    for group, members in groupby(units, key=lambda unit: unit.group):
        parts = list(members)
        if not group:
            found += parts
            continue
        if "".join(part.glyph_text for part in parts).split() == parts[0].text.split():
            for part in parts:
                part.text, part.group = part.glyph_text, 0
            found += parts
            continue
        whole = parts[0]
        for part in parts[1:]:
            extend(whole, part)
        found.append(whole)
    return [unit for unit in found if unit.text]


def _blocks_of(units: Sequence[GlyphUnit], words: Sequence[MuPdfWord]) -> list[int]:
    """Return the number of the block that each unit stands in, or `_NO_BLOCK`."""
    boxes: dict[int, tuple[float, float, float, float]] = {}
    for x0, y0, x1, y1, _, block, _ in words:
        left, top, right, bottom = boxes.get(block, (x0, y0, x1, y1))
        boxes[block] = min(left, x0), min(top, y0), max(right, x1), max(bottom, y1)
    numbers, corners = np.array(list(boxes)), np.array(list(boxes.values()))  # (n_blocks, 4)
    found: list[int] = []
    for unit in units:
        middle = np.array([(unit.box[0] + unit.box[2]) / 2, (unit.box[1] + unit.box[3]) / 2])
        outside = np.maximum(np.maximum(corners[:, :2] - middle, middle - corners[:, 2:]), 0).sum(1)
        nearest = int(outside.argmin())
        found.append(int(numbers[nearest]) if outside[nearest] <= unit.size else _NO_BLOCK)
    return found


def _lines(units: Sequence[GlyphUnit]) -> list[list[GlyphUnit]]:
    """Return the units line by line, in the order in which the lines are drawn first."""
    lines: list[list[GlyphUnit]] = []
    for unit in units:
        for line in lines[: -_LAST_LINES - 1 : -1]:
            first = line[0]
            shift = abs(first.baseline - unit.baseline)
            if first.direction == unit.direction and shift < LINE_SHIFT * max(first.size, unit.size):
                line.append(unit)
                break
        else:
            lines.append([unit])
    return lines


def _in_order(line: list[GlyphUnit]) -> list[GlyphUnit]:
    """Return a line's units in reading order; files draw the letters of one font after those of another."""
    backwards = any(after.start < before.start - _BACKWARDS * after.size for before, after in pairwise(line))
    if not backwards:
        return line
    ordered: list[GlyphUnit] = []
    for unit in sorted(line, key=lambda unit: unit.start):
        is_twice = any(
            other.text == unit.text and unit.start - other.start < SAME_PLACE * unit.size for other in ordered[-3:]
        )
        if not is_twice:
            ordered.append(unit)
    return ordered


def _words(line: Sequence[GlyphUnit], *, has_gaps: bool) -> list[list[GlyphUnit]]:
    words: list[list[GlyphUnit]] = [[]]
    end = 0.0
    for unit in line:
        if unit.text.isspace():
            words.append([])
        elif has_gaps and words[-1] and unit.start - end > GAP * unit.size:
            words.append([unit])
        else:
            words[-1].append(unit)
        end = max(end, unit.end) if words[-1] else unit.end
    return [word for word in words if word]


def _as_word(word: Sequence[GlyphUnit], block: int, line: int) -> MuPdfWord:
    x0s, y0s, x1s, y1s = zip(*(unit.box for unit in word), strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s), "".join(unit.text for unit in word), block, line
