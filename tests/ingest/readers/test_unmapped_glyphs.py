"""Glyphs without a Unicode value get the text that OCR reads where they are drawn."""

from collections.abc import Sequence
from typing import Any

import pytest

from pagelens.core.types import ImageArray
from pagelens.ingest.readers import unmapped_glyphs
from pagelens.ingest.readers.drawn_glyphs import draw_glyphs
from pagelens.ingest.readers.mupdf import LOCK
from pagelens.ingest.readers.mupdf_page import page_words
from pagelens.ingest.readers.unmapped_glyphs import PICTURES, read_unmapped_glyphs
from pagelens.ingest.text.page_text import REPLACEMENT
from tests.ingest.readers.letter_pages import letter_page

# a, b, ... are letters; x, y, z are glyphs for which the file names none.
LETTERS = {"a": "क", "b": "म", "c": "ल", "d": "न", "e": "\u093e", "f": "र"} | dict.fromkeys("xyz", REPLACEMENT)


class WrittenWords:
    """Reads the words of a page as they are written down here, one reading after the other; the last one for ever."""

    def __init__(self, *readings: str) -> None:
        self.readings = [reading.split() for reading in readings]
        self.shown: list[Sequence[ImageArray]] = []

    def __call__(self, images: Sequence[ImageArray]) -> Sequence[str]:
        self.shown.append(images)
        return self.readings[min(len(self.shown), len(self.readings)) - 1]


def page_of(*words: str) -> Any:
    content = " ".join(f"1 0 0 1 {50 + 90 * at} 700 Tm ({word}) Tj" for at, word in enumerate(words))
    return letter_page(f"BT /helv 12 Tf {content} ET", LETTERS)


def texts_of(page: Any, read: WrittenWords) -> dict[str, str]:
    """The texts of the glyphs x, y and z, as far as they are drawn."""
    found = read_unmapped_glyphs(page, read)
    names = {glyph.unmapped: glyph for glyph in draw_glyphs(page, {}) if glyph.unmapped}
    order = sorted(names, key=lambda glyph: glyph[1])  # as the letters in the font
    return {f"{at}": found[glyph] for at, glyph in enumerate(order)}


@pytest.mark.parametrize(
    ("word", "reading", "text"),
    [
        ("axc", "कन्दल", "न्द"),
        ("xab", "किम", "\u093f"),  # drawn left of its consonant
        ("adx", "कर्ना", "र्\u093e"),  # above and behind it
        ("axbx", "कीमी", "\u0940"),
        ("axc", "(कन्दल)?", "न्द"),  # punctuation may be misread
        ("axc", "कन््दल", "न्द"),  # as OCR doubles a virama
    ],
)
def test_a_glyph_is_what_ocr_reads_beside_the_letters_that_are_known(word: str, reading: str, text: str) -> None:
    assert texts_of(page_of(word), WrittenWords(reading)) == {"0": text}


@pytest.mark.parametrize(
    ("word", "reading"),
    [
        ("axc", "कन्दन"),  # another letter is misread
        ("axc", "कल"),  # OCR reads nothing there
        ("axc", "कीकल"),  # OCR reads a letter twice: no glyph is a sign and the next letter
        ("x", "क"),  # no known letter: it may be an ornament
        ("dxc", "निनल"),  # a sign left of a consonant, and that consonant: no glyph
        ("axyc", "कनमपल"),  # three consonants in two glyphs: but who knows which
        ("axyzc", "कनमपल"),  # too many glyphs
    ],
)
def test_a_glyph_stays_unknown_where_the_words_do_not_tell(word: str, reading: str) -> None:
    assert set(texts_of(page_of(word), WrittenWords(reading)).values()) == {REPLACEMENT}


def test_two_glyphs_beside_each_other_are_parted_before_a_consonant() -> None:
    assert texts_of(page_of("axyc"), WrittenWords("कप्रश्नल")) == {"0": "प्र", "1": "श्न"}


def test_a_glyph_that_is_known_makes_others_known() -> None:
    read = WrittenWords("प्रम प्रश्न प्रश्नक्तल")
    assert texts_of(page_of("xb", "xy", "xyzc"), read) == {"0": "प्र", "1": "श्न", "2": "क्त"}


def test_two_readings_must_agree_and_most_of_all() -> None:
    two_of_three = WrittenWords("कन्दल", "कन्तल", "कन्दल")
    assert texts_of(page_of("axc"), two_of_three) == {"0": "न्द"}
    assert len(two_of_three.shown) == 3
    every_other = WrittenWords("कन्दल", "कन्तल", "कन्यल", "कन्दल", "")
    assert texts_of(page_of("axc"), every_other) == {"0": REPLACEMENT}
    assert len(every_other.shown) == len(PICTURES)
    once = WrittenWords("कन्दल", "")
    assert texts_of(page_of("axc"), once) == {"0": REPLACEMENT}


def test_places_that_agree_need_no_second_reading() -> None:
    read = WrittenWords("कन्दल मन्दन")
    texts_of(page_of("axc", "bxd"), read)
    assert len(read.shown) == 1


def test_the_words_are_then_read_with_these_letters() -> None:
    page = page_of("axc", "ab")
    texts = read_unmapped_glyphs(page, WrittenWords("कन्दल"))
    with LOCK:
        assert [word[4] for word in page_words(page, texts)] == ["कन्दल", "कम"]
        assert [word[4] for word in page_words(page)] == ["क\ufffdल", "कम"]


def test_only_words_that_lack_letters_are_looked_at_each_upright(monkeypatch: pytest.MonkeyPatch) -> None:
    read = WrittenWords("कन्दल मन्दन")
    page = page_of("axc", "ab", "bxd")
    page.set_rotation(90)
    texts_of(page, read)
    assert page.rotation == 90
    (images,) = read.shown
    assert len(images) == 2 and all(image.shape[1] > image.shape[0] for image in images)
    assert all(image.min() < 100 for image in images), "ink"
    monkeypatch.setattr(unmapped_glyphs, "MAX_PLACES", 1)
    few = WrittenWords("कन्दल")
    texts_of(page, few)
    assert len(few.shown[0]) == 1


@pytest.mark.parametrize(("size", "count"), [(72, 1), (73, 0)])
def test_letters_of_posters_are_left_alone(size: int, count: int) -> None:
    page = letter_page(f"BT /helv {size} Tf 50 600 Td (axc) Tj ET", LETTERS)
    read = WrittenWords("कन्दल")
    read_unmapped_glyphs(page, read)
    assert len(read.shown[0] if read.shown else ()) == count
