"""Columns, line numbers and side notes that a file draws row by row."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.pdf_reader import open_document
from pagelens.ingest.text import columns
from pagelens.ingest.text.columns import part_columns
from pagelens.ingest.text.page_text import Word, assemble_text, visual_lines

HARBOUR = (
    "The harbour lies on the northern shore of the bay and was built by the guild of salt merchants in the year of the "
    "great flood. Ships of every kind came there to load grain and wool, and the customs house kept a record of each."
)
WINTER = (
    "Winter brings long storms to this coast and the fishermen mend their nets at home until the first herring returns "
    "in spring. Their wives sell smoked fish in the market hall, where a bell rings at noon to open the trade for all."
)
LIGHT = (
    "A keeper climbs the tower each evening to trim the lamp, whose light is seen from far out at sea by pilots who "
    "wait for the tide before they enter the narrow channel between the two rocks that guard the entrance of old."
)
LETTER = 0.5  # of the height of a line: the width of a letter
PITCH = 1.2


def line(text: str, x: float, y: float, *, height: float = 1.0, number: int = 0) -> list[Word]:
    """Return the words of a line with letters of one width, on a page with margins."""
    words: list[Word] = []
    x, y = x + 20, y + 10
    for word in text.split():
        end = x + LETTER * height * len(word)
        words.append(Word(word, x, y, end, y + height, 0, number))
        x = end + LETTER * height
    return words


def wrapped(text: str, width: int = 40) -> list[str]:
    return textwrap.wrap(text, width)


def row_by_row(*cells: tuple[float, Sequence[str]], top: float = 0.0, shift: float = 0.0) -> list[Word]:
    """Return columns (each its x and its lines) drawn row after row; each column `shift` lower than the one before."""
    words: list[Word] = []
    for row in range(max(len(texts) for _, texts in cells)):
        for column, (x, texts) in enumerate(cells):
            if row < len(texts):
                words += line(texts[row], x, top + row * PITCH + column * shift, number=row)
    return words


def text_of(words: Sequence[Word]) -> str:
    return assemble_text(visual_lines(part_columns(words)), width=1000, height=1000).text


def prose(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_two_columns_are_read_one_after_the_other(shift: float) -> None:
    text = text_of(row_by_row((0, wrapped(HARBOUR)), (22, wrapped(WINTER)), shift=shift))
    assert prose(text) == f"{HARBOUR} {WINTER}"
    assert text.count("\n\n") == 1


def test_three_columns_are_too() -> None:
    cells = [(16 * at, wrapped(text, 28)) for at, text in enumerate((HARBOUR, WINTER, LIGHT))]
    assert prose(text_of(row_by_row(*cells))) == f"{HARBOUR} {WINTER} {LIGHT}"


def test_lines_across_the_columns_stay_above_and_below_them() -> None:
    title = line("A title that stands across both of the columns of the page", 0, -4)
    foot = line("And a line below them that is as long as the title above is", 0, 15)
    body = row_by_row((0, wrapped(HARBOUR)), (22, wrapped(WINTER)))
    text = text_of([*title, *body, *foot])
    assert text.startswith("A title") and text.endswith("above is")
    assert prose(f"{HARBOUR} {WINTER}") in prose(text)


def test_a_column_that_is_longer_goes_on_to_its_end() -> None:
    text = text_of(row_by_row((0, wrapped(f"{HARBOUR} {LIGHT}")), (22, wrapped(WINTER))))
    assert prose(text) == f"{HARBOUR} {LIGHT} {WINTER}"


def test_right_columns_come_first_where_the_script_runs_to_the_left() -> None:
    right = "الميناء يقع على الشاطئ الشمالي للخليج وقد بنته نقابة تجار الملح في سنة الفيضان الكبير الذي غمر المدينة"
    left = "الشتاء يجلب عواصف طويلة إلى هذا الساحل والصيادون يصلحون شباكهم في بيوتهم حتى تعود الأسماك الأولى في الربيع"
    words = row_by_row((22, wrapped(right, 30)), (0, wrapped(left, 30)))
    assert prose(text_of(words)) == f"{right} {left}"


@pytest.mark.parametrize(
    "rows",
    [
        [("Harbour dues", "1,250"), ("Light dues", "310"), ("Pilotage", "2,400"), ("Towage", "75"), ("Storage", "18")],
        [
            ("Name of the ship and port", "Cargo that was landed here"),
            ("Anna of Bergen in Norway", "Salt and dried cod"),
        ]
        * 3,
        [("1", "Salt and grain from Riga"), ("2", "Wool and cloth of Ghent"), ("3", "Herring"), ("4", "Tar, pitch")]
        * 2,
    ],
)
def test_rows_of_a_table_stay_rows(rows: list[tuple[str, str]]) -> None:
    words = row_by_row((0, [row[0] for row in rows]), (22, [row[1] for row in rows]))
    assert text_of(words).split("\n") == [" ".join(row) for row in rows]


def test_a_table_of_long_texts_stays_one() -> None:
    words, y = [], 0.0
    for left, right in zip(wrapped(f"{HARBOUR} {LIGHT}", 120), wrapped(f"{WINTER} {LIGHT}", 120), strict=False):
        words += row_by_row((0, wrapped(left)), (22, wrapped(right)), top=y)
        y += max(len(wrapped(left)), len(wrapped(right))) * PITCH + 1
    assert part_columns(words) == words


def test_pages_drawn_column_by_column_are_left_as_they_are() -> None:
    words = [*row_by_row((0, wrapped(HARBOUR))), *row_by_row((22, wrapped(WINTER)))]
    assert part_columns(words) == words
    assert part_columns([]) == []


@pytest.mark.parametrize("step", [1, 5])
@pytest.mark.parametrize("x", [-3, 25])
def test_line_numbers_stand_apart(step: int, x: float) -> None:
    numbers = [str(step * (at + 1)) for at in range(len(wrapped(HARBOUR)))]
    cells = sorted([(x, numbers), (0, wrapped(HARBOUR))])
    assert text_of(row_by_row(*cells)) == "\n".join(wrapped(HARBOUR)) + "\n\n" + "\n".join(numbers)


def test_numbers_without_a_common_step_are_part_of_their_rows() -> None:
    numbers = [str(number) for number in (3, 8, 9, 14, 20, 21)]
    words = row_by_row((-3, numbers), (0, wrapped(HARBOUR)))
    assert part_columns(words) == words


@pytest.mark.parametrize(("height", "drop"), [(0.8, 0.1), (1.0, 0.3)])
@pytest.mark.parametrize("x", [-11, 24])
def test_side_notes_stand_apart(height: float, drop: float, x: float) -> None:
    words: list[Word] = []
    for row, text in enumerate(wrapped(HARBOUR)):
        words += line(text, 0, row * PITCH, number=row)
        if 0 < row < 4:
            note = ("Of the building", "of the harbour", "and its customs")[row - 1]
            words += line(note, x, row * PITCH + drop, height=height, number=row)
    assert prose(text_of(words)) == f"{HARBOUR} Of the building of the harbour and its customs"


def test_labels_beside_text_on_the_same_line_stay_with_it() -> None:
    labels = ["Building of", "the harbour", "and its use"]
    words = row_by_row((-11, labels), (0, wrapped(HARBOUR)))
    assert part_columns(words) == words


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("MIN_ROWS", 3, 3),
        ("MIN_NUMBERS", 4, 4),
        ("MIN_NOTE", 2, 2),
        ("MIN_GUTTER", 0.5, 0.7),  # of justified text's widest blanks, below the narrowest gutters of newspapers
        ("MIN_LENGTH", 6.0, 8.0),  # lines of three words
        ("MIN_RUNNING", 0.2, 0.4),  # of lines of prose, more than half begin with a small letter
        ("MIN_FULL", 0.4, 0.6),
        ("MIN_FULL_UNCASED", 0.6, 0.8),
        ("MAX_NUMBERS", 0.2, 0.4),
        ("MAX_NOTES", 0.5, 0.9),
        ("LEVEL", 0.1, 0.2),
    ],
)
def test_thresholds_are_those_that_were_measured(name: str, low: float, high: float) -> None:
    assert low <= getattr(columns, name) <= high


@pytest.mark.parametrize(("gutter", "is_parted"), [(0.9, False), (1.1, True)])
def test_the_narrowest_gutter(gutter: float, is_parted: bool) -> None:
    left = [text.ljust(40, "x") for text in wrapped(HARBOUR)]
    words = row_by_row((0, left), (20 + gutter * columns.MIN_GUTTER, wrapped(WINTER)))
    assert (part_columns(words) != words) == is_parted


@pytest.mark.parametrize(("rows", "is_parted"), [(columns.MIN_ROWS - 1, False), (columns.MIN_ROWS, True)])
def test_the_fewest_rows(rows: int, is_parted: bool) -> None:
    words = row_by_row((0, wrapped(HARBOUR)[:rows]), (22, wrapped(WINTER)[:rows]))
    assert (part_columns(words) != words) == is_parted


def test_columns_of_a_pdf_with_boxes_of_their_words(tmp_path: Path) -> None:
    pdf = pymupdf.open()
    page = pdf.new_page()
    for at, (left, right) in enumerate(zip(wrapped(HARBOUR), wrapped(WINTER), strict=True)):
        page.insert_text((50, 90 + 12 * at), left, fontsize=10)
        page.insert_text((300, 90 + 12 * at), right, fontsize=10)
    (tmp_path / "x.pdf").write_bytes(pdf.tobytes())
    with open_document(tmp_path / "x.pdf", sha256="0" * 64, size=1) as opened:
        (read,) = opened.pages(1)
    assert prose(read.text.text) == f"{HARBOUR} {WINTER}"
    split = read.text.text.index("Winter")
    for (start, _), box in zip(read.text.spans.tolist(), read.text.boxes.tolist(), strict=True):
        assert (box[0] * 595 > 295) == (start >= split)
