"""Cells are written as they are shown: by hand for each kind of format, and as LibreOffice shows them."""

import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from lxml import etree

from pagelens.ingest.readers.libreoffice import convert
from pagelens.ingest.readers.office.number_formats import CellValue, shown_value
from tests.ingest.readers.office.office_files import empty_book, needs_libreoffice, sheet_of

# The value, its format, and what Excel shows.
SHOWN: list[tuple[CellValue, str, str]] = [
    (1234567.5, "#,##0.00", "1,234,567.50"),
    (8900, "General", "8900"),
    (0.1 + 0.2, "General", "0.3"),
    (-12.5, "General", "-12.5"),
    (0.256, "0.0%", "25.6%"),
    (5, "000", "005"),
    (123456789, "000-00-0000", "123-45-6789"),
    (3.14159, "0.##", "3.14"),
    (-1234.5, "#,##0.00;(#,##0.00)", "(1,234.50)"),
    (0, '#,##0;-#,##0;"none"', "none"),
    (-3, "0", "-3"),
    (2.5, "0", "3"),
    (1500, '"$"#,##0', "$1,500"),
    (1234.5, '#,##0.00 "kr"', "1,234.50 kr"),
    (12345, "0.00E+00", "1.23E+04"),
    (2.75, "# ?/?", "2 3/4"),
    (70, '[>=50]"high";"low"', "high"),
    (20, '[>=50]"high";"low"', "low"),
    (datetime(2024, 3, 5), "yyyy-mm-dd", "2024-03-05"),
    (datetime(2024, 3, 5, 15, 4), "d mmm yyyy h:mm AM/PM", "5 Mar 2024 3:04 PM"),
    (datetime(2024, 3, 5, 15, 4, 9), "dd/mm/yy hh:mm:ss", "05/03/24 15:04:09"),
    (date(2024, 3, 5), "dddd, mmmm d", "Tuesday, March 5"),
    (timedelta(hours=30, minutes=5), "[h]:mm", "30:05"),
    (time(7, 5), "hh:mm", "07:05"),
    (True, "General", "TRUE"),
    ("text", "General", "text"),
]
CURRENCIES: list[tuple[CellValue, str, str]] = [
    (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
    (1234567, '#,##0,"k"', "1,235k"),
    (1234567, "0.0,,", "1.2"),
    (1234.5, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-;_-* "-"??\\ "€"_-;_-@_-', "1,234.50 €"),
    ("Moe", '"Dr. "@', "Dr. Moe"),
    (None, "0", ""),
    ("a  b\nc", "General", "a b c"),
]


@pytest.mark.parametrize(("value", "number_format", "shown"), [*SHOWN, *CURRENCIES])
def test_a_value_is_written_as_it_is_shown(value: CellValue, number_format: str, shown: str) -> None:
    assert shown_value(value, number_format) == shown


def test_a_date_whose_order_depends_on_the_country_is_written_year_first() -> None:
    assert shown_value(datetime(2024, 3, 5), "mm-dd-yy") == "2024-03-05"


@pytest.mark.parametrize("number_format", ["", "[", '"', "0;;;;;;", "E+", "/", "[$", "\\", "0" * 300, "?/0", ";;;"])
def test_a_format_that_no_program_writes_costs_no_cell(number_format: str) -> None:
    assert isinstance(shown_value(12.5, number_format), str)
    assert isinstance(shown_value(datetime(2024, 3, 5), number_format), str)


def test_libreoffice_shows_the_same(tmp_path: Path) -> None:
    program = needs_libreoffice()
    book = empty_book()
    sheet = sheet_of(book, "values", [[value] for value, _, _ in SHOWN])
    for row, (_, number_format, _) in enumerate(SHOWN, 1):
        sheet.cell(row, 1).number_format = number_format
    book.save(tmp_path / "values.xlsx")
    copy = convert(program, tmp_path / "values.xlsx", tmp_path / "work", "ods", seconds=100)
    content = etree.fromstring(zipfile.ZipFile(copy).read("content.xml"))  # with each cell's text as shown
    rows = [" ".join("".join(cell.itertext()).split()) for cell in content.iter("{*}table-row")]
    assert rows[: len(SHOWN)] == [shown for _, _, shown in SHOWN]
