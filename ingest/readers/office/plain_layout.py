"""Lays out the text of Office files on plain pages where LibreOffice does not: each page is made when it is read."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Page
from pagelens.ingest.readers.mupdf import LOCK, free_caches, pymupdf
from pagelens.ingest.readers.mupdf_document import translate_mupdf_errors
from pagelens.ingest.readers.mupdf_page import page_text, page_words, render_image
from pagelens.ingest.readers.reader import OpenedDocument

MAX_PAGE_CHARACTERS = 3_000  # about what a page of A4 holds in type of 10 points

_A4 = (595.0, 842.0)  # points
_MARGIN = 50.0
_STYLE = "p { margin: 0 0 6pt 0; font-family: sans-serif; font-size: 10pt; }"
_PAGES_PER_CLEANUP = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPage:
    """The paragraphs of a page."""

    paragraphs: tuple[str, ...]
    label: str | None = None
    caption: str = ""
    problem: str = ""
    is_slide: bool = False


def split_pages(pages: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return pages of at most `MAX_PAGE_CHARACTERS`: longer ones are split between paragraphs, or words."""
    parts: list[list[str]] = []
    for page in pages:
        parts.append([])
        room = MAX_PAGE_CHARACTERS
        for piece in (piece for paragraph in page for piece in _pieces(paragraph)):
            if parts[-1] and len(piece) > room:
                parts.append([])
                room = MAX_PAGE_CHARACTERS
            parts[-1].append(piece)
            room -= len(piece)
    return parts or [[]]


def _pieces(paragraph: str) -> Iterator[str]:
    """Yield a paragraph in parts that fit on a page."""
    while len(paragraph) > MAX_PAGE_CHARACTERS:
        cut = paragraph.rfind(" ", 1, MAX_PAGE_CHARACTERS)
        cut = cut if cut > 0 else MAX_PAGE_CHARACTERS
        yield paragraph[:cut]
        paragraph = paragraph[cut:].lstrip()
    yield paragraph


def opened_plain(document: Document, pages: Sequence[PlainPage]) -> OpenedDocument:
    """Return a document of plain pages."""

    def read(first: int) -> Iterator[Page]:
        for number in range(first, len(pages) + 1):
            yield _read(pages[number - 1], number)
            if number % _PAGES_PER_CLEANUP == 0:
                with LOCK:
                    free_caches()

    def no_bitmaps(_number: int) -> NDArray[np.float32]:
        return np.zeros((0, 4), np.float32)

    return OpenedDocument(
        document=document,
        pages=read,
        render_page=lambda number, longest: render_plain(pages, number, longest=longest),
        bitmap_boxes=no_bitmaps,
        has_all_words=True,
    )


def render_plain(pages: Sequence[PlainPage], number: int, *, longest: int) -> Image.Image:
    """Return page `number` (from 1) as an image. Raises ReadError: damaged where there is no such page."""
    if not 1 <= number <= len(pages):
        raise ReadError("damaged", f"expected a page from 1 to {len(pages)}, found page {number}")
    with LOCK, translate_mupdf_errors("plain text"):
        pdf, mupdf_page = _laid_out(pages[number - 1])
        try:
            return render_image(mupdf_page, longest=longest)
        finally:
            pdf.close()


def _read(page: PlainPage, number: int) -> Page:
    with LOCK, translate_mupdf_errors("plain text"):
        pdf, mupdf_page = _laid_out(page)
        try:
            text, problem = page_text(mupdf_page, page_words(mupdf_page))
            width, height = mupdf_page.rect.width, mupdf_page.rect.height
        finally:
            pdf.close()
    read = Page(number=number, label=page.label, width=width, height=height, text=text)
    return replace(read, caption=page.caption, problem=page.problem or problem)


def _laid_out(page: PlainPage) -> tuple[Any, Any]:
    """Return a MuPDF document of one page, and the page. Text that does not fit is set smaller."""
    width, height = _A4[::-1] if page.is_slide else _A4
    pdf = pymupdf.open()
    mupdf_page = pdf.new_page(width=width, height=height)
    body = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in page.paragraphs)
    if body:
        frame = pymupdf.Rect(_MARGIN, _MARGIN, width - _MARGIN, height - _MARGIN)
        mupdf_page.insert_htmlbox(frame, body, css=_STYLE, scale_low=0)
    return pdf, mupdf_page
