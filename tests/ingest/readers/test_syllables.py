"""Glyphs in the order of drawing become syllables in the order of the text."""

import unicodedata
from collections.abc import Sequence

import pytest

from pagelens.ingest.readers.drawn_glyphs import GlyphUnit, draw_glyphs
from pagelens.ingest.readers.glyph_words import glyph_words
from pagelens.ingest.readers.mupdf import LOCK, pymupdf
from pagelens.ingest.readers.syllables import GAP, SAME_PLACE, is_drawn_order, syllables
from tests.ingest.readers.letter_pages import letter_page, utf16

# Glyphs as they are drawn, from left to right, and the text: signs left of their consonants, reph after them, of no
# width, ya of a Bengali cluster.
DRAWN = {
    "a": "\u093f",
    "b": "न",
    "c": "भ",
    "d": "र\u094d",
    "e": "र",
    "f": "ल\u094d",
    "g": "\u09c7",
    "h": "ক",
    "i": "\u09be",
}
DRAWN |= {"j": "य", "k": "\u09af\u09cd", "l": "ন", "m": "\u09b0\u09cd"}


def texts(content: str) -> list[str]:
    """The words of a page whose glyphs stand for `DRAWN`."""
    page = letter_page(content, DRAWN)
    with LOCK:
        words = [word[:7] for word in page.get_text("words", flags=pymupdf.TEXT_PRESERVE_WHITESPACE)]
        return [word[4] for word in glyph_words(page, words)]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("(ab) Tj", "नि"),
        ("(afb) Tj", "ल्नि"),
        ("[(ab) -500 (bab)] TJ", "नि ननि"),
        ("(bab) Tj", "निन"),  # no sign begins a word: in the order of the text
        ("[(b) -500 (ab)] TJ", "न नि"),
        ("(ghi) Tj", "কো"),
        ("(lk) Tj", "ন্য"),
        ("[(gl) -500 (hgl)] TJ", "নে কনে"),
    ],
)
def test_glyphs_that_a_file_names_as_drawn_are_syllables_as_written(content: str, text: str) -> None:
    read = " ".join(texts(f"BT /helv 12 Tf 50 700 Td {content} ET"))
    assert unicodedata.normalize("NFC", read) == unicodedata.normalize("NFC", text)


def test_signs_of_a_file_that_names_its_syllables_stay_where_they_are() -> None:
    named = f"/Span <</ActualText <feff{utf16('नि')}>>> BDC (b) Tj EMC"
    assert texts(f"BT /helv 12 Tf 50 700 Td (bab) Tj 0 -20 Td {named} ET")[0] == "निन"


def glyphs(*texts: str) -> list[GlyphUnit]:
    """Glyphs beside each other, a type size wide; those of signs have no width."""
    found: list[GlyphUnit] = []
    for text in texts:
        start = found[-1].end if found else 0.0
        end = start if unicodedata.category(text[0]) == "Mn" else start + 10
        box = (start, 0.0, end, 10.0)
        found.append(GlyphUnit(text, start=start, end=end, size=10, baseline=0, direction=(1, 0), box=box))
    return found


def written(units: Sequence[GlyphUnit]) -> str:
    return "".join(unit.text for unit in syllables(units, in_drawn_order=True))


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        (("\u09bfট", "ং"), "টিং"),  # sign and consonant are one glyph
        (("स", "\u093f\u0902", "ट"), "सटिं"),  # two signs are
        (("ग", "न", "र्\u0947"), "गर्ने"),  # leading r and a sign are
        (("व", "त", "\u0940र्"), "वर्ती"),
        (("र्\u093f", "म"), "र्मि"),  # leading r and a sign left of the consonant are
        (("ल", "\u093e", "\u0947\u0902"), "लों"),  # parts of a vowel
        (("आ", "\u0947"), "ओ"),
        (("ક", "\u0abe", "\u0ac7"), "કો"),
    ],
)
def test_glyphs_that_stand_for_several_signs_are_taken_apart(drawn: Sequence[str], text: str) -> None:
    assert written(glyphs(*drawn)) == text


@pytest.mark.parametrize(("width", "expected"), [(0.9, "र्भ"), (1.1, "भर्")])
def test_a_consonant_of_no_width_after_others_is_the_reph_above_them(width: float, expected: str) -> None:
    base, reph = glyphs("भ", "र्")
    reph.end = reph.start + width * SAME_PLACE * reph.size
    assert written([base, reph]) == expected


def test_a_consonant_without_its_vowel_is_read_by_where_its_ink_is() -> None:
    for side, expected in (("above", "र्ट"), ("below", "ट्र"), ("", "टर्")):
        base, r = glyphs("ट", "र्")
        r.side = side  # type: ignore[assignment]
        assert written([base, r]) == expected


@pytest.mark.parametrize(("glyph", "expected"), [("'", "र्ट"), ("_", "ट्र"), ("-", "टर्")])
def test_the_ink_of_a_glyph_is_that_of_its_font(glyph: str, expected: str) -> None:
    page = letter_page(f"BT /helv 12 Tf 50 700 Td (t{glyph}) Tj ET", {"t": "ट", glyph: "र्"})
    with LOCK:
        assert written(draw_glyphs(page, {})) == expected


@pytest.mark.parametrize(("gap", "count"), [(0.9, 1), (1.1, 2)])
def test_a_gap_ends_a_syllable_though_a_virama_would_go_on(gap: float, count: int) -> None:
    first, second = glyphs("ল্", "এ")
    second.start, second.end = first.end + gap * GAP * 10, first.end + gap * GAP * 10 + 10
    assert len(syllables([first, second], in_drawn_order=True)) == count
    assert GAP == 0.15


def test_files_that_name_syllables_are_in_the_order_of_the_text() -> None:
    drawn = glyphs("\u093f", "न", " ", "\u093f", "न")
    assert is_drawn_order(drawn)
    drawn[0].group = 1
    assert not is_drawn_order(drawn)


def test_a_glyph_that_shows_nothing_and_has_no_name_is_none() -> None:
    """TeX's joiners between two letters."""
    shown = "1000 0 0 0 700 700 d1 0 0 700 700 re f"
    glyphs_drawn = {"a": shown, "b": "0 0 0 0 0 0 d1", "c": shown}
    page = letter_page("BT /helv 10 Tf 50 700 Td (abc) Tj ET", {"a": "क", "b": "\ufffd", "c": "म"})
    document = page.parent
    (font, *_), *_ = page.get_fonts()
    names = {name: document.get_new_xref() for name in glyphs_drawn}
    for name, number in names.items():
        document.update_object(number, "<<>>")
        document.update_stream(number, glyphs_drawn[name].encode())
    procedures = " ".join(f"/{name} {number} 0 R" for name, number in names.items())
    to_unicode = document.xref_get_key(font, "ToUnicode")[1]
    document.update_object(
        font,
        "<</Type/Font/Subtype/Type3/FontBBox[0 0 700 700]/FontMatrix[.001 0 0 .001 0 0]/FirstChar 97/LastChar 99"
        f"/Widths[1000 0 1000]/Encoding<</Differences[97/a/b/c]>>/CharProcs<<{procedures}>>/ToUnicode {to_unicode}>>",
    )
    with LOCK:
        page = pymupdf.open(stream=document.tobytes())[0]
        assert [glyph.text for glyph in draw_glyphs(page, {})] == ["क", "म"]
