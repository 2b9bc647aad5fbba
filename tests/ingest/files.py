"""Real files for the tests of this room: PDFs written by PyMuPDF, pictures by Pillow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pagelens.ingest.readers.mupdf import pymupdf

SENTENCE = "The quick brown fox jumps over the lazy dog while seven wizards brew strange potions. "


def new_pdf(*texts: str, size: float = 11) -> Any:
    """Return an open PyMuPDF document with a page for each text."""
    pdf = pymupdf.open()
    for text in texts:
        page = pdf.new_page()
        if text:
            page.insert_textbox(pymupdf.Rect(72, 72, 523, 770), text, fontsize=size)
    return pdf


def write_pdf(path: Path, *texts: str) -> Path:
    """Write a PDF with a page for each text."""
    path.write_bytes(new_pdf(*texts).tobytes())
    return path


def numbered_pages(count: int) -> list[str]:
    """Return a different text for each page."""
    return [f"Page number {number}. {SENTENCE * 3}" for number in range(1, count + 1)]


def hand_written_pdf(objects: Sequence[str]) -> bytes:
    """Return a PDF of the given objects, numbered from 1, the first being the catalog; with a right cross-reference."""
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode()
    count = len(objects) + 1
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"trailer\n<</Size {count}/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + f"xref\n0 {count}\n0000000000 65535 f \n{table}{trailer}".encode()


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Return a picture that compresses badly, so that cutting the file cuts the picture."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def corners(width: int = 80, height: int = 40) -> Image.Image:
    """Return a picture whose quarters are red, green, blue, white: left to right, top to bottom."""
    image = Image.new("RGB", (width, height))
    half_width, half_height = width // 2, height // 2
    for at, colour in enumerate(("red", "lime", "blue", "white")):
        left, top = (at % 2) * half_width, (at // 2) * half_height
        image.paste(colour, (left, top, left + half_width, top + half_height))
    return image
