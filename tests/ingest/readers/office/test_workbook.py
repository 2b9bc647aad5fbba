"""Cells of workbooks, and the limits on hostile and huge ones."""

import zipfile
from pathlib import Path

import pytest

from pagelens.core.errors import ReadError
from pagelens.ingest.readers.office import archive, workbook
from pagelens.ingest.readers.office.archive import OfficeArchive
from pagelens.ingest.readers.office.print_copy import without_rows_after
from pagelens.ingest.readers.office.workbook import cell_position, column_letters, read_workbook
from tests.ingest.readers.office.office_files import (
    empty_book,
    paragraph,
    read_without_libreoffice,
    run,
    sheet_of,
    word_file,
    write_archive,
)


@pytest.mark.parametrize(
    ("column", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (702, "ZZ"), (703, "AAA"), (16384, "XFD")]
)
def test_columns_have_letters(column: int, letters: str) -> None:
    assert column_letters(column) == letters
    assert cell_position(f"${letters}$7") == (7, column)


def book_with(tmp_path: Path, part: str, change: tuple[bytes, bytes]) -> Path:
    """Write a workbook in whose part `part` the bytes change[0] are replaced by change[1]."""
    book = empty_book()
    sheet_of(book, "Sheet", [["Item", "Cost"], ["Roof", 5]])
    book.save(tmp_path / "plain.xlsx")
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(tmp_path / "plain.xlsx") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == part:
                assert change[0] in content
                content = content.replace(*change)
            target.writestr(name, content)
    return path


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/theme/theme1.xml", "xl/workbook.xml", "xl/styles.xml"]
)
def test_entities_are_not_expanded(tmp_path: Path, part: str) -> None:
    start = {"xl/workbook.xml": b"<workbook", "xl/theme/theme1.xml": b"<a:theme", "xl/styles.xml": b"<styleSheet"}
    first = start.get(part, b"<worksheet")
    with pytest.raises(ReadError, match="declares entities") as caught:
        read_workbook(book_with(tmp_path, part, (first, BOMB + first)))
    assert caught.value.code == "damaged"


def test_a_document_type_over_two_pieces_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_archive(tmp_path / "a.xlsx", {"part.xml": "<!-- " + "x" * 60 + " --><!DOCTYPE a><a/>"})
    for size in range(60, 90):
        monkeypatch.setattr(archive, "_CHUNK", size)
        with OfficeArchive(path) as opened, pytest.raises(ReadError, match="declares entities"):
            list(opened.chunks("part.xml"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_in_texts_are_not_expanded(tmp_path: Path, encoding: str) -> None:
    path = word_file(tmp_path / "plain.docx", paragraph(run("text")))
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(tmp_path / "a.docx", "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "word/document.xml":
                content = (BOMB + content).decode().encode(encoding)
            target.writestr(name, content)
    with pytest.raises(ReadError, match="declares entities"):
        read_without_libreoffice(tmp_path / "a.docx")


def test_an_archive_that_unpacks_to_too_much_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = word_file(tmp_path / "a.docx", paragraph(run("text")))
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 100)
    with pytest.raises(ReadError, match="bytes unpacked") as caught:
        read_without_libreoffice(path)
    assert caught.value.code == "too-large"


def test_a_part_that_is_too_large_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = word_file(tmp_path / "a.docx", paragraph(run("text")))
    monkeypatch.setattr(archive, "MAX_XML_BYTES", 100)
    with pytest.raises(ReadError, match="split the file") as caught:
        read_without_libreoffice(path)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04 and then nothing else"])
@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.odt", "a.pptx"])
def test_what_is_no_archive_is_damaged(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReadError) as caught:
        read_without_libreoffice(tmp_path / name)
    assert caught.value.code == "damaged"


def test_an_archive_of_something_else_is_damaged(tmp_path: Path) -> None:
    for name in ("a.docx", "a.xlsx", "a.odt", "a.pptx"):
        with pytest.raises(ReadError) as caught:
            read_without_libreoffice(write_archive(tmp_path / name, {"readme.txt": "text"}))
        assert caught.value.code == "damaged", name


def test_a_million_empty_rows_are_passed_over(tmp_path: Path) -> None:
    rows = "".join(f"<row r='{number}' ht='15'/>" for number in range(3, 200_000)).encode()
    path = book_with(tmp_path, "xl/worksheets/sheet1.xml", (b"</sheetData>", rows + b"</sheetData>"))
    (sheet,) = read_workbook(path)
    assert list(sheet.rows) == [1, 2]


@pytest.mark.parametrize(
    ("xml", "kept"),
    [
        ("<s><sheetData><row r='1'/><row s='4' r='9'><c/></row></sheetData><x/></s>", "<row r='1'/>"),
        ('<x:s><x:sheetData><x:row r="1"/><x:row r="3"/></x:sheetData><x/></x:s>', '<x:row r="1"/>'),
        ("<s><sheetData><row r='1'/><row r='2'/></sheetData><x/></s>", "<row r='1'/><row r='2'/>"),
    ],
)
def test_rows_after_the_last_value_are_not_drawn(xml: str, kept: str) -> None:
    start = xml.index("sheetData>") + len("sheetData>")
    whole = without_rows_after(xml.encode(), 2).decode()
    assert whole.startswith(xml[:start] + kept) and whole.endswith(
        "sheetData><x/></" + ("x:s>" if "x:" in xml else "s>")
    )
    assert "r='9'" not in whole and 'r="3"' not in whole


def test_more_cells_than_the_limit_are_said_to_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_CELLS", 10)
    book = empty_book()
    sheet_of(book, "Sheet", [["Item", "Cost"], *[[f"Item {n}", n] for n in range(20)]])
    book.save(tmp_path / "book.xlsx")
    _, (page,) = read_without_libreoffice(tmp_path / "book.xlsx")
    assert "Item 3" in page.text.text and "Item 4" not in page.text.text
    assert "cells with values" in page.problem


def test_formulas_without_results_are_shown_and_it_is_said(tmp_path: Path) -> None:
    book = empty_book()
    sheet_of(book, "Sheet", [["Item", "Cost"], ["Roof", 5], ["Total", "=SUM(B2:B2)"]])
    book.save(tmp_path / "book.xlsx")
    _, (page,) = read_without_libreoffice(tmp_path / "book.xlsx")
    assert "Cost: =SUM(B2:B2)" in page.text.text
    assert "results of its formulas" in page.problem


def test_comments_name_their_cell(tmp_path: Path) -> None:
    from openpyxl.comments import Comment

    book = empty_book()
    sheet = sheet_of(book, "Sheet", [["Item", "Cost"], ["Roof", 5]])
    sheet["B2"].comment = Comment("Checked in Vinterby", "Mia")
    book.save(tmp_path / "book.xlsx")
    _, (page,) = read_without_libreoffice(tmp_path / "book.xlsx")
    assert page.caption == "Comment by Mia on B2: Checked in Vinterby"
