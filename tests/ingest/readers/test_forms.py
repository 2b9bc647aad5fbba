"""What people added to PDFs: field values, comments, attachments, passwords."""

from pathlib import Path
from typing import Any

import pytest

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Page
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.registry import load_reader
from tests.ingest.files import new_pdf


def read(content: bytes, folder: Path, **options: Any) -> tuple[Document, Page]:
    (folder / "x.pdf").write_bytes(content)
    with load_reader("pdf", ReaderOptions(**options)).open_document(folder / "x.pdf", sha256="0", size=1) as opened:
        return opened.document, next(iter(opened.pages(1)))


def field(mupdf_page: Any, row: int, kind: int, value: object, **more: object) -> Any:
    widget = pymupdf.Widget()
    widget.field_name, widget.field_type = f"field{row}", kind
    widget.rect = pymupdf.Rect(72, 100 + 40 * row, 272, 130 + 40 * row)
    for name, attribute in more.items():
        setattr(widget, name, attribute)
    widget.field_value = value
    mupdf_page.add_widget(widget)
    return widget.rect


def form() -> Any:
    pdf = new_pdf("Please fill in")
    mupdf_page = pdf[0]
    field(mupdf_page, 0, pymupdf.PDF_WIDGET_TYPE_TEXT, "Jane Doe")
    field(mupdf_page, 1, pymupdf.PDF_WIDGET_TYPE_COMBOBOX, "Red", choice_values=[("1", "Red"), ("2", "Blue")])
    field(mupdf_page, 2, pymupdf.PDF_WIDGET_TYPE_CHECKBOX, True)
    field(mupdf_page, 3, pymupdf.PDF_WIDGET_TYPE_CHECKBOX, False)
    field(mupdf_page, 4, pymupdf.PDF_WIDGET_TYPE_TEXT, "letmein", field_flags=1 << 13)
    field(mupdf_page, 5, pymupdf.PDF_WIDGET_TYPE_TEXT, "concealed", field_display=1)
    return pdf


def test_field_values_are_text_with_boxes_and_secrets_are_not(tmp_path: Path) -> None:
    document, page = read(form().tobytes(), tmp_path)
    assert page.text.text.split() == ["Please", "fill", "in", "Jane", "Doe", "Red", "\u2611"]
    assert document.metadata["form"] == "AcroForm"
    for word, row in (("Jane", 0), ("Red", 1), ("\u2611", 2)):
        at = page.text.text.index(word)
        ((x0, y0, x1, y1),) = page.text.boxes_of(at, at + len(word))
        assert 70 / 595 < x0 < x1 < 274 / 595
        assert (100 + 40 * row) / 842 < (y0 + y1) / 2 < (130 + 40 * row) / 842


@pytest.mark.parametrize("rotation", [0, 90, 270])
def test_a_value_that_is_not_drawn_gets_its_fields_place(tmp_path: Path, rotation: int) -> None:
    pdf = new_pdf("A list")
    rect = field(pdf[0], 0, pymupdf.PDF_WIDGET_TYPE_LISTBOX, "two", choice_values=["one", "two", "three"])
    number = next(iter(pdf[0].widgets())).xref
    pdf.xref_set_key(number, "AP", "null")
    pdf[0].set_rotation(rotation)
    page = read(pdf.tobytes(), tmp_path)[1]
    assert page.text.text.split() == ["A", "list", "two"]
    shown = rect * pdf[0].rotation_matrix
    at = page.text.text.index("two")
    (box,) = page.text.boxes_of(at, at + 3)
    expected = (shown.x0 / page.width, shown.y0 / page.height, shown.x1 / page.width, shown.y1 / page.height)
    assert tuple(box) == pytest.approx(expected, abs=1e-3)


def test_a_value_parted_into_cells_is_whole_again(tmp_path: Path) -> None:
    pdf = new_pdf("")
    field(pdf[0], 0, pymupdf.PDF_WIDGET_TYPE_TEXT, "AB12")
    number = int(pdf.xref_get_key(next(iter(pdf[0].widgets())).xref, "AP/N")[1].split()[0])
    cells = b"/Tx BMC BT /Helv 12 Tf 2 8 Td (A) Tj 40 0 Td (B) Tj 40 0 Td (1) Tj 40 0 Td (2) Tj ET EMC"
    pdf.update_stream(number, cells)
    path = tmp_path / "cells.pdf"
    path.write_bytes(pdf.tobytes())
    assert [word[4] for word in pymupdf.open(path)[0].get_text("words")] == ["A", "B", "1", "2"]
    assert read(path.read_bytes(), tmp_path)[1].text.text == "AB12"


