"""PDFs read through PyMuPDF: text, boxes, labels, pictures."""

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Page
from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.mupdf_page import MAX_PIXELS
from pagelens.ingest.readers.pdf.pdf_facts import pdf_date
from pagelens.ingest.readers.pdf.pdf_reader import open_document, render_page
from tests.ingest.files import SENTENCE, hand_written_pdf, new_pdf, write_pdf

ROTATIONS = (0, 90, 180, 270)


def read(path: Path, first: int = 1) -> tuple[Document, list[Page]]:
    with open_document(path, sha256="0" * 64, size=path.stat().st_size) as opened:
        return opened.document, list(opened.pages(first))


def turned_pdf(path: Path, rotation: int, *, cropped: bool) -> Path:
    """Write a page of 600 x 800 points with one large word and a line far below it."""
    pdf = pymupdf.open()
    page = pdf.new_page(width=600, height=800)
    page.insert_text((150, 250), "Marvellous", fontsize=30)
    page.insert_text((100, 600), "and some more words", fontsize=11)
    if cropped:
        page.set_cropbox(pymupdf.Rect(50, 100, 550, 700))
    page.set_rotation(rotation)
    path.write_bytes(pdf.tobytes())
    return path


@pytest.mark.parametrize("cropped", [False, True])
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_boxes_are_those_that_pymupdf_finds_by_searching(tmp_path: Path, rotation: int, cropped: bool) -> None:
    path = turned_pdf(tmp_path / "x.pdf", rotation, cropped=cropped)
    (page,) = read(path)[1]
    mupdf_page = pymupdf.open(path)[0]
    assert (page.width, page.height) == (mupdf_page.rect.width, mupdf_page.rect.height)
    assert page.text.text == "Marvellous\n\nand some more words"
    for (start, end), box in zip(page.text.spans.tolist(), page.text.boxes.tolist(), strict=True):
        (found,) = mupdf_page.search_for(page.text.text[start:end])
        shown = found * mupdf_page.rotation_matrix
        expected = (shown.x0 / page.width, shown.y0 / page.height, shown.x1 / page.width, shown.y1 / page.height)
        assert box == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("cropped", [False, True])
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_the_ink_of_the_page_picture_lies_in_the_boxes(tmp_path: Path, rotation: int, cropped: bool) -> None:
    path = turned_pdf(tmp_path / "x.pdf", rotation, cropped=cropped)
    (page,) = read(path)[1]
    picture = ImageOps.invert(render_page(path, 1, longest=1000).convert("L"))
    covered = np.zeros((picture.height, picture.width), bool)
    for x0, y0, x1, y1 in page.text.boxes.tolist():
        top, bottom = int(y0 * picture.height) - 1, int(y1 * picture.height) + 2
        left, right = int(x0 * picture.width) - 1, int(x1 * picture.width) + 2
        covered[top:bottom, left:right] = True
    ink = np.asarray(picture) > 64
    assert ink.sum() > 1000
    assert not (ink & ~covered).any()
    left, top, right, bottom = Image.fromarray(ink).crop(big_box(page, picture)).getbbox() or (0, 0, 0, 0)
    width, height = (
        big_box(page, picture)[2] - big_box(page, picture)[0],
        big_box(page, picture)[3] - big_box(page, picture)[1],
    )
    assert (right - left) * (bottom - top) > 0.5 * width * height  # and the box is not much larger than its word


def big_box(page: Page, picture: Image.Image) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = page.text.boxes[0].tolist()
    across, down = picture.size
    return round(x0 * across), round(y0 * down), round(x1 * across), round(y1 * down)


def test_words_are_those_of_pymupdf_in_its_order_and_spans_cut_them_out(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "x.pdf", SENTENCE * 40, "", "Last page.")
    _, pages = read(path)
    for page, mupdf_page in zip(pages, pymupdf.open(path), strict=True):
        cut = [page.text.text[start:end] for start, end in page.text.spans.tolist()]
        assert cut == [word[4] for word in mupdf_page.get_text("words")]
    assert pages[1].text.source == "none" and pages[1].problem == ""


def test_ligatures_come_apart_and_accents_come_together(tmp_path: Path) -> None:
    pdf = new_pdf("")
    pdf[0].insert_htmlbox(pymupdf.Rect(50, 50, 500, 300), "<p>o\ufb03ce \ufb01nd e\u0301te\u0301 a\u2003b c\u3000d</p>")
    (tmp_path / "x.pdf").write_bytes(pdf.tobytes())
    (page,) = read(tmp_path / "x.pdf")[1]
    assert page.text.text.split() == ["office", "find", "été", "a", "b", "c", "d"]


