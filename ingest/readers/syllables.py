"""Puts the glyphs of Brahmic scripts together to orthographic syllables (Unicode, chapter 12).

A file names the glyphs in the order of the text, or, as TeX does, in that in which they are drawn.
"""

import re
import unicodedata
from collections.abc import Sequence

from pagelens.ingest.readers.drawn_glyphs import VIRAMA, GlyphUnit, is_bare, is_near, is_undefined

GAP = 0.15  # of the type size: a wider gap between two units parts words
SAME_PLACE = 0.1  # of the type size: a unit drawn twice as near is one, printed bold

# Vowel signs that are drawn left of their consonant, and the consonants (with nukta, virama) that they follow.
_LEFT = "[\u093f\u09bf\u09c7\u09c8\u0a3f\u0abf\u0b47\u0bc6-\u0bc8\u0d46-\u0d48\u0dd9-\u0ddb\u1031\u17c1-\u17c3]"
_LEFT_SIGN = re.compile(_LEFT)
_REPH = "[\u0930\u09b0\u09f0\u0ab0\u0b30\u0c30\u0cb0\u0d30\u0dbb][\u094d\u09cd\u0acd\u0b4d\u0c4d\u0ccd\u0d4d\u0dca]"
_SIGN = "[\u0900-\u0903\u093a-\u094c\u0981-\u0983\u09be-\u09cc\u0a81-\u0a83\u0abe-\u0acc\u0b01-\u0b03\u0b3e-\u0b4c]"
_LEFT_GLYPH = re.compile(f"({_REPH})?({_LEFT}{_SIGN}*)")
REPH_AND_SIGNS = re.compile(f"({_REPH}){_SIGN}+|{_SIGN}+({_REPH})")
# Vowels of which fonts have parts, which no normalisation joins.
_VOWELS = {
    "\u093e\u0947": "\u094b",
    "\u093e\u0948": "\u094c",
    "\u093e\u0945": "\u0949",
    "\u0906\u0947": "\u0913",
    "\u0906\u0948": "\u0914",
    "\u0906\u0945": "\u0911",
    "\u0abe\u0ac7": "\u0acb",
    "\u0abe\u0ac8": "\u0acc",
    "\u0abe\u0ac5": "\u0ac9",
}
_PARTS_OF_VOWELS = re.compile("|".join(_VOWELS))
_AFTER_BASE = {"\u09af\u09cd": "\u09cd\u09af"}  # Bengali ya after a consonant: old fonts name it as one before
_CONSONANTS = re.compile(
    "[^\\W\\d][\u093c\u09bc\u0a3c\u0abc\u0b3c]?"
    "(?:[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0d4d\u0dca\u1039\u17d2]\u200d?\\w[\u093c\u09bc\u0a3c\u0abc\u0b3c]?)*"
)
_FIRST_SHARE = 0.05  # of the signs of a page that begin words, from which its glyphs are in the order of drawing


def is_drawn_order(glyphs: Sequence[GlyphUnit]) -> bool:
    """Return whether a page's glyphs come in the order of drawing, not in that of the text.

    Then signs that stand left of their consonant begin words; in the order of the text they follow a consonant. Files
    with /ActualText have the order of the text.
    """
    if any(glyph.group for glyph in glyphs):
        return False
    signs = [at for at, glyph in enumerate(glyphs) if _LEFT_SIGN.match(glyph.text)]
    first = [at for at in signs if at == 0 or _parts_words(glyphs[at - 1], glyphs[at])]
    return not signs or len(first) > _FIRST_SHARE * len(signs)


def _parts_words(before: GlyphUnit, glyph: GlyphUnit) -> bool:
    gap = glyph.start - before.end
    return not before.text.strip() or not is_near(before, glyph) or gap > GAP * glyph.size


