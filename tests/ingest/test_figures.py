"""Figures and their alternative texts: tagged and untagged PDFs, HTML, EPUB."""

import io
import zipfile
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from pagelens.core.errors import ReadError
from pagelens.ingest.figures import DocumentFigure, find_figures
from pagelens.ingest.page_processing import ProcessingOptions
from pagelens.ingest.readers.pdf.pdf_figures import MIN_SHARE
from pagelens.ingest.workers.figure_reader import FigureReader
from pagelens.ingest.workers.worker_source import WarmWorkers


def picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 40), "navy").save(stream, "PNG")
    return stream.getvalue()


def write_pdf(path: Path, *, side: float = 200.0, tags: tuple[tuple[int, str | None], ...] = ()) -> Path:
    """Write two pages of 500 by 500 points, a picture on each; `tags`: page index and /Alt of each tagged figure."""
    pdf = pymupdf.open()
    for _ in range(2):
        page = pdf.new_page(width=500, height=500)
        page.insert_image(pymupdf.Rect(10, 10, 10 + side, 10 + side), stream=picture())
    if tags:
        root = pdf.get_new_xref()
        kids = []
        for index, alt in tags:
            kid = pdf.get_new_xref()
            text = f"/Alt {pymupdf.get_pdf_str(alt)}" if alt is not None else ""
            pdf.update_object(kid, f"<< /S /Figure /P {root} 0 R /Pg {pdf.page_xref(index)} 0 R {text} >>")
            kids.append(f"{kid} 0 R")
        pdf.update_object(root, f"<< /Type /StructTreeRoot /K [{' '.join(kids)}] >>")
        pdf.xref_set_key(pdf.pdf_catalog(), "StructTreeRoot", f"{root} 0 R")
    pdf.save(path)
    pdf.close()
    return path


def test_tagged_figures_have_their_alternative_texts_and_pages(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", tags=((1, "Umsatz je Jahr, über 5 Mio €"), (1, None)))
    assert find_figures(path, "pdf") == [
        DocumentFigure(1, None),  # drawn and not tagged
        DocumentFigure(2, "Umsatz je Jahr, über 5 Mio €"),
        DocumentFigure(2, None),
    ]


def test_pictures_of_untagged_pdfs_count_from_a_share_of_the_page_on(tmp_path: Path) -> None:
    least = 500 * MIN_SHARE**0.5
    assert MIN_SHARE == 0.02
    larger = find_figures(write_pdf(tmp_path / "a.pdf", side=least + 1), "pdf")
    assert larger == [DocumentFigure(1, None), DocumentFigure(2, None)]
    assert find_figures(write_pdf(tmp_path / "b.pdf", side=least - 1), "pdf") == []


HTML = """<!doctype html><p>Text <img src="a/one.png"> <img src="two.png" alt="A red kite"> <IMG ALT="" src="line.gif">
<img src="three.png" alt="x" role="presentation"><img aria-label="Labelled" src="data:image/png;base64,AAAA"></p>"""
OF_HTML = [
    DocumentFigure(None, None, "one.png"),
    DocumentFigure(None, "A red kite", "two.png"),
    DocumentFigure(None, "", "line.gif"),
    DocumentFigure(None, "", "three.png"),
    DocumentFigure(None, "Labelled", ""),
]


def test_images_of_html_and_of_a_book_have_their_alt_attributes(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(HTML)
    assert find_figures(tmp_path / "a.html", "text") == OF_HTML
    with zipfile.ZipFile(tmp_path / "b.epub", "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("OPS/ch1.xhtml", HTML)
        book.writestr("OPS/style.css", "img {}")
    assert find_figures(tmp_path / "b.epub", "book") == OF_HTML
    (tmp_path / "notes.txt").write_text("<img src='no.png'> in plain text")
    assert find_figures(tmp_path / "notes.txt", "text") == []


def test_a_damaged_pdf_costs_itself(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 nothing")
    with pytest.raises(ReadError):
        find_figures(tmp_path / "a.pdf", "pdf")


def test_figures_are_listed_by_a_worker(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", tags=((0, "A lighthouse at night"),))
    workers = WarmWorkers()
    try:
        found = FigureReader(workers, ProcessingOptions()).find(path, "pdf")
        assert found[0] == DocumentFigure(1, "A lighthouse at night")
    finally:
        workers.close()
