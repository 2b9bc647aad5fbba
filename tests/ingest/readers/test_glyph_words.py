import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pagelens.ingest.readers import glyph_words as glyph_words_module
from pagelens.ingest.readers.glyph_words import GAP, _syllables, _Unit, glyph_words, is_brahmic
from pagelens.ingest.readers.mupdf import LOCK, pymupdf
from pagelens.ingest.readers.mupdf_page import page_words
from tests.ingest.readers.letter_pages import letter_page, utf16

HINDI = "कॉन्फ़िगर कीबोर्ड किस देश से है, कृपया चुनिए।"
BENGALI = "কীবোর্ড কনফিগার করুন। কোন-কোন দেশের মডেলটি সিলেক্ট করুন"
TAMIL = "விசைப்பலகையை தேர்ந்தெடுக்கவும் கொள்கை"
LETTERS = {"a": "म", "b": "ॉ", "c": "र्ड", "d": "ल", "e": "ि", "f": "फ", "g": "ग", "h": "र"}


def page_of(content: str, letters: Mapping[str, str] = LETTERS) -> Any:
    return letter_page(content, letters)


def actual(text: str, content: str) -> str:
    return f"/Span <</ActualText <feff{utf16(text)}>>> BDC {content} EMC "


def mupdf_words(page: Any) -> list[Any]:
    flags = pymupdf.TEXT_PRESERVE_WHITESPACE
    return [word[:7] for word in page.get_text("words", flags=flags)]


def words_of(page: Any) -> list[Any]:
    with LOCK:
        return glyph_words(page, mupdf_words(page), as_drawn=page.parent.is_reflowable)


def texts(page: Any) -> list[str]:
    return [word[4] for word in words_of(page)]


def test_an_actual_text_stands_once_for_all_its_glyphs() -> None:
    content = "BT /helv 12 Tf 50 700 Td (ab) Tj " + actual("ड", "(c) Tj ") + "(d) Tj ET"
    page = page_of(content)
    assert [word[4] for word in mupdf_words(page)] != ["मॉडल"], "MuPDF repeats a letter: if not, this can go"
    assert texts(page) == ["मॉडल"]


def test_the_glyphs_of_an_actual_text_part_no_word() -> None:
    content = "BT /helv 12 Tf 50 700 Td " + actual("फ़ि", "(f) Tj (W) Tj (W) Tj (e) Tj ") + "(gh) Tj ET"
    assert texts(page_of(content)) == ["फ़िगर"]


def test_glyphs_that_say_what_their_actual_text_says_are_words_with_boxes_of_their_own() -> None:
    (first, second) = words_of(page_of("BT /helv 12 Tf 50 700 Td " + actual("मल गर", "(ad gh) Tj ") + "ET"))
    assert (first[4], second[4]) == ("मल", "गर")
    assert first[2] < second[0]


@pytest.mark.parametrize("text", [HINDI, BENGALI, TAMIL])
def test_vowel_signs_left_of_their_consonant_part_no_word_in_texts_that_mupdf_lays_out(text: str) -> None:
    document = pymupdf.open(stream=b"\xef\xbb\xbf" + text.encode(), filetype="txt")
    assert texts(document[0]) == text.split()


def test_letters_of_a_second_font_that_are_drawn_first_stand_at_their_place() -> None:
    slashes = "BT /helv 12 Tf 50 700 Td (/) Tj 26 0 Td (/) Tj ET "
    names = "BT /helv 12 Tf 53.4 700 Td (kkk) Tj 26 0 Td (gh) Tj ET"
    assert texts(page_of(slashes + names)) == ["/kkk", "/गर"]


def test_words_printed_twice_for_bold_type_are_there_once() -> None:
    line = "(ad gh) Tj ET "
    assert texts(page_of(f"BT /helv 12 Tf 50 700 Td {line}BT /helv 12 Tf 50.3 700 Td {line}")) == ["मल", "गर"]


@pytest.mark.parametrize(("gap", "words"), [(GAP - 0.02, ["मल"]), (GAP + 0.02, ["म", "ल"])])
def test_a_gap_parts_words(gap: float, words: list[str]) -> None:
    assert GAP == 0.15
    assert texts(page_of(f"BT /helv 10 Tf 50 700 Td [(a) {-1000 * gap:.0f} (d)] TJ ET")) == words


@pytest.mark.parametrize(("length", "is_replaced"), [(30, True), (31, False)])
def test_a_long_actual_text_is_left_to_mupdf(length: int, is_replaced: bool) -> None:
    page = page_of("BT /helv 12 Tf 50 700 Td (a) Tj " + actual("ल" * length, "(gh) Tj ") + "ET")
    assert (words_of(page) != mupdf_words(page)) == is_replaced


