"""Scans for tests: real PDF pages by PyMuPDF, their pictures, and the same pictures as pages without a text layer."""

from typing import Any

import numpy as np

from pagelens.core.types import ImageArray
from pagelens.ingest.readers.mupdf import pymupdf

LINES = ("Quarterly report of the harbour", "Seven ships came in before noon", "The tide was late on Friday 13")


def written_page(*lines: str, width: float = 320, height: float = 120, size: float = 14) -> Any:
    """Return a PyMuPDF document of one page with a line of text for each of `lines`."""
    pdf = pymupdf.open()
    page = pdf.new_page(width=width, height=height)
    for number, line in enumerate(lines):
        page.insert_text((20, 30 + 28 * number), line, fontsize=size)
    return pdf


def drawn(page: Any, *, dpi: int = 150) -> ImageArray:
    """Return a page's picture."""
    pixels = page.get_pixmap(dpi=dpi, alpha=False)
    return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3)


def picture_of(*lines: str) -> ImageArray:
    """Return the picture of a page with a line of text for each of `lines`."""
    return drawn(written_page(*lines)[0])


def png(picture: ImageArray) -> bytes:
    """Return the picture as a PNG file."""
    height, width = picture.shape[:2]
    return bytes(pymupdf.Pixmap(pymupdf.csRGB, width, height, np.ascontiguousarray(picture).tobytes(), False).tobytes())


def scan(*pictures: ImageArray, dpi: int = 150, header: str = "", rotation: int = 0) -> bytes:
    """Return a PDF whose pages are pictures; `header` is real text above each of them."""
    pdf = pymupdf.open()
    for picture in pictures:
        height, width = (side * 72 / dpi for side in picture.shape[:2])
        top = 40 if header else 0
        page = pdf.new_page(width=width, height=height + top)
        page.insert_image(pymupdf.Rect(0, top, width, height + top), stream=png(picture))
        if header:
            page.insert_text((20, 25), header, fontsize=12)
        page.set_rotation(rotation)
    return bytes(pdf.tobytes())
