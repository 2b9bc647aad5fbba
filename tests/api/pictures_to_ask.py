"""Pictures that a user asks about: a photo of a name plate, and files that are refused with a reason."""

import struct
from io import BytesIO
from pathlib import Path

import pillow_heif
import pymupdf
from PIL import Image

MANUAL = [
    "Kestrel X200 espresso machine\nManual, edition of 2021.",
    "Kestrel X200: descale the boiler every 40 litres.\nUse citric acid, never vinegar.",
    "Osprey 5 grinder\nThe burrs are replaced after 300 kg of beans.",
]
PLATE = "KESTREL X200"


def name_plate(text: str = PLATE) -> bytes:
    """Return a JPEG of a plate with a text in large letters."""
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=400, height=240)
        page.draw_rect((0, 0, 400, 240), color=(0.7, 0.75, 0.8), fill=(0.7, 0.75, 0.8))
        page.insert_text((50, 130), text, fontsize=36)
        pixels = page.get_pixmap(dpi=130)
        return bytes(pixels.tobytes("jpeg"))


def heic_bomb() -> bytes:
    """Return a small HEIC whose header claims 60,000 x 60,000 pixels."""
    pillow_heif.register_heif_opener()
    buffer = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(buffer, "HEIF")
    content = bytearray(buffer.getvalue())
    at = content.index(b"ispe")
    while at >= 0:
        content[at + 8 : at + 16] = struct.pack(">II", 60_000, 60_000)
        at = content.find(b"ispe", at + 16)
    return bytes(content)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'

REFUSED = {
    "a HEIC bomb": (heic_bomb(), "picture"),
    "an SVG": (SVG, "drawing"),
    "no image": (b"no image at all, only words", "expected a picture"),
    "half a JPEG": (name_plate()[:700], "whole JPEG"),
}


def write_huge(path: Path, size: int = 100_000_000) -> Path:
    """Write a file of `size` bytes that begins like a JPEG and takes no room on the disk."""
    path.write_bytes(name_plate())
    with path.open("r+b") as file:
        file.truncate(size)
    return path
