"""Pages of workbooks: which page shows a row, where its words stand, and what is said of hidden parts."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pagelens.core.errors import ReadError
from pagelens.core.types import Box, Page, PageText
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers.office.print_copy import is_drawable, write_print_copy
from pagelens.ingest.readers.office.sheet_grid import find_grid
from pagelens.ingest.readers.office.sheet_pages import sheet_pages
from pagelens.ingest.readers.office.sheet_tables import tables_of
from pagelens.ingest.readers.office.workbook import read_workbook
from pagelens.ingest.readers.registry import load_reader
from pagelens.ingest.text.page_text import Word, assemble_text
from tests.ingest.readers.office.office_files import (
    empty_book,
    needs_libreoffice,
    read_file,
    read_without_libreoffice,
    sheet_of,
)

WIDTH, HEIGHT = 600.0, 800.0
LEFT = 0.4 * 72  # points: the left margin of drawn sheets
LETTER = 10.0  # height of a heading's box; the line of column letters is 1.276 times as high
FIRST_ROW = 100.0  # the bottom of that line
COLUMNS = [(58.0, 258.0), (258.0, 358.0)]  # A and B; row numbers stand from LEFT to 58


def at(text: str, x: float, y: float, block: int, height: float = LETTER) -> Word:
    """Return a word whose middle is at (x, y)."""
    half = 3.0 * len(text)
    return Word(text, x - half, y - height / 2, x + half, y + height / 2, block, block)


def drawn_page(number: int, rows: dict[int, float], *words: Word, sheet: int = 1) -> Page:
    """Return a page as LibreOffice draws it: the sheet's title, column letters, and rows of these heights."""
    placed = [at("Sheet", 50, 40, 0), at(f"{sheet}:", 75, 40, 0), at("Budget", 110, 40, 0), *words]
    middle = FIRST_ROW - 1.276 / 2 * LETTER
    placed += [at(letter, sum(edges) / 2, middle, 90) for letter, edges in zip("AB", COLUMNS, strict=True)]
    top = FIRST_ROW
    for row, height in rows.items():
        placed.append(at(str(row), (LEFT + 58) / 2, top + height / 2, 100 + row))
        top += height
    text = assemble_text(placed, width=WIDTH, height=HEIGHT)
    return Page(number=number, label=None, width=WIDTH, height=HEIGHT, text=text)


def box_of(text: PageText, word: str) -> Box:
    start = text.text.index(word)
    (box,) = text.boxes_of(start, start + len(word))
    return box


def test_rows_and_columns_are_found_by_their_headings() -> None:
    grid = find_grid(drawn_page(1, {3: 20.0, 4: 50.0, 5: 12.0}).text, LEFT / WIDTH)
    assert grid is not None and grid.sheet == 1
    assert grid.rows == {
        3: pytest.approx((100 / HEIGHT, 120 / HEIGHT), abs=1e-4),
        4: pytest.approx((120 / HEIGHT, 170 / HEIGHT), abs=1e-4),
        5: pytest.approx((170 / HEIGHT, 182 / HEIGHT), abs=1e-4),
    }
    assert grid.columns == {
        1: pytest.approx((58 / WIDTH, 258 / WIDTH), abs=1e-4),
        2: pytest.approx((258 / WIDTH, 358 / WIDTH), abs=1e-4),
    }
    assert grid.cell_box(4, 2, 2) == pytest.approx((258 / WIDTH, 120 / HEIGHT, 358 / WIDTH, 170 / HEIGHT), abs=1e-4)
    assert grid.cell_box(9, 1, 1) is None


@pytest.mark.parametrize("text", ["A chart", "Sheet 1: Budget", "Sheet 1: Budget\n\nA B"])
def test_a_page_without_headings_has_no_grid(text: str) -> None:
    words = [Word(word, 10.0 * i, 10, 10.0 * i + 8, 20, 0, 0) for i, word in enumerate(text.split())]
    assert find_grid(assemble_text(words, width=WIDTH, height=HEIGHT), LEFT / WIDTH) is None


def budget(path: Path) -> Path:
    book = empty_book()
    sheet = sheet_of(book, "Budget", [["Item", "Cost"], ["Roof of the boathouse", 1234567.5], ["Crane", 5]])
    sheet["B2"].number_format = "#,##0.00"
    book.save(path)
    return path


def pages_of(path: Path, *drawn: Page) -> list[Page]:
    sheets = read_workbook(path)
    pages = sheet_pages(drawn, sheets, {sheet.number: tables_of(sheet) for sheet in sheets})
    assert pages is not None
    return pages


