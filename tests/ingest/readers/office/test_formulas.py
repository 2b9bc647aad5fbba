"""Formulas of Office files in a line, and the pages that say that they were not drawn."""

from pathlib import Path

import pytest
from lxml import etree

from pagelens.ingest.readers.libreoffice import draws_formulas
from pagelens.ingest.readers.office.archive import OfficeArchive
from pagelens.ingest.readers.office.conversion import FORMULAS_IN_LINE
from pagelens.ingest.readers.office.formulas import linear_formula
from pagelens.ingest.readers.office.word_parts import prepare_word
from tests.ingest.readers.office.office_files import (
    NAMESPACES,
    M,
    needs_libreoffice,
    paragraph,
    read_file,
    read_without_libreoffice,
    run,
    word_file,
)


def r(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def fraction(above: str, below: str) -> str:
    return f"<m:f><m:num>{r(above)}</m:num><m:den>{r(below)}</m:den></m:f>"


SUM = (
    f"<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr><m:sub>{r('i=1')}</m:sub><m:sup>{r('n')}</m:sup>"
    f"<m:e><m:sSup><m:e>{r('x')}</m:e><m:sup>{r('2')}</m:sup></m:sSup></m:e></m:nary>"
)
BRACKETS = f"<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr><m:e>{r('0')}</m:e><m:e>{r('1')}</m:e></m:d>"


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        (r("a") + r("=") + fraction("1", "b+c"), "a=1/(b+c)"),
        (f"<m:rad><m:deg/><m:e>{r('x+1')}</m:e></m:rad>", "√(x+1)"),
        (f"<m:rad><m:deg>{r('3')}</m:deg><m:e>{r('x')}</m:e></m:rad>", "√[3](x)"),
        (SUM, "∑_(i=1)^n x^2"),
        (f"<m:nary><m:sub/><m:sup/><m:e>{r('f')}</m:e></m:nary>", "∫ f"),
        (f"<m:sSubSup><m:e>{r('a')}</m:e><m:sub>{r('1')}</m:sub><m:sup>{r('2')}</m:sup></m:sSubSup>", "a_1^2"),
        (f"<m:func><m:fName>{r('sin')}</m:fName><m:e>{r('x')}</m:e></m:func>", "sin x"),
        (BRACKETS, "[0|1]"),
        (f"<m:m><m:mr><m:e>{r('1')}</m:e><m:e>{r('0')}</m:e></m:mr><m:mr><m:e>{r('0')}</m:e><m:e>{r('1')}</m:e></m:mr></m:m>",
         "[1; 0 | 0; 1]"),
        (f"<m:unknown><m:e>{r('kept')}</m:e></m:unknown>", "kept"),
    ],
)  # fmt: skip
def test_a_formula_is_written_in_a_line(formula: str, line: str) -> None:
    root = etree.fromstring(f"<m:oMath {NAMESPACES}>{formula}</m:oMath>")
    assert linear_formula(root) == line


def test_a_formula_of_any_depth_ends() -> None:
    deep = "<m:e>" * 200 + r("x") + "</m:e>" * 200
    assert linear_formula(etree.fromstring(f"<m:oMath xmlns:m='{M}'>{deep}</m:oMath>")) == ""


def slope(path: Path) -> Path:
    """Write a text with a formula in a line, a displayed one on page 2, and a page 3 without any."""
    half = fraction("h", "2l")
    page_end = paragraph("<w:r><w:br w:type='page'/></w:r>")
    return word_file(
        path,
        paragraph(run("The angle of a ramp is "), f"<m:oMath>{r('θ=h')}{half}</m:oMath>", run(" in general.")),
        page_end,
        paragraph(run("The squares of all steps are added up here.")),
        paragraph(f"<m:oMathPara><m:oMath>{SUM}</m:oMath></m:oMathPara>"),
        page_end,
        paragraph(run("No formula stands on the last page.")),
    )  # fmt: skip


def test_without_the_part_for_formulas_they_are_written_in_a_line_and_the_page_says_so(tmp_path: Path) -> None:
    program = needs_libreoffice()
    _, pages = read_file(slope(tmp_path / "slope.docx"))
    assert [page.caption for page in pages] == ["Formula: θ=hh/(2l)", "Formula: ∑_(i=1)^n x^2", ""]
    if draws_formulas(program):
        assert not any(page.problem for page in pages)
    else:
        assert "The angle of a ramp is θ=hh/(2l) in general." in pages[0].text.text
        assert "∑_(i=1)^n x^2" in pages[1].text.text.splitlines()  # signs and letters are one line
        assert [page.problem for page in pages] == [FORMULAS_IN_LINE, FORMULAS_IN_LINE, ""]


def test_with_the_part_for_formulas_the_text_stays_as_it_is(tmp_path: Path) -> None:
    path = slope(tmp_path / "slope.docx")
    with OfficeArchive(path) as archive:
        drawn = prepare_word(archive, draws_formulas=True)
        in_line = prepare_word(archive, draws_formulas=False)
    assert drawn.changed == {} and list(in_line.changed) == ["word/document.xml"]
    assert len(drawn.formulas) == len(in_line.formulas) == 2


def test_the_part_for_formulas_is_found_by_its_library(tmp_path: Path) -> None:
    program = tmp_path / "program" / "soffice"
    program.parent.mkdir()
    program.touch()
    link = tmp_path / "link"
    link.symlink_to(program)
    assert not draws_formulas(link)
    (program.parent / "libsmlo.so").touch()
    assert draws_formulas(link)


def test_without_libreoffice_formulas_are_in_the_text(tmp_path: Path) -> None:
    _, pages = read_without_libreoffice(slope(tmp_path / "slope.docx"))
    assert "The angle of a ramp is θ=hh/(2l) in general." in pages[0].text.text
    assert len(pages) == 3