def test_cells_of_a_row_stand_on_one_line(tmp_path: Path) -> None:
    pdf = new_pdf("")
    for row, cells in enumerate((("Year", "Sales", "Staff"), ("2019", "17", "5"), ("2020", "23", "6"))):
        for column, cell in enumerate(cells):
            pdf[0].insert_text((72 + 60 * column, 100 + 14 * row), cell, fontsize=11)
    (tmp_path / "x.pdf").write_bytes(pdf.tobytes())
    (page,) = read(tmp_path / "x.pdf")[1]
    assert page.text.text == "Year Sales Staff\n2019 17 5\n2020 23 6"
    assert len(page.text.boxes_of(0, len(page.text.text))) == 3


def test_pages_can_be_read_from_any_one_on(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "x.pdf", *(f"text {number}" for number in range(1, 31)))
    assert [page.number for page in read(path, 29)[1]] == [29, 30]
    assert read(path, 30)[1][0].text.text == "text 30"
    assert read(path, 31)[1] == []


def test_printed_labels_are_read(tmp_path: Path) -> None:
    pdf = new_pdf(*("x" for _ in range(6)))
    pdf.set_page_labels(
        [
            {"startpage": 0, "style": "r", "firstpagenum": 1},
            {"startpage": 2, "style": "D", "prefix": "A-", "firstpagenum": 7},
            {"startpage": 4, "prefix": "Cover (back/front)"},
        ]
    )
    (tmp_path / "x.pdf").write_bytes(pdf.tobytes())
    (tmp_path / "plain.pdf").write_bytes(new_pdf("x").tobytes())
    labels = [page.label for page in read(tmp_path / "x.pdf")[1]]
    assert labels == ["i", "ii", "A-7", "A-8", "Cover (back/front)", "Cover (back/front)"]
    assert [page.label for page in read(tmp_path / "plain.pdf")[1]] == [None]


def test_labels_in_a_deep_or_circular_tree_do_no_harm(tmp_path: Path) -> None:
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    objects = ["<</Type/Catalog/Pages 2 0 R/PageLabels 4 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", page]
    deep = [*objects, "<</Kids[5 0 R]>>", "<</Limits[0 0]/Nums[0 <</S/D/St 12>>]>>"]
    circular = [*objects, "<</Kids[4 0 R]>>"]
    (tmp_path / "deep.pdf").write_bytes(hand_written_pdf(deep))
    (tmp_path / "circular.pdf").write_bytes(hand_written_pdf(circular))
    assert [page.label for page in read(tmp_path / "deep.pdf")[1]] == ["12"]
    assert [page.label for page in read(tmp_path / "circular.pdf")[1]] == [None]


def test_title_author_and_date_come_from_the_metadata(tmp_path: Path) -> None:
    pdf = new_pdf("x")
    pdf.set_metadata({"title": " The  Real\nTitle ", "author": "Ann", "creationDate": "D:20190503121314+02'00'"})
    (tmp_path / "x.pdf").write_bytes(pdf.tobytes())
    document, _ = read(tmp_path / "x.pdf")
    assert document.title == "The Real Title"
    assert document.date == datetime(2019, 5, 3, 12, 13, 14)
    assert document.metadata["author"] == "Ann"
    assert (document.kind, document.page_count, document.size) == ("pdf", 1, (tmp_path / "x.pdf").stat().st_size)


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_without_a_sensible_title_the_largest_type_is_the_title(tmp_path: Path, rotation: int) -> None:
    pdf = new_pdf("")
    page = pdf[0]
    page.set_rotation(rotation)
    back = page.derotation_matrix
    down = pymupdf.Rect(page.rect).y1
    for text, size, place in (("A Study of Things", 24, 0.1), ("Some body text " * 2, 9, 0.5), ("TURNED", 60, 0.4)):
        turn = rotation + (90 if text == "TURNED" else 0)
        page.insert_text(pymupdf.Point(200, down * place) * back, text, fontsize=size, rotate=turn)
    pdf.set_metadata({"title": "Microsoft Word - draft7.doc"})
    (tmp_path / "some_file.pdf").write_bytes(pdf.tobytes())
    assert read(tmp_path / "some_file.pdf")[0].title == "A Study of Things"