def test_the_text_is_that_of_the_cells_and_its_words_have_the_boxes_of_the_drawn_ones(tmp_path: Path) -> None:
    value = at("1,234,567.50", 310, 150, 2)
    page = drawn_page(1, {1: 30.0, 2: 40.0, 3: 30.0}, at("Roof", 80, 150, 2), at("###", 310, 185, 3), value)
    (made,) = pages_of(budget(tmp_path / "b.xlsx"), page)
    row = "Item: Roof of the boathouse; Cost: 1,234,567.50"
    assert made.text.text.split("\n\n")[:3] == ["Sheet 1: Budget", row, "Item: Crane; Cost: 5"]
    assert made.label == "sheet Budget, rows 2-3"
    drawn = (value.x0 / WIDTH, value.y0 / HEIGHT, value.x1 / WIDTH, value.y1 / HEIGHT)
    assert box_of(made.text, "1,234,567.50") == pytest.approx(drawn, abs=1e-4)
    # A word that was not drawn has its cell.
    assert box_of(made.text, "boathouse;") == pytest.approx((58 / 600, 130 / 800, 258 / 600, 170 / 800), abs=1e-4)
    assert box_of(made.text, row) == pytest.approx((58 / 600, 130 / 800, 358 / 600, 170 / 800), abs=1e-4)


def test_what_no_cell_has_stays_as_text_of_the_page(tmp_path: Path) -> None:
    page = drawn_page(1, {1: 30.0, 2: 40.0, 3: 30.0}, at("Forecast", 480, 300, 7), at("Roof", 80, 150, 2))
    (made,) = pages_of(budget(tmp_path / "b.xlsx"), page)
    assert made.text.text.split("\n\n")[3:] == ["Forecast"]


def test_a_row_is_on_the_first_page_that_shows_it(tmp_path: Path) -> None:
    first, second = drawn_page(1, {1: 30.0, 2: 40.0}), drawn_page(2, {1: 30.0, 3: 40.0})
    made = pages_of(budget(tmp_path / "b.xlsx"), first, second)
    assert ["Roof" in page.text.text for page in made] == [True, False]
    assert ["Crane" in page.text.text for page in made] == [False, True]
    assert made[1].label == "sheet Budget, row 3"


def test_a_row_that_no_page_shows_is_found_and_it_is_said(tmp_path: Path) -> None:
    (made,) = pages_of(budget(tmp_path / "b.xlsx"), drawn_page(1, {1: 30.0, 2: 40.0}))
    assert "Item: Crane; Cost: 5" in made.caption
    assert made.problem.startswith("rows 3 are not in the picture")
    chart = replace(drawn_page(1, {}), text=assemble_text([Word("Chart", 1, 1, 9, 9, 0, 0)], width=600, height=800))
    (other,) = pages_of(budget(tmp_path / "b.xlsx"), chart)
    assert other.text.text == "Chart" and "Roof of the boathouse" in other.caption


@pytest.mark.parametrize(("rows", "is_drawn"), [(20, True), (21, False)])
def test_pages_that_show_too_few_rows_are_not_used(tmp_path: Path, rows: int, is_drawn: bool) -> None:
    book = empty_book()
    sheet_of(book, "Budget", [["Item", "Cost"], *[[f"Item {number}", number] for number in range(rows)]])
    book.save(tmp_path / "b.xlsx")
    sheets = read_workbook(tmp_path / "b.xlsx")
    pages = sheet_pages([drawn_page(1, {1: 30.0})], sheets, {1: tables_of(sheets[0])})
    assert (pages is not None) is is_drawn


def stations() -> Any:
    """Return a workbook as people make them: narrow columns, hidden parts, a long table, a formula."""
    from openpyxl.styles import Font

    book = empty_book()
    narrow = sheet_of(book, "Budget & more", [])
    narrow.append(["Accounts of the harbour association, confirmed by its assembly"])
    narrow["A1"].font = Font(bold=True, size=16)
    narrow.append(["Item", "Cost", "Due"])
    narrow.append(["Roof of the boathouse and its two side windows", 1234567.5, date(2024, 3, 5)])
    narrow.append(["Total", "=B3*2", None])
    for column in "ABC":
        narrow.column_dimensions[column].width = 3
    narrow["B3"].number_format = narrow["B4"].number_format = "#,##0.00"
    narrow["C3"].number_format = "yyyy-mm-dd"
    narrow.row_dimensions[3].height = 4
    narrow.row_dimensions[4].hidden = True
    narrow.print_area = "A1:A1"
    secret = sheet_of(book, "northern route", [["Route", "Captain", "Days"], ["Northern", "Ilka Soren", 4]])
    secret.sheet_state = "hidden"
    secret.column_dimensions["C"].hidden = True
    sheet_of(book, "wide", [["Name", *[f"Column {n}" for n in range(120)]], ["Dunholt", *range(5000, 5120)]])
    sheet_of(book, "long", [["Name", "Number"], *[[f"Ship {n}", n * 1000] for n in range(1, 120)]])
    return book