def test_a_value_that_a_form_formats_is_read_as_it_is_drawn(tmp_path: Path) -> None:
    pdf = new_pdf("")
    field(pdf[0], 0, pymupdf.PDF_WIDGET_TYPE_TEXT, "1,234.50 EUR")
    pdf.xref_set_key(next(iter(pdf[0].widgets())).xref, "V", "(1234.5)")
    assert read(pdf.tobytes(), tmp_path)[1].text.text == "1,234.50 EUR"


def test_a_value_longer_than_its_field_is_read_to_its_end(tmp_path: Path) -> None:
    pdf = new_pdf("")
    value = " ".join(f"word{number}" for number in range(60))
    field(pdf[0], 0, pymupdf.PDF_WIDGET_TYPE_TEXT, value, text_fontsize=11)
    assert read(pdf.tobytes(), tmp_path)[1].text.text.split() == value.split()


def test_comments_find_a_page_and_are_no_text_of_it(tmp_path: Path) -> None:
    pdf = new_pdf("some visible words")
    mupdf_page = pdf[0]
    mupdf_page.add_text_annot((300, 300), "the budget is wrong").set_info(title="Ann")
    mupdf_page.add_highlight_annot(mupdf_page.search_for("visible")[0]).set_info(content="says who?")
    mupdf_page.add_freetext_annot((100, 400, 400, 450), "typed onto the page")
    mupdf_page.add_file_annot((300, 600), b"1,2", "figures.csv")
    page = read(pdf.tobytes(), tmp_path)[1]
    assert page.text.text.split() == "some visible words typed onto the page".split()
    assert page.caption.splitlines() == [
        "Comment by Ann: the budget is wrong",
        "Comment: says who?",
        "Attachment: figures.csv",
    ]
    assert page.problem == ""


def test_attachments_are_named_and_not_opened(tmp_path: Path) -> None:
    pdf = new_pdf("x")
    pdf.embfile_add("budget.xlsx", b"secret content")
    pdf.embfile_add("b\n2.zip", b"PK")
    document, page = read(pdf.tobytes(), tmp_path)
    assert document.metadata["attachments"] == "budget.xlsx, b 2.zip"
    assert "secret" not in page.text.text + page.caption


DATA = (
    "<xfa:datasets xmlns:xfa='http://www.xfa.org/schema/xfa-data/1.0/'><xfa:data><form1>"
    "<Name>Jane Doe</Name><Empty/><City>Li\u00e8ge</City></form1></xfa:data></xfa:datasets>"
)


def xfa(data: bytes) -> bytes:
    pdf = new_pdf("Please wait ... Jane Doe")
    number = pdf.get_new_xref()
    pdf.update_object(number, "<<>>")
    pdf.update_stream(number, data)
    pdf.xref_set_key(pdf.pdf_catalog(), "AcroForm", f"<</Fields[]/XFA[(datasets) {number} 0 R]>>")
    pdf.xref_set_key(pdf.pdf_catalog(), "NeedsRendering", "true")
    return bytes(pdf.tobytes())


def test_what_is_filled_into_an_xfa_form_finds_its_page(tmp_path: Path) -> None:
    document, page = read(xfa(DATA.encode()), tmp_path)
    assert page.caption == "City: Li\u00e8ge"  # the name stands on the page
    assert "only Adobe" in page.problem
    assert document.metadata["form"] == "XFA"


@pytest.mark.parametrize("data", [b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", DATA.encode("utf-16"), b"<not xml", b""])
def test_xfa_data_that_may_do_harm_are_not_parsed(tmp_path: Path, data: bytes) -> None:
    document, page = read(xfa(data), tmp_path)
    assert page.caption == "" and page.text.text
    assert document.metadata["form"] == "XFA"


def test_broken_extras_cost_no_page(tmp_path: Path) -> None:
    pdf = form()
    pdf.xref_set_key(pdf.page_xref(0), "Annots", "[1 0 R 999 0 R (text) 7 null [[]]]")
    pdf.xref_set_key(pdf.pdf_catalog(), "AcroForm", "(nonsense)")
    pdf.xref_set_key(pdf.pdf_catalog(), "Names", "<</EmbeddedFiles<</Names[(a) 1 (b) null]>>>>")
    assert read(pdf.tobytes(), tmp_path)[1].text.text.split() == ["Please", "fill", "in"]


def test_a_given_password_opens_and_a_wrong_one_says_so(tmp_path: Path) -> None:
    locked = new_pdf("open").tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="right", owner_pw="o")
    assert read(locked, tmp_path, passwords=("wrong", "right"))[1].text.text == "open"
    with pytest.raises(ReadError, match="none of the 2 given") as caught:
        read(locked, tmp_path, passwords=("wrong", "worse"))
    assert caught.value.code == "encrypted"
    options = ReaderOptions(passwords=("right",))
    assert load_reader("pdf", options).render_page(tmp_path / "x.pdf", 1, longest=50).height == 50
    assert "right" not in repr(options)
