"""Arabic and Hebrew in PDFs: letters, order within lines, lines, and the places of words."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.types import PageText
from pagelens.ingest.readers.pdf.pdf_reader import open_document
from pagelens.ingest.text.bidirectional import mirrored
from pagelens.ingest.text.right_to_left import BLANK, CELL, LEVEL, UNSURE_BLANK, letters_of
from tests.ingest.mapped_text import SIZE, WIDTH, Piece, displayed, mapped_pdf

LAM_ALEF = ("لا", "لأ", "لإ", "لآ")


def read(path: Path) -> PageText:
    with open_document(path, sha256="0" * 64, size=path.stat().st_size) as opened:
        (page,) = opened.pages(1)
    return page.text


def pieces_of(*glyphs: Sequence[str], right: float = 500, y: float = 700) -> list[Piece]:
    """Return pieces of a line that ends at `right`, the first of them at its right end."""
    pieces: list[Piece] = []
    for piece in glyphs:
        right -= WIDTH * len(piece)
        pieces.append((right, y, piece))
    return pieces


@pytest.mark.parametrize("text", ["الملاعب", "الآن ولا يدفعون", "للأعضاء", "خلال الاحتلال", "الإجازة والاشتراك لا لا"])
def test_ligatures_of_two_letters_are_read_in_their_order(tmp_path: Path, text: str) -> None:
    assert read(mapped_pdf(tmp_path / "x.pdf", (100, 700, displayed(text, *LAM_ALEF)))).text == text


def test_a_title_in_the_largest_type_is_read_like_the_page(tmp_path: Path) -> None:
    """MuPDF has the letters of the ligature, and the number, in another order."""
    pieces = pieces_of(displayed("الملاعب ", *LAM_ALEF), ["1", "2", "5", "0"], displayed(" الكبيرة"))
    path = mapped_pdf(tmp_path / "x.pdf", *pieces)
    with open_document(path, sha256="0" * 64, size=path.stat().st_size) as opened:
        assert opened.document.title == "الملاعب 1250 الكبيرة"


def test_a_glyph_of_four_letters_is_read_in_their_order(tmp_path: Path) -> None:
    path = mapped_pdf(tmp_path / "x.pdf", (100, 700, displayed("بسم الله الرحمن", "الله")))
    assert read(path).text == "بسم الله الرحمن"


def test_presentation_forms_are_letters(tmp_path: Path) -> None:
    forms = "\ufe8d\ufedf\ufee4\ufefc\ufecb\ufe90"  # alef, lam, meem, lam-alef, ain, beh as they are drawn
    assert read(mapped_pdf(tmp_path / "x.pdf", (100, 700, displayed(forms)))).text == "الملاعب"


@pytest.mark.parametrize(
    ("form", "letters"),
    [
        ("\ufefb", "لا"),
        ("\ufb4f", "אל"),
        ("\ufdf2", "الله"),
        ("\ufe7c", "\u0651"),  # a vowel point without the blank that its isolated form has
        ("\ufdfa", "\ufdfa"),  # a phrase of four words stays one sign
        ("ab", "ab"),
    ],
)
def test_forms_and_their_letters(form: str, letters: str) -> None:
    assert letters_of(form) == letters


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_line_with_a_number_is_one_line_in_whatever_order_it_is_drawn(tmp_path: Path, order: Sequence[int]) -> None:
    text = "الاشتراك السنوي 1250 دينار للأعضاء."
    glyphs = [displayed("الاشتراك السنوي ", *LAM_ALEF), list("1250"), displayed(" دينار للأعضاء.", *LAM_ALEF)]
    pieces = pieces_of(*glyphs)
    assert read(mapped_pdf(tmp_path / "x.pdf", *(pieces[at] for at in order))).text == text


@pytest.mark.parametrize("as_displayed", [True, False])
def test_brackets_face_the_right_way_whichever_the_file_gives(tmp_path: Path, as_displayed: bool) -> None:
    text = 'המחיר 320 שקלים (לא כולל מע"מ) ב-[תל אביב].'
    glyphs = [displayed("המחיר "), list("320"), displayed(' שקלים (לא כולל מע"מ) ב-[תל אביב].')]
    if as_displayed:
        glyphs[2] = [mirrored(glyph) for glyph in glyphs[2]]
    assert read(mapped_pdf(tmp_path / "x.pdf", *pieces_of(*glyphs))).text == text


def test_words_to_the_right_keep_their_order_within_a_line_to_the_left(tmp_path: Path) -> None:
    glyphs = [displayed("النظام يعمل على "), list("Windows Server 2019 (64-bit)"), displayed(" فقط، راجعوا.")]
    text = "النظام يعمل على Windows Server 2019 (64-bit) فقط، راجعوا."
    assert read(mapped_pdf(tmp_path / "x.pdf", *pieces_of(*glyphs, right=590))).text == text


@pytest.mark.parametrize(("number", "word"), [("10", "Windows"), ("(2021)", "Bank")])
def test_a_number_follows_the_name_before_it_and_precedes_its_unit(tmp_path: Path, number: str, word: str) -> None:
    name = [displayed("راجع "), list(f"{word} {number}"), displayed(" فورا")]
    assert read(mapped_pdf(tmp_path / "x.pdf", *pieces_of(*name))).text == f"راجع {word} {number} فورا"
    unit = [displayed("حجم "), list("GB 15"), displayed(" فقط")]  # "15 GB" as it is displayed in such a line
    assert read(mapped_pdf(tmp_path / "y.pdf", *pieces_of(*unit))).text == "حجم 15 GB فقط"


def test_a_line_to_the_right_keeps_its_order(tmp_path: Path) -> None:
    glyphs = [*"The word ", *displayed("مرحبا بالعالم"), *" means hello to all of the world."]
    text = "The word مرحبا بالعالم means hello to all of the world."
    assert read(mapped_pdf(tmp_path / "x.pdf", (20, 700, glyphs))).text == text


def test_vowel_points_stay_with_their_letters(tmp_path: Path) -> None:
    # Points are drawn before the letter on which they stand, at its left edge, and have no width.
    glyphs = ["ם", "\u05b9", "ו", "ל", "\u05b0", "\u05c1", "ש"]
    page = read(mapped_pdf(tmp_path / "x.pdf", (100, 700, glyphs), no_width="\u05b9\u05b0\u05c1"))
    assert page.text == "שְׁלוֹם"


def test_every_word_has_the_place_where_it_is_drawn(tmp_path: Path) -> None:
    glyphs = [displayed("ספר "), list("1250"), displayed(" שקל")]
    page = read(mapped_pdf(tmp_path / "x.pdf", *pieces_of(*glyphs)))
    lefts = [round(float(box[0]) * 600) for box in page.boxes]
    rights = [round(float(box[2]) * 600) for box in page.boxes]
    assert page.text == "ספר 1250 שקל"
    assert lefts == [470, 420, 380] and rights == [500, 460, 410]


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_pages_may_be_rotated(tmp_path: Path, rotation: int) -> None:
    pieces = pieces_of(displayed("ספר "), list("1250"), displayed(" שקל."))
    upright = read(mapped_pdf(tmp_path / "x.pdf", *pieces))
    turned = read(mapped_pdf(tmp_path / "y.pdf", *pieces, rotation=rotation))
    assert turned.text == upright.text == "ספר 1250 שקל."
    assert len(np.unique(turned.boxes.round(4), axis=0)) == 3


def test_cells_of_a_row_are_read_from_right_to_left(tmp_path: Path) -> None:
    rows = [(500, "תפוח", "12.50", "3"), (460, "אגס", "7.25", "10")]
    pieces = [
        piece
        for y, name, price, count in rows
        for piece in ((400.0, y, displayed(name)), (250.0, y, list(price)), (100.0, y, list(count)))
    ]
    assert read(mapped_pdf(tmp_path / "x.pdf", *pieces)).text.split() == "תפוח 12.50 3 אגס 7.25 10".split()


@pytest.mark.parametrize(
    ("gap", "expected"),
    [(0.9 * BLANK, "שלוםעולם"), (1.1 * BLANK, "שלום עולם"), (0.9 * CELL, "שלום עולם"), (1.1 * CELL, "שלום עולם")],
)
def test_gaps_without_a_drawn_blank_part_words(tmp_path: Path, gap: float, expected: str) -> None:
    pieces = [(400.0, 700.0, displayed("שלום")), (400.0 - 4 * WIDTH - gap * SIZE, 700.0, displayed("עולם"))]
    assert read(mapped_pdf(tmp_path / "x.pdf", *pieces)).text == expected


def test_thresholds_are_those_that_were_measured() -> None:
    assert 0.15 <= BLANK <= 0.25  # of the type size: blanks of fonts have 0.2 to 0.3, letters that are kerned less
    assert 1.2 <= CELL <= 2.0  # more than two blanks, less than between columns of tables
    assert 0.7 <= UNSURE_BLANK <= 1.3 and 0.4 <= LEVEL <= 0.6


def test_a_full_stop_at_the_left_end_is_the_end(tmp_path: Path) -> None:
    pieces = [(100.0, 700.0, displayed("גרסה חדשה של")), (100.0, 670.0, [".", *"Windows"])]
    assert read(mapped_pdf(tmp_path / "x.pdf", *pieces)).text.split() == ["גרסה", "חדשה", "של", "Windows."]