def test_blanks_in_larger_type_make_no_title(tmp_path: Path) -> None:
    pdf = new_pdf("")
    blanks = "<span style='font-size: 12.5px'>&nbsp; &nbsp;</span>"
    lines = [f"An ordinary line{blanks}of text", *["An ordinary line of body text"] * 10]
    html = "".join(f"<p style='font-size: 10px'>{line}</p>" for line in lines)
    pdf[0].insert_htmlbox(pymupdf.Rect(50, 50, 500, 700), html)
    (tmp_path / "a_file.pdf").write_bytes(pdf.tobytes())
    assert read(tmp_path / "a_file.pdf")[0].title == "a file"


def test_the_last_resort_for_a_title_is_the_file_name(tmp_path: Path) -> None:
    assert read(write_pdf(tmp_path / "annual_report.pdf", ""))[0].title == "annual report"


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("D:20240201180937+08'00'", datetime(2024, 2, 1, 18, 9, 37)),
        ("D:2019", datetime(2019, 1, 1)),
        ("20200907", datetime(2020, 9, 7)),
        ("D:20201399", None),
        ("D:0000", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_pdf_dates(text: str, date: datetime | None) -> None:
    assert pdf_date(text) == date


@pytest.mark.parametrize("longest", [1, 7, 333, 1000])
@pytest.mark.parametrize("rotation", [0, 90])
def test_a_page_picture_has_the_size_asked_for(tmp_path: Path, longest: int, rotation: int) -> None:
    path = turned_pdf(tmp_path / "x.pdf", rotation, cropped=True)
    expected = (round(longest * 5 / 6) or 1, longest)
    picture = render_page(path, 1, longest=longest)
    assert picture.size == (expected if rotation == 0 else expected[::-1])
    assert picture.mode == "RGB"


def test_a_page_picture_never_has_more_pixels_than_allowed(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "x.pdf", "x")
    picture = render_page(path, 1, longest=100_000)
    assert 0.99 * MAX_PIXELS < picture.width * picture.height <= 1.001 * MAX_PIXELS


def test_pictures_can_be_drawn_from_many_threads(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "x.pdf", *(SENTENCE * number for number in range(1, 9)))
    alone = [render_page(path, number, longest=200).tobytes() for number in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda number: render_page(path, number, longest=200).tobytes(), range(1, 9)))
    assert together == alone
    assert len(set(alone)) == 8


def test_a_page_that_is_not_there_cannot_be_drawn(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "x.pdf", "x")
    for number in (0, 2):
        with pytest.raises(ReadError, match="from 1 to 1"):
            render_page(path, number, longest=100)


def test_a_name_of_any_bytes_can_be_read_and_drawn(tmp_path: Path) -> None:
    try:
        path = write_pdf(tmp_path / os.fsdecode(b"\xff\xfe.pdf"), "hello")
    except OSError:
        pytest.skip("this file system wants Unicode names")
    document, (page,) = read(path)
    assert page.text.text == "hello"
    document.title.encode()
    assert render_page(path, 1, longest=50).height == 50


def test_reading_pdfs_does_not_load_the_layout_part() -> None:
    heavy = {"onnxruntime", "networkx", "pymupdf4llm", "torch"}
    check = f"import sys, pagelens.ingest.readers.pdf.pdf_reader; print(sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_bitmaps_stand_where_they_are_drawn_and_an_open_file_is_drawn_as_a_closed_one(
    tmp_path: Path, rotation: int
) -> None:
    pdf = new_pdf("words", "")
    pdf[0].insert_image(pymupdf.Rect(100, 200, 300, 250), stream=_red_png())
    pdf[0].set_cropbox(pymupdf.Rect(50, 0, 595, 700))
    pdf[0].set_rotation(rotation)
    path = tmp_path / "x.pdf"
    path.write_bytes(pdf.tobytes())
    with open_document(path, sha256="0", size=1) as opened:
        picture = np.asarray(opened.render_page(1, 700))
        ((x0, y0, x1, y1),) = opened.bitmap_boxes(1)
        assert opened.bitmap_boxes(2).shape == (0, 4)
    np.testing.assert_array_equal(picture, np.asarray(render_page(path, 1, longest=700)))
    rows, columns = np.nonzero((picture == (255, 0, 0)).all(-1))
    height, width = picture.shape[:2]
    drawn = columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height
    np.testing.assert_allclose((x0, y0, x1, y1), drawn, atol=0.003)


def _red_png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 10), (255, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()
