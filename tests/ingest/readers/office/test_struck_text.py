"""Text that a file draws a line through is no text of its page: it is named in the page's caption."""

from pathlib import Path
from typing import Any

import pytest

from pagelens.ingest.readers.office.workbook import read_workbook
from tests.ingest.readers.office.office_files import (
    empty_book,
    needs_libreoffice,
    opendocument_text,
    read_file,
    read_without_libreoffice,
    sheet_of,
)

SPAN = "<text:p text:style-name='{p}'>{a}<text:span text:style-name='{s}'>{b}<text:span>{c}</text:span></text:span>{d}</text:p>"  # fmt: skip # noqa: E501


def lease(path: Path) -> Path:
    """Write a Word file with runs struck out in each way that Word has."""
    from docx import Document
    from docx.enum.style import WD_STYLE_TYPE

    made: Any = Document()
    for name, kind in (("Gone", WD_STYLE_TYPE.CHARACTER), ("Old", WD_STYLE_TYPE.PARAGRAPH)):
        made.styles.add_style(name, kind).font.strike = True
    made.styles.add_style("Older", WD_STYLE_TYPE.PARAGRAPH).base_style = made.styles["Old"]
    rent = made.add_paragraph("The rent is ")
    rent.add_run("41,000 crowns").font.strike = True
    rent.add_run(" 46,500 crowns.")
    made.add_paragraph("Fine: ").add_run("900 euros").font.double_strike = True
    keys = made.add_paragraph("Keys: ")
    keys.add_run("five", style="Gone")
    keys.add_run(" six")
    older = made.add_paragraph("No subtenants. ", style="Older")
    older.add_run("Pets are allowed.").font.strike = False
    older.add_run(" Twice struck.", style="Gone")  # of both styles one undoes the other
    made.save(str(path))
    return path


def test_struck_out_runs_of_word_are_named_and_not_read(tmp_path: Path) -> None:
    _, (page,) = read_without_libreoffice(lease(tmp_path / "lease.docx"))
    assert page.text.text.split("\n\n") == [
        "The rent is 46,500 crowns.", "Fine:", "Keys: six", "Pets are allowed. Twice struck."
    ]  # fmt: skip
    assert page.caption.split("\n") == [
        "Struck out: 41,000 crowns", "Struck out: 900 euros", "Struck out: five", "Struck out: No subtenants."
    ]  # fmt: skip


@pytest.mark.parametrize("target", ["docx", "odt", "doc", "rtf"])
def test_struck_out_text_is_not_drawn(tmp_path: Path, target: str) -> None:
    from pagelens.ingest.readers.libreoffice import convert

    program = needs_libreoffice()
    path = lease(tmp_path / "lease.docx")
    if target != "docx":
        path = convert(program, path, tmp_path / "work", target, seconds=100)
    _, (page,) = read_file(path)
    words = " ".join(page.text.text.split())
    assert "The rent is 46,500 crowns." in words and "Pets are allowed." in words
    assert not [old for old in ("41,000", "900", "five", "subtenants") if old in words]
    assert "Struck out: 41,000 crowns" in page.caption


@pytest.mark.parametrize(
    ("styles", "text", "caption"),
    [
        (("", "through"), "one four", "Struck out: two; three"),
        (("through", ""), "", "Struck out: one; two; three; four"),
        (("through", "plain"), "two three", "Struck out: one; four"),
        (("based", "plain"), "two three", "Struck out: one; four"),
        (("plain", "plain"), "one two three four", ""),
    ],
)
def test_lines_through_opendocument_texts(tmp_path: Path, styles: tuple[str, str], text: str, caption: str) -> None:
    line = "<style:text-properties style:text-line-through-{}='{}'/>"
    made = "".join(
        f"<style:style style:name='{name}' {parent}>{properties}</style:style>"
        for name, parent, properties in (
            ("through", "", line.format("style", "solid")),
            ("based", "style:parent-style-name='through'", ""),
            ("plain", "", line.format("style", "none")),
        )
    )
    body = SPAN.format(p=styles[0], s=styles[1], a="one ", b="two ", c="three", d=" four")
    _, (page,) = read_without_libreoffice(opendocument_text(tmp_path / "a.odt", made + body))
    assert (" ".join(page.text.text.split()), page.caption) == (text, caption)


def test_struck_out_words_of_a_slide_are_named(tmp_path: Path) -> None:
    from pptx import Presentation

    made: Any = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[5])
    title = slide.shapes.title.text_frame.paragraphs[0]
    for text, strike in (("Price 99", "sngStrike"), (" Price 79", "noStrike")):
        run = title.add_run()
        run.text = text
        run._r.get_or_add_rPr().set("strike", strike)
    made.save(tmp_path / "a.pptx")
    _, (page,) = read_without_libreoffice(tmp_path / "a.pptx")
    assert (page.text.text, page.caption) == ("Price 79", "Struck out: Price 99")


def test_struck_out_cells_say_so(tmp_path: Path) -> None:
    from openpyxl.styles import Font

    book = empty_book()
    sheet = sheet_of(book, "Prices", [["Item", "Price"], ["Mast", 500], ["Sail", 70]])
    sheet["B2"].font = Font(strike=True)
    book.save(tmp_path / "a.xlsx")
    (read,) = read_workbook(tmp_path / "a.xlsx")
    assert [cell.text for cell in read.rows[2].values()] == ["Mast", "500 (struck out)"]
    _, (page,) = read_without_libreoffice(tmp_path / "a.xlsx")
    assert "Item: Mast; Price: 500 (struck out)\n\nItem: Sail; Price: 70" in page.text.text
