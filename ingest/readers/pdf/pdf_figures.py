"""Figures of PDFs: those that the tags of a PDF name, with their alternative texts, and pictures drawn on its pages."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pagelens.ingest.readers.mupdf import LOCK, pymupdf
from pagelens.ingest.readers.mupdf_document import close_document, name_for_mupdf, translate_mupdf_errors
from pagelens.ingest.readers.pdf.encryption import unlock

MIN_SHARE = 0.02  # of the page's area that a picture covers at least; smaller ones are logos, rules and bullets
MAX_OBJECTS = 500_000  # of a PDF that are searched for tags
_FIGURE_TAGS = (("name", "/Figure"), ("name", "/Formula"))


def pdf_figures(path: Path, passwords: Sequence[str] = ()) -> list[tuple[int | None, str | None]]:
    """Return the page number (None if the tag names none) and the alternative text (None if missing) of each figure.

    On pages without tagged figures, pictures that cover some of the page count. Raises ReadError.
    """
    with path.open("rb") as file, LOCK, translate_mupdf_errors("a PDF"):
        pdf = pymupdf.open(name_for_mupdf(path, file), filetype="pdf")
    try:
        with LOCK, translate_mupdf_errors("a PDF"):
            unlock(pdf, passwords)
            tagged = list(_tagged_figures(pdf))
            pages = {number for number, _ in tagged}
            drawn = [(number, None) for number in _pages_of_pictures(pdf) if number not in pages]
    finally:
        close_document(pdf)
    return sorted([*tagged, *drawn], key=lambda figure: figure[0] or 0)


def _tagged_figures(pdf: Any) -> Iterator[tuple[int | None, str | None]]:
    """Yield the elements /Figure and /Formula of the structure tree with their /Alt, else their /ActualText."""
    if pdf.xref_get_key(pdf.pdf_catalog(), "StructTreeRoot")[0] == "null":
        return
    numbers = {pdf.page_xref(index): index + 1 for index in range(pdf.page_count)}
    for xref in range(1, min(pdf.xref_length(), MAX_OBJECTS)):
        if pdf.xref_get_key(xref, "S") not in _FIGURE_TAGS:
            continue
        values = [pdf.xref_get_key(xref, key) for key in ("Alt", "ActualText")]
        texts = [value for kind, value in values if kind == "string"]
        kind, page = pdf.xref_get_key(xref, "Pg")
        yield numbers.get(int(page.split()[0])) if kind == "xref" else None, texts[0] if texts else None


def _pages_of_pictures(pdf: Any) -> Iterator[int]:
    """Yield the page number of each picture that covers some of its page."""
    for index in range(pdf.page_count):
        page = pdf[index]
        area = abs(page.rect.width * page.rect.height) or 1.0
        for info in page.get_image_info():
            x0, y0, x1, y1 = info["bbox"]
            if abs((x1 - x0) * (y1 - y0)) >= MIN_SHARE * area:
                yield index + 1
