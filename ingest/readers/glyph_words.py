"""Words of a page from MuPDF's drawing calls, for scripts in which MuPDF's own text extraction fails.

In Brahmic scripts (Devanagari, Bengali, Tamil, Khmer, ...) it repeats letters where /ActualText (ISO 32000-1, 14.9.4)
stands for several glyphs, and parts words before vowel signs that are drawn left of their consonant. Texts that MuPDF
lays out itself are drawn in the order of the text, whichever way its lines run. Here the glyphs of each /ActualText and
of each orthographic syllable (Unicode, chapter 12) are one unit with one box; a word ends at a blank, or at a gap
between units.
"""

import re
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from pagelens.ingest.readers.mupdf import MuPdfWord, pymupdf

MAX_REPLACED = 30  # characters of an /ActualText that differs from its glyphs: a longer one has no place for its words
MAX_UNITS = 100_000  # of a page; one with more is left to MuPDF
GAP = 0.15  # of the type size: a wider gap between two units parts words
_LINE_SHIFT = 0.35  # of the type size: glyphs whose baselines differ by more stand in different lines
_SAME_PLACE = 0.1  # of the type size: a unit drawn twice as near is one, printed bold
_BACKWARDS = 0.5  # of the type size: after a wider step back, a line's units are sorted by position

_BRAHMIC = re.compile("[\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff]")
_LAST_LINES = 8  # of a block, in which a glyph may stand
_NO_BLOCK = -1
# Vowel signs that are drawn left of their consonant, and the consonants (with nukta, virama) that they follow.
_LEFT_SIGN = re.compile(
    "[\u093f\u09bf\u09c7\u09c8\u0a3f\u0abf\u0b47\u0bc6-\u0bc8\u0d46-\u0d48\u0dd9-\u0ddb\u1031\u17c1-\u17c3]"
)
_AFTER_BASE = {"\u09af\u09cd": "\u09cd\u09af"}  # Bengali ya after a consonant: old fonts name it as one before
_CONSONANTS = re.compile(
    "[^\\W\\d][\u093c\u09bc\u0a3c\u0abc\u0b3c]?"
    "(?:[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0d4d\u0dca\u1039\u17d2]\u200d?\\w[\u093c\u09bc\u0a3c\u0abc\u0b3c]?)*"
)
_FIRST_SHARE = 0.05  # of the signs of a page that begin words, from which its glyphs are in the order of drawing
_VIRAMA = 9  # canonical combining class
_CONTINUED = -1  # glyph number of the further characters of a glyph, and their Unicode value where they have none


@dataclass(slots=True)
class _Unit:
    """A syllable, or the text of an /ActualText, with its box along and across its line."""

    text: str
    start: float  # along the writing direction, in points
    end: float
    size: float  # of the type
    baseline: float  # across the writing direction
    direction: tuple[float, float]
    box: tuple[float, float, float, float]
    glyph_text: str = ""  # what its glyphs say, where /ActualText says more
    group: int = 0  # the number of its /ActualText; 0: none
    left_sign: str = ""  # of a syllable: the vowel sign that is drawn left of its consonants


def is_brahmic(text: str) -> bool:
    """Tell whether a page's text has letters of a Brahmic script."""
    return not text.isascii() and _BRAHMIC.search(text) is not None


def glyph_words(mupdf_page: Any, words: Sequence[MuPdfWord], *, as_drawn: bool = False) -> list[MuPdfWord]:
    """Return the page's words as its glyphs and /ActualText give them; the given ones where those say too little.

    `words` are MuPDF's: their blocks, and the order of these, are kept. `as_drawn`: glyphs are drawn in reading order,
    and all blanks are, so that positions say nothing.
    """
    units = _draw_units(mupdf_page, as_drawn=as_drawn) if words else []
    if not units or any(unit.group and len(unit.text) > MAX_REPLACED for unit in units):
        return list(words)
    inside: dict[int, list[_Unit]] = {word[5]: [] for word in words}
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


def _draw_units(mupdf_page: Any, *, as_drawn: bool) -> list[_Unit]:
    """Return the units that the page draws; none where there are more than `MAX_UNITS`, or its content is damaged."""
    rotation = mupdf_page.rotation
    if rotation:
        mupdf_page.set_rotation(0)  # as `get_text` does
    try:
        device = _GlyphDevice()
        mupdf = pymupdf.mupdf
        mupdf.fz_run_page(mupdf_page.this, device, mupdf.FzMatrix(), mupdf.FzCookie())
        mupdf.fz_close_device(device)
    except Exception:  # noqa: BLE001 - SWIG classes without a common base; MuPDF's own words are read then
        return []
    finally:
        if rotation:
            mupdf_page.set_rotation(rotation)
    return [] if device.is_full else _replaced(_syllables(device.units, as_drawn=as_drawn))


def _is_drawn_order(glyphs: Sequence[_Unit]) -> bool:
    """Return whether glyphs come in the order of drawing, not in that of the text.

    Then signs that stand left of their consonant begin words; in the order of the text they follow a consonant.
    """
    signs = [at for at, glyph in enumerate(glyphs) if _LEFT_SIGN.fullmatch(glyph.text)]
    first = [at for at in signs if at == 0 or _parts_words(glyphs[at - 1], glyphs[at])]
    return not signs or len(first) > _FIRST_SHARE * len(signs)


