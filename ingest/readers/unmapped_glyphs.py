"""Finds what glyphs without a Unicode value stand for, from words that OCR has read where they are drawn.

TeX's fonts of Indic scripts hold glyphs of conjuncts and variants of vowel signs for which a PDF names no character.
Where all other glyphs of a word say what OCR has read there, too, the rest of what it has read is the text of those
glyphs. Each place where a glyph is drawn votes for its text.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from pagelens.core.types import ImageArray
from pagelens.ingest.readers.drawn_glyphs import VIRAMA, GlyphKey, GlyphUnit, draw_glyphs
from pagelens.ingest.readers.glyph_words import NO_GLYPH_TEXTS, drawn_words
from pagelens.ingest.readers.mupdf import LOCK
from pagelens.ingest.readers.reader import ReadWords
from pagelens.ingest.readers.syllables import REPH_AND_SIGNS, is_drawn_order, syllables
from pagelens.ingest.text.page_text import REPLACEMENT

MIN_MAJORITY = 0.6  # of the votes for a glyph, that its text has
MIN_VOTES = 2  # for it: from two places, or from two readings of one
MAX_PLACES = 8  # of a glyph that are looked at
MAX_WORDS = 200  # of a page that are looked at
MAX_GLYPHS = 40  # of such a word
MAX_SIZE = 72.0  # points of its type
MAX_TEXT = 8  # characters of a glyph, decomposed
MAX_UNKNOWN = 2  # different glyphs of a word whose texts are looked for together
PICTURES = ((200, False), (200, True), (300, False), (300, True), (150, False))
"""Dots an inch of the pictures of words, and whether white is around the word or what the page shows there: OCR seldom
makes the same error twice. They are read one after the other until all glyphs are known."""
MARGIN = (0.36, 0.18)  # of the type size, beside a word and above it
OVERHANG = 0.05  # of the type size: what belongs to a word left and right of it
_WHITE = 255
_TWICE = re.compile("([\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d])\\1+")  # as OCR reads some viramas


class _Word(NamedTuple):
    """A word with glyphs that have no Unicode value, and what OCR has read in its place."""

    glyphs: Sequence[GlyphUnit]
    reading: str  # as `_letters` returns it


def read_unmapped_glyphs(mupdf_page: Any, read_words: ReadWords) -> dict[GlyphKey, str]:
    """Return the texts of the page's glyphs without a Unicode value: REPLACEMENT where most places do not agree on one.

    Takes MuPDF's lock, but not while `read_words` reads. Raises what `read_words` raises.
    """
    with LOCK:
        glyphs = draw_glyphs(mupdf_page, NO_GLYPH_TEXTS)
    words = _chosen_words(glyphs)
    unknown = {glyph.unmapped for word in words for glyph in word if glyph.unmapped}
    in_drawn_order = is_drawn_order(glyphs)
    readings: list[_Word] = []
    texts: dict[GlyphKey, str] = {}
    for dpi, is_cut in PICTURES:
        if unknown <= texts.keys():
            break
        with LOCK:
            images = _images(mupdf_page, words, dpi, is_cut=is_cut)
        readings += map(_Word, words, map(_letters, read_words(images)))
        texts = _agreed_texts(readings, in_drawn_order=in_drawn_order)
    return dict.fromkeys(unknown, REPLACEMENT) | texts


def _chosen_words(glyphs: Sequence[GlyphUnit]) -> list[list[GlyphUnit]]:
    """Return words with unmapped glyphs that run to the right, as many as show each of them `MAX_PLACES` times."""
    places: Counter[GlyphKey] = Counter()
    chosen: list[list[GlyphUnit]] = []
    for word in drawn_words(glyphs):
        unmapped = {glyph.unmapped for glyph in word if glyph.unmapped}
        is_fit = len(word) <= MAX_GLYPHS and all(glyph.direction == (1, 0) and glyph.size <= MAX_SIZE for glyph in word)
        if is_fit and len(chosen) < MAX_WORDS and any(places[glyph] < MAX_PLACES for glyph in unmapped):
            places.update(unmapped)
            chosen.append(word)
    return chosen


def _images(mupdf_page: Any, words: Sequence[Sequence[GlyphUnit]], dpi: int, *, is_cut: bool) -> list[ImageArray]:
    """Return the picture of each word, with a margin, on a page that is not rotated."""
    rotation = mupdf_page.rotation
    mupdf_page.set_rotation(0)
    try:
        return [_image(mupdf_page, word, dpi, is_cut=is_cut) for word in words]
    finally:
        mupdf_page.set_rotation(rotation)


def _image(mupdf_page: Any, word: Sequence[GlyphUnit], dpi: int, *, is_cut: bool) -> ImageArray:
    x0s, y0s, x1s, y1s = zip(*(glyph.box for glyph in word), strict=True)
    across, down = (share * word[0].size for share in ((OVERHANG, 0) if is_cut else MARGIN))
    clip = (min(x0s) - across, min(y0s) - down, max(x1s) + across, max(y1s) + down)
    pixmap = mupdf_page.get_pixmap(dpi=dpi, clip=clip, alpha=False)
    pixels = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3)
    if not is_cut:
        return pixels
    across, down = (int(share * word[0].size * dpi / 72) for share in MARGIN)
    return np.pad(pixels, ((down, down), (across, across), (0, 0)), constant_values=_WHITE)


def _agreed_texts(readings: Sequence[_Word], *, in_drawn_order: bool) -> dict[GlyphKey, str]:
    texts: dict[GlyphKey, str] = {}
    while True:  # a glyph that is known now leaves fewer unknown ones in other words
        votes: dict[GlyphKey, Counter[str]] = defaultdict(Counter)
        for word in readings:
            for glyph, text in _solution(word, texts, in_drawn_order=in_drawn_order).items():
                votes[glyph][text] += 1
        found = {glyph: text for glyph, counts in votes.items() if (text := _majority(counts))}
        if not found:
            return texts
        texts |= found


def _majority(votes: Counter[str]) -> str:
    """Return the text that has enough votes, and most of them; "" if there is none."""
    ((text, count),) = votes.most_common(1)
    is_clear = count >= max(MIN_VOTES, MIN_MAJORITY * votes.total())
    return unicodedata.normalize("NFC", text) if is_clear else ""


def _letters(text: str) -> str:
    """Return the letters, signs and digits of a text, decomposed: OCR errs most with the other characters."""
    letters = [char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char)[0] in "LMN"]
    return _TWICE.sub(r"\1", "".join(letters))


def _solution(word: _Word, known: Mapping[GlyphKey, str], *, in_drawn_order: bool) -> Mapping[GlyphKey, str]:
    """Return the only texts of a word's unknown glyphs with which it says what OCR has read; none if there are more.

    Where two glyphs beside each other are unknown, their texts are parted before a consonant.
    """
    unknown = Counter(glyph.unmapped for glyph in word.glyphs if glyph.unmapped and glyph.unmapped not in known)
    others = Counter(_letters("".join(_known_text(glyph, known) for glyph in word.glyphs)))
    missing = Counter(word.reading) - others
    if not others or others - Counter(word.reading) or not 1 <= len(unknown) <= MAX_UNKNOWN:
        return {}
    candidates = [text for text in _parts(word.reading, missing) if _may_be_glyph(text)]
    candidates += _rephs(word.reading, missing)
    solutions = []
    for texts in product(candidates, repeat=len(unknown)):
        if sum(len(text) * count for text, count in zip(texts, unknown.values(), strict=True)) != missing.total():
            continue
        solution = dict(zip(unknown, texts, strict=True))
        needed = Counter("".join(text * unknown[glyph] for glyph, text in solution.items()))
        if needed == missing and _read_with(word, {**known, **solution}, in_drawn_order=in_drawn_order) == word.reading:
            solutions.append(solution)
    if len(solutions) > 1:
        solutions = [solution for solution in solutions if all(map(_is_whole, solution.values()))]
    return solutions[0] if len(solutions) == 1 else {}


def _known_text(glyph: GlyphUnit, known: Mapping[GlyphKey, str]) -> str:
    return glyph.text if glyph.unmapped is None else known.get(glyph.unmapped, "")


def _parts(text: str, characters: Counter[str]) -> list[str]:
    """Return the different parts of a text that these characters suffice for."""
    ends = range(1, min(MAX_TEXT, characters.total()) + 1)
    parts = dict.fromkeys(text[start : start + length] for start in range(len(text)) for length in ends)
    return [part for part in parts if not Counter(part) - characters]


def _rephs(text: str, characters: Counter[str]) -> list[str]:
    """Return the r that leads a syllable with the signs that end it, as one glyph, if these are the characters."""
    order = sorted(characters.elements(), key=text.index)
    letters = [char for char in order if unicodedata.category(char)[0] != "M"]
    viramas = [char for char in order if unicodedata.combining(char) == VIRAMA]
    signs = [char for char in order if char not in (*letters, *viramas)]
    glyph = "".join((*letters, *viramas, *signs))
    return [glyph] if REPH_AND_SIGNS.fullmatch(glyph) else []


def _read_with(word: _Word, texts: Mapping[GlyphKey, str], *, in_drawn_order: bool) -> str:
    """Return the letters of a word whose unmapped glyphs have these texts."""
    glyphs = [replace(glyph, text=_known_text(glyph, texts)) for glyph in word.glyphs]
    return _letters("".join(unit.text for unit in syllables(glyphs, in_drawn_order=in_drawn_order)))


def _may_be_glyph(text: str) -> bool:
    """Tell whether a text is one of signs only, or begins with a letter; virama and a letter may stand below others."""
    kinds = [unicodedata.category(char)[0] for char in text]
    return kinds[0] == "L" or "L" not in kinds or unicodedata.combining(text[0]) == VIRAMA


def _is_whole(text: str) -> bool:
    """Tell whether a text neither begins nor ends between the consonants of a cluster."""
    return VIRAMA not in (unicodedata.combining(text[0]), unicodedata.combining(text[-1]))