def syllables(glyphs: Sequence[GlyphUnit], *, in_drawn_order: bool) -> list[GlyphUnit]:
    """Return the glyphs with those of each syllable made one unit, but those of an /ActualText as they are.

    `in_drawn_order`: they come from left to right. Signs that stand left of their consonant come before it then, and
    the sign of a leading r (reph) after the consonants above which it stands.
    """
    units: list[GlyphUnit] = []
    for glyph in glyphs:
        last = units[-1] if units and _is_beside(units[-1], glyph, in_drawn_order=in_drawn_order) else None
        continues = _join_drawn(last, glyph) if in_drawn_order else _join_written(last, glyph)
        if not continues:
            units.append(glyph)
    if in_drawn_order:
        for unit in units:
            _put_left_sign(unit)
            unit.text = _PARTS_OF_VOWELS.sub(lambda parts: _VOWELS[parts[0]], unit.text)
    return units


def _is_beside(last: GlyphUnit, glyph: GlyphUnit, *, in_drawn_order: bool) -> bool:
    """Tell whether a glyph may belong to the unit before it. Files in drawn order, as TeX's, may draw no blanks."""
    is_parted = in_drawn_order and glyph.start - last.end > GAP * glyph.size
    return (
        last.direction == glyph.direction and last.group == glyph.group == 0 and is_near(last, glyph) and not is_parted
    )


def _join_written(last: GlyphUnit | None, glyph: GlyphUnit) -> bool:
    """Add a glyph to the unit before it, if it belongs to its syllable; return whether it does."""
    if last is None or (glyph.text and not _continues(last, glyph.text[0])):
        return False
    last.text += glyph.text
    last.glyph_text += glyph.glyph_text
    extend(last, glyph)
    return True


def _join_drawn(last: GlyphUnit | None, glyph: GlyphUnit) -> bool:
    """Do the same with a glyph in drawn order, which may also begin with a left sign, or lead the syllable."""
    if is_bare(glyph.text) and glyph.side == "below":
        glyph.text = glyph.text[::-1]
    glyph.text = _AFTER_BASE.get(glyph.text, glyph.text)
    left = _LEFT_GLYPH.match(glyph.text)
    if left and (last is None or glyph.start > last.end - SAME_PLACE * glyph.size):
        glyph.left_sign, glyph.text = left[2], (left[1] or "") + glyph.text[left.end() :]
        return False
    if last is None or not last.text or not (reph := _reph(glyph)):
        return _join_written(last, glyph)
    last.text = reph + last.text + glyph.text.replace(reph, "")
    extend(last, glyph)
    return True


def _reph(glyph: GlyphUnit) -> str:
    """Return the leading r of a syllable, if the glyph is drawn above its letters, alone or with signs; else ""."""
    if is_bare(glyph.text):
        return glyph.text if glyph.side == "above" or glyph.end - glyph.start < SAME_PLACE * glyph.size else ""
    with_signs = REPH_AND_SIGNS.fullmatch(glyph.text)
    return with_signs[1] or with_signs[2] if with_signs else ""


def _put_left_sign(unit: GlyphUnit) -> None:
    """Put the sign that is drawn left of a unit's consonants after them."""
    consonants = _CONSONANTS.match(unit.text) if unit.left_sign else None
    at = consonants.end() if consonants else 0
    unit.text = unit.text[:at] + unit.left_sign + unit.text[at:]


def extend(unit: GlyphUnit, other: GlyphUnit) -> None:
    """Make a unit end where another does."""
    unit.start, unit.end = min(unit.start, other.start), max(unit.end, other.end)
    (x0, y0, x1, y1), (left, top, right, bottom) = unit.box, other.box
    unit.box = (min(x0, left), min(y0, top), max(x1, right), max(y1, bottom))


def _continues(unit: GlyphUnit, character: str) -> bool:
    """Tell whether a character belongs to the syllable before it: a sign of it, or a letter after a virama."""
    text = unit.text
    if not text or text.isspace():
        return bool(unit.left_sign) and (unicodedata.category(character) == "Lo" or is_undefined(character))
    if unicodedata.category(character) in ("Mn", "Mc", "Cf"):
        return True
    last = text.rstrip("\u200c\u200d")[-1:]
    return bool(last) and unicodedata.combining(last) == VIRAMA and unicodedata.category(character) == "Lo"