def _parts_words(before: _Unit, glyph: _Unit) -> bool:
    gap = glyph.start - before.end
    return not before.text.strip() or not _is_near(before, glyph) or gap > GAP * glyph.size


def _syllables(glyphs: Sequence[_Unit], *, as_drawn: bool) -> list[_Unit]:
    """Return the glyphs with those of each syllable made one unit, but those of an /ActualText as they are.

    A file without any /ActualText names its glyphs as they are drawn, from left to right: signs that stand left of
    their consonant come before it, and the sign of a leading r (reph) after the consonants above which it stands.
    """
    is_visual = not as_drawn and not any(glyph.group for glyph in glyphs) and _is_drawn_order(glyphs)
    units: list[_Unit] = []
    for glyph in glyphs:
        last = units[-1] if units else None
        is_beside = last is not None and last.direction == glyph.direction and last.group == glyph.group == 0
        if last is None or not is_beside or not _is_near(last, glyph):
            last = None
        if is_visual:
            glyph.text = _AFTER_BASE.get(glyph.text, glyph.text)
        begins = is_visual and _LEFT_SIGN.fullmatch(glyph.text) is not None
        if begins and (last is None or glyph.start > last.end - _SAME_PLACE * glyph.size):
            glyph.left_sign, glyph.text = glyph.text, ""
            units.append(glyph)
        elif last is not None and is_visual and _is_reph(last, glyph):
            last.text = glyph.text + last.text
            _extend(last, glyph)
        elif last is not None and (not glyph.text or _continues(last, glyph.text[0])):
            last.text += glyph.text
            last.glyph_text += glyph.glyph_text
            _extend(last, glyph)
        else:
            units.append(glyph)
    for unit in units:
        if unit.left_sign:
            consonants = _CONSONANTS.match(unit.text)
            at = consonants.end() if consonants else 0
            unit.text = unit.text[:at] + unit.left_sign + unit.text[at:]
    return units


def _is_reph(last: _Unit, glyph: _Unit) -> bool:
    """Tell whether a glyph is a consonant without its vowel, and of no width: it stands upon the letters before it."""
    is_bare = len(glyph.text) == 2 and unicodedata.combining(glyph.text[1]) == _VIRAMA
    return is_bare and bool(last.text) and glyph.end - glyph.start < _SAME_PLACE * glyph.size


def _replaced(units: Sequence[_Unit]) -> list[_Unit]:
    """Return the units with those of one /ActualText made one, unless their glyphs say the same as it does."""
    found: list[_Unit] = []
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
            _extend(whole, part)
        found.append(whole)
    return [unit for unit in found if unit.text]


def _extend(unit: _Unit, other: _Unit) -> None:
    unit.start, unit.end = min(unit.start, other.start), max(unit.end, other.end)
    (x0, y0, x1, y1), (left, top, right, bottom) = unit.box, other.box
    unit.box = (min(x0, left), min(y0, top), max(x1, right), max(y1, bottom))


def _blocks_of(units: Sequence[_Unit], words: Sequence[MuPdfWord]) -> list[int]:
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


def _lines(units: Sequence[_Unit]) -> list[list[_Unit]]:
    """Return the units line by line, in the order in which the lines are drawn first."""
    lines: list[list[_Unit]] = []
    for unit in units:
        for line in lines[: -_LAST_LINES - 1 : -1]:
            first = line[0]
            shift = abs(first.baseline - unit.baseline)
            if first.direction == unit.direction and shift < _LINE_SHIFT * max(first.size, unit.size):
                line.append(unit)
                break
        else:
            lines.append([unit])
    return lines


def _in_order(line: list[_Unit]) -> list[_Unit]:
    """Return a line's units in reading order; files draw the letters of one font after those of another."""
    backwards = any(after.start < before.start - _BACKWARDS * after.size for before, after in pairwise(line))
    if not backwards:
        return line
    ordered: list[_Unit] = []
    for unit in sorted(line, key=lambda unit: unit.start):
        is_twice = any(
            other.text == unit.text and unit.start - other.start < _SAME_PLACE * unit.size for other in ordered[-3:]
        )
        if not is_twice:
            ordered.append(unit)
    return ordered


def _words(line: Sequence[_Unit], *, has_gaps: bool) -> list[list[_Unit]]:
    words: list[list[_Unit]] = [[]]
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


def _as_word(word: Sequence[_Unit], block: int, line: int) -> MuPdfWord:
    x0s, y0s, x1s, y1s = zip(*(unit.box for unit in word), strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s), "".join(unit.text for unit in word), block, line


def _continues(unit: _Unit, character: str) -> bool:
    """Tell whether a character belongs to the syllable before it: a sign of it, or a letter after a virama."""
    text = unit.text
    if not text or text.isspace():
        return bool(unit.left_sign) and unicodedata.category(character) == "Lo"
    if unicodedata.category(character) in ("Mn", "Mc", "Cf"):
        return True
    last = text.rstrip("\u200c\u200d")[-1:]
    return bool(last) and unicodedata.combining(last) == _VIRAMA and unicodedata.category(character) == "Lo"


