"""Rows of spreadsheets as lines with the names of their columns."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pagelens.generate.sentences import MAX_WORDS
from pagelens.ingest.readers.office.sheet_tables import MAX_LINE_WORDS, repeated_header, tables_of
from pagelens.ingest.readers.office.workbook import read_workbook
from tests.ingest.readers.office.office_files import empty_book, sheet_of


def lines(tmp_path: Path, *rows: list[object], merge: tuple[str, ...] = (), bold: tuple[int, ...] = ()) -> list[str]:
    """Return the lines of a sheet with these rows; `merge` are merged areas, `bold` are rows in bold type."""
    from openpyxl.styles import Font

    book = empty_book()
    sheet = sheet_of(book, "Sheet", rows)
    for area in merge:
        sheet.merge_cells(area)
    for row in bold:
        for cell in sheet[row]:
            cell.font = Font(bold=True)
    return lines_of(book, tmp_path)


def lines_of(book: Any, tmp_path: Path) -> list[str]:
    book.save(tmp_path / "book.xlsx")
    (sheet,) = read_workbook(tmp_path / "book.xlsx")
    return [line.text for table in tables_of(sheet) for line in table.lines]


def test_a_row_has_the_names_of_its_columns(tmp_path: Path) -> None:
    found = lines(tmp_path, ["Item", "Cost", "Due"], ["Roof", 1200, date(2024, 3, 5)], ["Buoy", None, date(2024, 5, 1)])
    assert found == ["Item: Roof; Cost: 1200; Due: 2024-03-05", "Item: Buoy; Due: 2024-05-01"]


def test_titles_above_and_totals_below_are_lines(tmp_path: Path) -> None:
    found = lines(tmp_path, ["Budget of the harbour"], ["Item", "Cost"], ["Roof", 5], ["North quay"], ["Crane", 7])
    assert found == ["Budget of the harbour", "Item: Roof; Cost: 5", "North quay", "Item: Crane; Cost: 7"]


def test_years_may_name_columns(tmp_path: Path) -> None:
    assert lines(tmp_path, ["Station", 2021, 2022], ["Dunholt", 5, 6]) == ["Station: Dunholt; 2021: 5; 2022: 6"]
    days = lines(tmp_path, ["Station", 1, 2, 3], ["Dunholt", 7.5, 8.5, 9.5])
    assert days == ["Station: Dunholt; 1: 7.5; 2: 8.5; 3: 9.5"]
    months = lines(tmp_path, ["Station", date(2024, 1, 1), date(2024, 2, 1)], ["Dunholt", 5, 6])
    assert months == ["Station: Dunholt; 2024-01-01: 5; 2024-02-01: 6"]
    found = lines(tmp_path, ["Dunholt", 5, 600], ["Eastrey", 4, 500])
    assert found == ["Dunholt; 5; 600", "Eastrey; 4; 500"]


def test_a_table_of_texts_has_a_header_where_nothing_speaks_against_it(tmp_path: Path) -> None:
    found = lines(tmp_path, ["Route", "Captain", "Boat"], ["North", "Ilka", "Petrel"])
    assert found == ["Route: North; Captain: Ilka; Boat: Petrel"]
    repeated = lines(tmp_path, ["yes", "no", "open"], ["yes", "yes", "open"], ["no", "no", "shut"])
    assert repeated == ["yes; no; open", "yes; yes; open", "no; no; shut"]


@pytest.mark.parametrize(("length", "is_header"), [(60, True), (61, False)])
def test_a_long_text_names_no_column(tmp_path: Path, length: int, is_header: bool) -> None:
    found = lines(tmp_path, ["Item", "c" * length], ["Roof", 5])
    assert (found == [f"Item: Roof; {'c' * length}: 5"]) is is_header


def test_pairs_are_a_name_and_its_value(tmp_path: Path) -> None:
    assert lines(tmp_path, ["Captain", "Ilka"], ["Ship:", "Petrel"]) == ["Captain: Ilka", "Ship: Petrel"]
    assert lines(tmp_path, ["Rent", 4000], ["Heat", 200]) == ["Rent: 4000", "Heat: 200"]
    assert lines(tmp_path, ["Name", "Duty"], ["Ilka", "captain"], bold=(1,)) == ["Name: Ilka; Duty: captain"]


def test_names_of_groups_of_columns_come_before_the_names_of_columns(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Post", "2023", None, "2024", None], [None, "Plan", "Actual", "Plan", "Actual"]]
    found = lines(tmp_path, *rows, ["Crane", 1, 2, 3, 4], merge=("A1:A2", "B1:C1", "D1:E1"))
    assert found == ["Post: Crane; 2023 Plan: 1; 2023 Actual: 2; 2024 Plan: 3; 2024 Actual: 4"]


def test_a_cell_merged_over_rows_labels_each_of_them(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Ferry crew"], ["Route", "Captain", "Days"], ["North", "Ilka", 3], [None, "Mads", 4]]
    found = lines(tmp_path, *rows, merge=("A1:C1", "A3:A4"))
    assert found == ["Ferry crew", "Route: North; Captain: Ilka; Days: 3", "Route: North; Captain: Mads; Days: 4"]


def test_tables_beside_and_below_each_other_are_apart(tmp_path: Path) -> None:
    beside = lines(tmp_path, ["Ship", "Length", None, "Ship", "Crew"], ["Petrel", 12, None, "Gannet", 4])
    assert beside == ["Ship: Petrel; Length: 12", "Ship: Gannet; Crew: 4"]
    below = lines(tmp_path, ["Ship", "Length"], ["Petrel", 12], [], ["Port", "Depth"], ["Dunholt", 7])
    assert below == ["Ship: Petrel; Length: 12", "Port: Dunholt; Depth: 7"]


def test_a_blank_column_or_row_within_a_table_parts_nothing(tmp_path: Path) -> None:
    assert lines(tmp_path, ["Item", None, "Cost"], ["Roof", None, 5]) == ["Item: Roof; Cost: 5"]
    found = lines(tmp_path, ["Item", "Cost", "Year"], ["Roof", 5, 1999], [], ["Crane", 7, 2001])
    assert found == ["Item: Roof; Cost: 5; Year: 1999", "Item: Crane; Cost: 7; Year: 2001"]


def test_a_wide_row_is_several_lines_each_with_its_label(tmp_path: Path) -> None:
    months = [f"month {number} rain" for number in range(30)]
    found = lines(tmp_path, ["Station", *months], ["Dunholt", *range(30)])
    assert len(found) == 3
    assert all(line.startswith("Station: Dunholt; ") and len(line.split()) <= 50 for line in found)
    assert MAX_LINE_WORDS == 50 < MAX_WORDS  # of a quote: no line is cut
    values = [f"{name}: {value}" for value, name in enumerate(months)]
    assert "; ".join(line.removeprefix("Station: Dunholt; ") for line in found) == "; ".join(values)


@pytest.mark.parametrize("at", ["XFD1048576", "B500000"])
def test_cells_far_apart_cost_nothing(tmp_path: Path, at: str) -> None:
    book = empty_book()
    sheet = sheet_of(book, "Sheet", [["first", "cell"]])
    sheet[at] = "far away"
    assert lines_of(book, tmp_path) == ["first: cell", "far away"]


def test_the_header_is_repeated_where_one_table_fills_the_sheet(tmp_path: Path) -> None:
    book = empty_book()
    rows: list[list[object]] = [["Title"], ["Item", "Cost"], *[[f"Item {n}", n] for n in range(20)]]
    sheet_of(book, "one", rows)
    sheet_of(book, "two", [*rows, [], ["Port", "Depth"], *[[f"Port {n}", n] for n in range(20)]])
    book.save(tmp_path / "book.xlsx")
    one, two = (tables_of(sheet) for sheet in read_workbook(tmp_path / "book.xlsx"))
    assert repeated_header(one) == (2, 2)
    assert repeated_header(two) is None
