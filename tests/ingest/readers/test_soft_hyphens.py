"""Soft hyphens of PDFs: those that are not drawn are no part of the text, those drawn are hyphens."""

from pathlib import Path

import pytest

from pagelens.core.word_breaks import join_broken_words
from pagelens.ingest.readers.pdf.pdf_reader import open_document
from tests.ingest.files import hand_written_pdf

SOFT_HYPHEN = "/Span<</ActualText<FEFF00AD>>>BDC ( ) Tj EMC"  # as Chromium writes it: a blank on which the word goes on


def text_of(content: str, folder: Path) -> str:
    """Return the text of a page drawn with Courier 10, whose letters are 6 points wide."""
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>",
    )
    path = folder / "x.pdf"
    path.write_bytes(hand_written_pdf(objects))
    with open_document(path, sha256="0", size=1) as opened:
        (page,) = opened.pages(1)
    return page.text.text


def at(x: float, y: float = 100) -> str:
    return f"1 0 0 1 {x} {y} Tm"


@pytest.mark.parametrize("x", [78, 78 + 0.9])
def test_a_soft_hyphen_that_is_not_drawn_is_no_part_of_the_word(tmp_path: Path, x: float) -> None:
    word = f"BT /F1 10 Tf {at(60)} (con) Tj {at(78)} {SOFT_HYPHEN} {at(x)} (tami) Tj {at(102)} {SOFT_HYPHEN}"
    assert text_of(f"{word} {at(102)} (nation) Tj ET", tmp_path) == "contamination"


@pytest.mark.parametrize("x", [78 + 1.1, 84])
def test_a_soft_hyphen_that_is_drawn_within_a_line_is_a_hyphen(tmp_path: Path, x: float) -> None:
    word = f"BT /F1 10 Tf {at(60)} (con) Tj {at(78)} {SOFT_HYPHEN} {at(x)} (tamination) Tj ET"
    assert text_of(word, tmp_path) == "con-tamination"


def test_a_word_with_soft_hyphens_of_both_kinds_keeps_those_drawn(tmp_path: Path) -> None:
    word = f"BT /F1 10 Tf {at(60)} (five\\255st) Tj {at(102)} {SOFT_HYPHEN} {at(102)} (ar) Tj ET"
    assert text_of(word, tmp_path) == "five-star"


def test_a_soft_hyphen_at_a_line_end_breaks_the_word(tmp_path: Path) -> None:
    lines = f"BT /F1 10 Tf {at(60)} (on con\\255) Tj {at(60, 86)} (tamination) Tj ET"
    text = text_of(lines, tmp_path)
    assert text == "on con-\ntamination" and join_broken_words(text) == "on contamination"