_Device: Any = pymupdf.mupdf.FzDevice2  # PyMuPDF has no types


class _GlyphDevice(_Device):  # type: ignore[misc]
    """Collects the glyphs that a page draws as units. MuPDF calls its methods."""

    def __init__(self) -> None:
        super().__init__()
        self.use_virtual_fill_text()
        self.use_virtual_stroke_text()
        self.use_virtual_clip_text()
        self.use_virtual_clip_stroke_text()
        self.use_virtual_ignore_text()
        self.use_virtual_begin_metatext()
        self.use_virtual_end_metatext()
        self.units: list[_Unit] = []
        self._replacement: list[str | None] = []  # of the open spans of content, from outside inwards
        self._groups = 0
        self._group = 0

    @property
    def is_full(self) -> bool:
        """Whether the page has more than `MAX_UNITS`."""
        return len(self.units) > MAX_UNITS

    def fill_text(self, _context: Any, text: Any, matrix: Any, *_: Any) -> None:
        """Collect the glyphs of a text that is drawn."""
        self._collect(text, matrix)

    def stroke_text(self, _context: Any, text: Any, _stroke: Any, matrix: Any, *_: Any) -> None:
        """Collect the glyphs of a text whose outlines are drawn."""
        self._collect(text, matrix)

    def clip_text(self, _context: Any, text: Any, matrix: Any, *_: Any) -> None:
        """Collect the glyphs of a text that is filled with a picture."""
        self._collect(text, matrix)

    def clip_stroke_text(self, _context: Any, text: Any, _stroke: Any, matrix: Any, *_: Any) -> None:
        """Collect the glyphs of a text whose outlines are filled with a picture."""
        self._collect(text, matrix)

    def ignore_text(self, _context: Any, text: Any, matrix: Any) -> None:
        """Collect the glyphs of a text that is not drawn."""
        self._collect(text, matrix)

    def begin_metatext(self, _context: Any, kind: int, text: str | None) -> None:
        """Begin a span of content, which may have an /ActualText."""
        is_outermost = not any(replacement is not None for replacement in self._replacement)
        replacement = text if kind == pymupdf.mupdf.FZ_METATEXT_ACTUALTEXT else None
        self._replacement.append(replacement)
        if replacement is not None and is_outermost:
            self._groups += 1
            self._group = self._groups

    def end_metatext(self, _context: Any) -> None:
        """End the span of content that began last."""
        self._replacement.pop()
        if not any(replacement is not None for replacement in self._replacement):
            self._group = 0

    def _collect(self, text: Any, matrix: Any) -> None:
        mupdf = pymupdf.mupdf
        span = text.head
        while span and not self.is_full:
            one = mupdf.FzTextSpan(span)
            self._collect_span(one, one.trm(), mupdf.FzMatrix(matrix))
            span = span.next

    def _collect_span(self, span: Any, glyph_matrix: Any, matrix: Any) -> None:
        mupdf = pymupdf.mupdf
        across = mupdf.fz_concat(glyph_matrix, matrix)
        size = float(np.hypot(across.a, across.b)) or 1.0
        direction = (round(across.a / size, 3), round(across.b / size, 3))
        font = span.font()
        rise, fall = mupdf.fz_font_ascender(font), mupdf.fz_font_descender(font)
        replacement = next((text for text in self._replacement if text is not None), None)
        for index in range(span.m_internal.len):
            item = span.items(index)
            character = chr(item.ucs) if 0 <= item.ucs <= sys.maxunicode else ""
            if item.gid == _CONTINUED and self.units and self.units[-1].group == self._group:
                self._add_character(character)
                continue
            advance = mupdf.fz_advance_glyph(font, item.gid, span.m_internal.wmode) if item.gid >= 0 else 0.0
            place = mupdf.fz_transform_point(mupdf.fz_make_point(item.x, item.y), matrix)
            corners = [
                (place.x + across.a * x + across.c * y, place.y + across.b * x + across.d * y)
                for x, y in ((0, fall), (advance, fall), (0, rise), (advance, rise))
            ]
            along = [x * direction[0] + y * direction[1] for x, y in corners]
            unit = _Unit(
                text=character if replacement is None else replacement,
                start=min(along),
                end=max(along),
                size=size,
                baseline=place.y * direction[0] - place.x * direction[1],
                direction=direction,
                box=(*map(min, *corners), *map(max, *corners)),
                glyph_text=character,
                group=self._group,
            )
            self.units.append(unit)

    def _add_character(self, character: str) -> None:
        """Add a further character of the last glyph."""
        last = self.units[-1]
        last.glyph_text += character
        if not last.group:
            last.text += character


def _is_near(unit: _Unit, other: _Unit) -> bool:
    """Tell whether two units stand in one line, and beside each other."""
    return (
        abs(unit.baseline - other.baseline) < _LINE_SHIFT * unit.size
        and other.start - unit.end < unit.size
        and unit.start - other.end < unit.size
    )