def test_a_page_of_very_many_glyphs_is_left_to_mupdf(monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of("BT /helv 12 Tf 50 700 Td " + actual("फ़ि", "(f) Tj (W) Tj (e) Tj ") + "(gh) Tj ET")
    assert glyph_words_module.MAX_UNITS == 100_000
    monkeypatch.setattr(glyph_words_module, "MAX_UNITS", 2)
    assert words_of(page) == mupdf_words(page)
    monkeypatch.undo()
    assert words_of(page) != mupdf_words(page)


def test_a_page_that_cannot_be_drawn_keeps_mupdfs_words(monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of("BT /helv 12 Tf 50 700 Td (ad) Tj ET")
    monkeypatch.setattr(pymupdf.mupdf, "fz_run_page", lambda *_: 1 / 0)
    with LOCK:
        assert glyph_words(page, [(0, 0, 1, 1, "मल", 0, 0)]) == [(0, 0, 1, 1, "मल", 0, 0)]


def test_lines_and_blocks_are_those_of_the_page() -> None:
    page = page_of("BT /helv 12 Tf 50 700 Td (ad) Tj 0 -14 Td (gh ad) Tj 0 -200 Td (fe) Tj ET")
    words = words_of(page)
    assert [word[4] for word in words] == ["मल", "गर", "मल", "फि"]
    assert [word[5:] for word in words] == [(0, 0), (0, 1), (0, 1), (1, 2)]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_boxes_are_those_before_the_pages_rotation(rotation: int) -> None:
    page = page_of("BT /helv 12 Tf 50 700 Td (ad) Tj 100 0 Td (gh) Tj ET")
    page.set_rotation(rotation)
    for word, expected in zip(words_of(page), mupdf_words(page), strict=True):
        assert word[:4] == pytest.approx(expected[:4], abs=3)
        assert word[0] == pytest.approx(expected[0], abs=0.1)
    assert page.rotation == rotation


@pytest.mark.parametrize(("text", "expected"), [("keyboard", False), ("ไทย", False), ("का", True), ("မြန်မာ", True)])
def test_scripts_that_are_read_glyph_by_glyph(text: str, expected: bool) -> None:
    assert is_brahmic(text) == expected


def test_a_page_without_words_has_none() -> None:
    assert glyph_words(page_of(""), []) == []


def test_the_words_of_a_page_are_read_so() -> None:
    document = pymupdf.open(stream=b"\xef\xbb\xbf" + BENGALI.encode(), filetype="txt")
    with LOCK:
        assert [word[4] for word in page_words(document[0])] == BENGALI.split()


HEBREW = 'הפריסה בקובץ /etc/default (ראו עמוד 12) היא XKBLAYOUT="us". מקש compose: כן.'
ARABIC = "لا تختلف المخططات (2019) من دولة إلى أخرى، اختر Caps Lock أولاً. الآن 50% فقط: XKB."


@pytest.mark.parametrize("text", [HEBREW, ARABIC])
@pytest.mark.parametrize("markup", ["{}", "<p>{}</p>", '<p dir="rtl">{}</p>'])
def test_texts_that_mupdf_lays_out_are_read_as_written_whichever_way_they_run(text: str, markup: str) -> None:
    data = b"\xef\xbb\xbf" + (markup.format(text)).encode()
    document = pymupdf.open(stream=data, filetype="html" if "<" in markup else "txt")
    with LOCK:
        assert [word[4] for word in page_words(document[0])] == text.split()


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
    page = page_of(f"BT /helv 12 Tf 50 700 Td {content} ET", DRAWN)
    assert unicodedata.normalize("NFC", " ".join(texts(page))) == unicodedata.normalize("NFC", text)


def test_signs_of_a_file_that_names_its_syllables_stay_where_they_are() -> None:
    page = page_of("BT /helv 12 Tf 50 700 Td (bab) Tj 0 -20 Td " + actual("नि", "(b) Tj") + " ET", DRAWN)
    assert texts(page)[0] == "निन"


@pytest.mark.parametrize(("width", "expected"), [(0.09, "र्भ"), (0.11, "भर्")])
def test_a_consonant_of_no_width_after_others_is_the_reph_above_them(width: float, expected: str) -> None:
    base = _Unit(text="भ", start=0, end=5, size=10, baseline=0, direction=(1, 0), box=(0, 0, 5, 10), glyph_text="भ")
    reph = replace(base, text="र्", start=5, end=5 + 10 * width)
    assert "".join(unit.text for unit in _syllables([base, reph], as_drawn=False)) == expected
