"""The glyphs of a page as MuPDF draws them: what each stands for, by the file, and where it stands."""

import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.text.page_text import REPLACEMENT

MAX_UNITS = 100_000  # of a page; one with more is left to MuPDF
LINE_SHIFT = 0.35  # of the type size: glyphs whose baselines differ by more stand in different lines
VIRAMA = 9  # canonical combining class
MIN_INK = 0.001  # of the type size: the width of a glyph that is not blank
MIN_RISE = 0.4  # of the type size: the ink of a sign above letters begins as high
_CONTINUED = -1  # glyph number of the further characters of a glyph, and their Unicode value where they have none
_UNDEFINED = re.compile("[\ufffd\uffff\ue000-\uf01f\uf100-\uf8ff\U000f0000-\U0010ffff]")

GlyphKey = tuple[str, int]
"""A glyph of a document: the name of its font, as it is embedded, and its number in it."""


@dataclass(slots=True)
class GlyphUnit:
    """A glyph, a syllable, or the text of an /ActualText, with its box along and across its line."""

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
    unmapped: GlyphKey | None = None  # of a glyph for which the file names no character
    side: Literal["above", "below", ""] = ""  # where a consonant without its vowel is drawn, if not among the letters


def draw_glyphs(mupdf_page: Any, glyph_texts: Mapping[GlyphKey, str]) -> list[GlyphUnit]:
    """Return the glyphs that the page draws; none where there are more than `MAX_UNITS`, or its content is damaged.

    `glyph_texts`: what glyphs stand for that have no Unicode value.
    """
    rotation = mupdf_page.rotation
    if rotation:
        mupdf_page.set_rotation(0)  # as `get_text` does
    try:
        device = _GlyphDevice(glyph_texts)
        mupdf = pymupdf.mupdf
        mupdf.fz_run_page(mupdf_page.this, device, mupdf.FzMatrix(), mupdf.FzCookie())
        mupdf.fz_close_device(device)
    except Exception:  # noqa: BLE001 - SWIG classes without a common base; MuPDF's own words are read then
        return []
    finally:
        if rotation:
            mupdf_page.set_rotation(rotation)
    return [] if device.is_full else device.units


_Device: Any = pymupdf.mupdf.FzDevice2  # PyMuPDF has no types


class _GlyphDevice(_Device):  # type: ignore[misc]
    """Collects the glyphs that a page draws as units. MuPDF calls its methods."""

    def __init__(self, glyph_texts: Mapping[GlyphKey, str]) -> None:
        super().__init__()
        self._glyph_texts = glyph_texts
        self.use_virtual_fill_text()
        self.use_virtual_stroke_text()
        self.use_virtual_clip_text()
        self.use_virtual_clip_stroke_text()
        self.use_virtual_ignore_text()
        self.use_virtual_begin_metatext()
        self.use_virtual_end_metatext()
        self.units: list[GlyphUnit] = []
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
        font_name = str(mupdf.fz_font_name(font))
        rise, fall = mupdf.fz_font_ascender(font), mupdf.fz_font_descender(font)
        replacement = next((text for text in self._replacement if text is not None), None)
        glyph = _CONTINUED
        for index in range(span.m_internal.len):
            item = span.items(index)
            character, unmapped = self._character(item, font_name)
            if item.gid == _CONTINUED and self.units and self.units[-1].group == self._group:
                self._add_character(character, font, glyph)
                continue
            glyph = item.gid
            if unmapped and _is_blank(font, item.gid):
                continue
            advance = mupdf.fz_advance_glyph(font, item.gid, span.m_internal.wmode) if item.gid >= 0 else 0.0
            place = mupdf.fz_transform_point(mupdf.fz_make_point(item.x, item.y), matrix)
            corners = [
                (place.x + across.a * x + across.c * y, place.y + across.b * x + across.d * y)
                for x, y in ((0, fall), (advance, fall), (0, rise), (advance, rise))
            ]
            along = [x * direction[0] + y * direction[1] for x, y in corners]
            unit = GlyphUnit(
                text=character if replacement is None else replacement,
                start=min(along),
                end=max(along),
                size=size,
                baseline=place.y * direction[0] - place.x * direction[1],
                direction=direction,
                box=(*map(min, *corners), *map(max, *corners)),
                glyph_text=character,
                group=self._group,
                unmapped=unmapped,
            )
            self.units.append(unit)

    def _add_character(self, character: str, font: Any, glyph: int) -> None:
        """Add a further character of the last glyph."""
        last = self.units[-1]
        last.glyph_text += character
        if not last.group:
            last.text += character
            if is_bare(last.text) and glyph >= 0:
                last.side = _side(font, glyph)

    def _character(self, item: Any, font_name: str) -> tuple[str, GlyphKey | None]:
        """Return what a glyph stands for, and which one it is if its file does not say so."""
        character = chr(item.ucs) if 0 <= item.ucs <= sys.maxunicode else ""
        if item.gid < 0 or not is_undefined(character):
            return character, None
        key = (font_name, int(item.gid))
        return self._glyph_texts.get(key, REPLACEMENT), key


def is_bare(text: str) -> bool:
    """Tell whether a text is a consonant without its vowel."""
    return len(text) == 2 and unicodedata.combining(text[1]) == VIRAMA


def _side(font: Any, glyph: int) -> Literal["above", "below", ""]:
    """Return whether a glyph is drawn above the letters of a line, or below them."""
    ink = pymupdf.mupdf.fz_bound_glyph(font, glyph, pymupdf.mupdf.FzMatrix())  # of the type size, upwards
    return "above" if ink.y0 > MIN_RISE else "below" if ink.y0 + ink.y1 < 0 else ""


def _is_blank(font: Any, glyph: int) -> bool:
    """Tell whether a glyph has neither width nor ink, as that of a joiner."""
    ink = pymupdf.mupdf.fz_bound_glyph(font, glyph, pymupdf.mupdf.FzMatrix())
    return ink.x1 - ink.x0 < MIN_INK and not pymupdf.mupdf.fz_advance_glyph(font, glyph, 0)


def is_undefined(character: str) -> bool:
    """Tell whether a character says nothing of what is drawn: U+FFFD, U+FFFF, private ones but those of dingbats."""
    return bool(_UNDEFINED.match(character))


def is_near(unit: GlyphUnit, other: GlyphUnit) -> bool:
    """Tell whether two units stand in one line, and beside each other."""
    return (
        abs(unit.baseline - other.baseline) < LINE_SHIFT * unit.size
        and other.start - unit.end < unit.size
        and unit.start - other.end < unit.size
    )
