"""The direction of lines of Arabic and Hebrew pages that are not mainly in these scripts, and marks MuPDF has moved."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pagelens.core.types import Box
from pagelens.ingest.readers.pdf.pdf_reader import open_document
from pagelens.ingest.text import right_to_left
from pagelens.ingest.text.right_to_left import COVERED, Glyph, Margins, margins_of, mark_bases, words_of_block
from tests.ingest.mapped_text import SIZE, WIDTH, Piece, displayed, mapped_pdf

LEFT, RIGHT = 100.0, 500.0
FULL = "המחיר השנתי של הכרטיס כולל את הנסיעה אל"  # as long as the page is wide


def read(path: Path) -> str:
    with open_document(path, sha256="0" * 64, size=path.stat().st_size) as opened:
        (page,) = opened.pages(1)
    return page.text.text


def line(*glyphs: Sequence[str], y: float, right: float = RIGHT) -> Piece:
    """A line that ends at `right`, the first of its parts at its right end."""
    from_left = [glyph for part in reversed(glyphs) for glyph in part]
    return right - WIDTH * len(from_left), y, from_left


def full_lines(*rows: float) -> list[Piece]:
    return [line(displayed(FULL), y=y) for y in rows]


@pytest.mark.parametrize("align_right", [True, False])
def test_a_paragraph_of_latin_names_runs_as_the_page_does(tmp_path: Path, align_right: bool) -> None:
    short = [line(displayed("הנסיעה."), y=620), line(displayed("מקש "), list("compose"), [":"], y=500)]
    if not align_right:
        short = [(LEFT, y, glyphs) for _, y, glyphs in short]
    pieces = [*full_lines(700, 680), *short]
    assert "מקש compose:" in read(mapped_pdf(tmp_path / "x.pdf", *pieces))


@pytest.mark.parametrize(("before", "after"), [("The word ", " means peace."), ("Say ", " here.")])
def test_an_english_paragraph_on_a_page_to_the_left_keeps_its_order(tmp_path: Path, before: str, after: str) -> None:
    english = (LEFT, 500.0, [*before, *displayed("שלום"), *after])
    pieces = [*full_lines(700, 680), line(displayed("הנסיעה."), y=620), english]
    assert f"{before}שלום{after}" in read(mapped_pdf(tmp_path / "x.pdf", *pieces))


def test_lines_whose_stops_are_at_the_right_end_are_in_paragraphs_to_the_right(tmp_path: Path) -> None:
    pieces = [
        (LEFT, 700.0, [*displayed("מחיר"), ":"]),
        (LEFT, 660.0, [*displayed("גרסה"), *" Word ", *displayed("חדשה"), "."]),
    ]
    assert read(mapped_pdf(tmp_path / "x.pdf", *pieces)).split("\n\n") == ["מחיר:", "גרסה Word חדשה."]


def test_an_arabic_question_mark_belongs_to_its_run_and_shows_no_direction(tmp_path: Path) -> None:
    questions = [(LEFT, 600.0 - 40 * row, displayed("ما هذا؟")) for row in range(2)]
    pieces = [*questions, (LEFT, 400.0, [*displayed("نسخة"), *" Word ", *displayed("جديدة"), "."])]
    assert read(mapped_pdf(tmp_path / "x.pdf", *pieces)).split("\n\n") == ["ما هذا؟", "ما هذا؟", "نسخة Word جديدة."]


def glyphs_of(text: str, x: float, y: float = 0) -> list[Glyph]:
    boxes = [Box(x + WIDTH * at, y, x + WIDTH * (at + 1), y + SIZE) for at in range(len(text))]
    return [Glyph(text=letter, box=box, along=box, size=SIZE) for letter, box in zip(text, boxes, strict=True)]


@pytest.mark.parametrize(("hebrew", "leftwards"), [(2, True), (1, False)])
def test_the_share_of_letters_decides_where_no_line_is_short(hebrew: int, leftwards: bool) -> None:
    page = [[glyphs_of("א" * 10, LEFT, 30 * row)] for row in range(3)]
    block = [glyphs_of("ab" + "א" * hebrew + "cdefgh"[:6], LEFT, 200)]
    words = words_of_block(block, mirror=False, margins=margins_of([*page, block]))
    assert right_to_left.MIN_SHARE == 0.2
    assert (words[0].text[0] == "c") == leftwards


@pytest.mark.parametrize(
    ("row", "beginning"),
    [
        (glyphs_of("אבג", 470), 1),
        (glyphs_of("אבג", 100), -1),
        (glyphs_of("אבג", 280), 0),
        (glyphs_of("א" * 40, 100), 0),
    ],
)
def test_short_lines_show_at_which_margin_they_begin(row: list[Glyph], beginning: int) -> None:
    assert right_to_left._beginning(row, LEFT, RIGHT) == beginning


@pytest.mark.parametrize(("indent", "beginning"), [(1.9, 0), (2.1, 1)])
def test_an_indent_makes_a_line_short(indent: float, beginning: int) -> None:
    assert right_to_left.INDENT == 2
    row = glyphs_of("א" * 10, RIGHT - 10 * WIDTH)
    assert right_to_left._beginning(row, row[0].along.x0 - indent * SIZE, RIGHT) == beginning


def box(x0: float, x1: float) -> Box:
    return Box(x0, 0, x1, 10)


def test_a_mark_stands_on_the_letter_after_it_where_a_line_is_drawn_from_its_left_end() -> None:
    # as HarfBuzz orders the glyphs of a run to the left
    drawn = [("ا", box(10, 13)), ("ً", box(16, 16)), ("ء", box(17, 21)), ("ا", box(21, 24))]
    assert mark_bases(drawn) == {1: 2}
    assert mark_bases(drawn[::-1]) == {2: 1}
    assert mark_bases([("ل", box(10, 13)), ("\u0651", box(13, 13)), ("\u064e", box(13, 13)), ("ا", box(13, 17))]) == {
        1: 3,
        2: 3,
    }


def test_marks_far_from_all_letters_and_of_other_scripts_have_no_base() -> None:
    assert right_to_left.MARK_REACH == 0.5
    assert mark_bases([("ا", box(10, 13)), ("ً", box(18.1, 18.1))]) == {}
    assert mark_bases([("ا", box(10, 13)), ("ً", box(17.9, 17.9))]) == {1: 0}
    assert mark_bases([("e", box(10, 13)), ("\u0301", box(11, 11))]) == {}
    assert mark_bases([(" ", box(10, 13)), ("ً", box(11, 11))]) == {}


def glyphs_as_displayed(displayed: str) -> list[Glyph]:
    """The glyphs of a line as displayed, ten points each."""
    boxes = [Box(10 * at, 0, 10 * at + 10, 10) for at in range(len(displayed))]
    return [Glyph(text=text, box=box, along=box, size=10) for text, box in zip(displayed, boxes, strict=True)]


@pytest.mark.parametrize(
    ("displayed", "text"),
    [
        # Lines of one paragraph to the right, as the bidirectional algorithm shows them; its brackets hold Y and Z.
        ("X דג בא (וה Y ,חז", "X אב גד (הו Y זח,"),
        ("יט Z לכ). נמ", "טי Z כל). מנ"),
        ("X (דג) בא", "X אב (גד)"),  # both brackets in the line
        ("דג) בא X", "אב (גד X"),  # no letters to the right in it
        ("X ,דג בא", "X אב גד,"),
        ("X, בא", "X, אב"),
    ],
)
def test_other_lines_decide_the_direction_of_single_brackets_and_of_stops(displayed: str, text: str) -> None:
    to_the_right = Margins(left=0, right=600, leftwards=True, from_right=False, in_rightwards=True)
    words = words_of_block([glyphs_as_displayed(displayed)], mirror=True, margins=to_the_right)
    assert " ".join(word.text for word in words) == text


@pytest.mark.parametrize(("x0", "text"), [(8.1, "אבג"), (7.9, "אב\ufffdג")])
def test_strokes_that_lengthen_letters_are_no_letters(x0: float, text: str) -> None:
    assert COVERED == 0.8
    gimel, bet, alef = glyphs_as_displayed("גבא")
    stroke = Box(x0, 0, x0 + 10, 10)
    line = [gimel, Glyph(text="\ufffd", box=stroke, along=stroke, size=10), bet, alef]
    assert [word.text for word in words_of_block([line], mirror=False)] == [text]