def test_a_workbook_is_drawn_whole(tmp_path: Path) -> None:
    needs_libreoffice()
    path = tmp_path / "stations.xlsx"
    stations().save(path)
    reader = load_reader("office", ReaderOptions())
    with reader.open_document(path, sha256="1" * 64, size=1) as opened:
        pages = list(opened.pages(1))
        image = np.asarray(opened.render_page(1, 1600))[..., 1]
    first, hidden, wide, *long = pages
    row = " ".join(wide.text.text.split())
    assert [f"Column {n}: {5000 + n}" in row for n in range(120)] == [True] * 120
    assert box_of(wide.text, "5119").x0 > box_of(wide.text, "5001").x1
    assert "Cost: 1,234,567.50; Due: 2024-03-05" in first.text.text
    assert "Item: Total; Cost: 2,469,135.00" in first.text.text  # no result stood in the file
    assert first.caption == "Hidden rows: 4" and "Budget & more" in first.text.text
    assert hidden.label == "sheet northern route (hidden), row 2" and hidden.caption == "Hidden columns: C"
    assert "Route: Northern; Captain: Ilka Soren; Days: 4" in hidden.text.text
    assert not any("#" in page.text.text or page.problem for page in pages)
    found = "\n".join(page.text.text for page in long)
    assert [found.count(f"Name: Ship {n}; Number: {n * 1000}\n") for n in range(1, 119)] == [1] * 118
    assert len(long) > 1
    assert box_of(first.text, "Accounts").y1 < box_of(first.text, "assembly").y1  # a title of two lines
    for word in ("Accounts", "assembly", "1,234,567.50;", "2024-03-05", "boathouse", "2,469,135.00"):
        box = box_of(first.text, word)
        assert box.y1 - box.y0 < 0.03  # a word's own box, not that of a row of several lines
        rows = slice(int(box.y0 * image.shape[0]), int(box.y1 * image.shape[0]))
        columns = slice(int(box.x0 * image.shape[1]), int(box.x1 * image.shape[1]))
        assert (image[rows, columns] < 128).mean() > 0.03, word  # there is ink


@pytest.mark.parametrize("name", ["old.xls", "open.ods"])
def test_other_workbooks_are_read_as_well(tmp_path: Path, name: str) -> None:
    from pagelens.ingest.readers.libreoffice import convert

    program = needs_libreoffice()
    budget(tmp_path / "b.xlsx")
    made = convert(program, tmp_path / "b.xlsx", tmp_path / "work", name[-3:], seconds=100)
    made.rename(tmp_path / name)
    _, (page,) = read_file(tmp_path / name)
    assert "Item: Roof of the boathouse; Cost: 1,234,567.50" in page.text.text
    assert page.label == "sheet Budget, rows 2-3"


def failing_libreoffice(folder: Path) -> Path:
    program = folder / "soffice"
    program.write_text("#!/bin/sh\necho cannot load it\nexit 1\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("has_program", [True, False])
def test_a_workbook_that_is_not_drawn_is_read(tmp_path: Path, has_program: bool) -> None:
    path = budget(tmp_path / "b.xlsx")
    if has_program:
        _, (page,) = read_file(path, soffice=failing_libreoffice(tmp_path))
        assert "cannot load it" in page.problem
    else:
        document, (page,) = read_without_libreoffice(path)
        assert "without LibreOffice" in page.problem and document.title == "b"
    assert "Item: Roof of the boathouse; Cost: 1,234,567.50" in page.text.text
    assert page.label == "sheet Budget, rows 2-3"


def test_a_workbook_without_cells_says_what_libreoffice_said(tmp_path: Path) -> None:
    book = empty_book()
    sheet_of(book, "empty", [])
    book.save(tmp_path / "b.xlsx")
    with pytest.raises(ReadError, match="cannot load it"):
        read_file(tmp_path / "b.xlsx", soffice=failing_libreoffice(tmp_path))


@pytest.mark.parametrize(
    ("rows", "columns", "is_small"),
    [(10_000, 1, True), (10_001, 1, False), (3_000, 100, True), (3_001, 100, False)],
)
def test_large_workbooks_are_not_drawn(tmp_path: Path, rows: int, columns: int, is_small: bool) -> None:
    path = budget(tmp_path / "b.xlsx")
    (sheet,) = read_workbook(path)
    row = dict.fromkeys(range(columns), sheet.rows[2][1])
    sheet.rows = dict.fromkeys(range(rows), row)
    assert is_drawable(path, [sheet]) is is_small


def test_the_copy_that_is_drawn_keeps_the_file(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    path = tmp_path / "stations.xlsx"
    stations().save(path)
    before = path.read_bytes()
    sheets = read_workbook(path)
    write_print_copy(path, tmp_path / "copy.xlsx", sheets, {sheet.number: tables_of(sheet) for sheet in sheets})
    assert path.read_bytes() == before
    copy = load_workbook(tmp_path / "copy.xlsx")
    assert [sheet.sheet_state for sheet in copy] == ["visible"] * 4
    assert copy["long"].print_title_rows == "$1:$1" and not copy["Budget & more"].print_area
    assert not copy["Budget & more"].row_dimensions[4].hidden
    assert copy["Budget & more"].column_dimensions["B"].width > len("1,234,567.50")
