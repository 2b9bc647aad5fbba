"""A generator of broken files: good ones cut, flipped, swapped, lied about. A number decides all, so a run repeats."""

import io
import re
import zipfile
from collections.abc import Callable
from functools import cache, partial
from random import Random
from typing import Any

from PIL import Image

from pagelens.ingest.readers.mupdf import pymupdf
from tests.ingest.files import SENTENCE, new_pdf, noise, numbered_pages

Break = Callable[[Random, bytes], bytes]

_OBJECT = re.compile(rb"(?<=\n)\d+ 0 obj\b.*?endobj", re.S)
_STREAM = re.compile(rb"stream\r?\n.*?endstream", re.S)
_NUMBER = re.compile(rb"(?<=[\s\[/])-?\d+(?:\.\d+)?(?=[\s\]/>])")
_LENGTH = re.compile(rb"/Length \d+")
_REFERENCE = re.compile(rb"\b\d+ 0 R\b")
_FILTER = re.compile(rb"/Filter\s*/\w+")
_NUMBERS = (b"0", b"-1", b"1", b"65536", b"2147483647", b"-2147483648", b"99999999999", b"1e308", b"0.0000001", b"null")
_LENGTHS = (b"0", b"1", b"-5", b"4294967295", b"99999999", b"3 0 R", b"(ten)")
_FILTERS = (
    b"[/FlateDecode/FlateDecode]",
    b"[/ASCIIHexDecode/ASCII85Decode/FlateDecode]",
    b"[" + b"/FlateDecode" * 60 + b"]",
    b"/LZWDecode",
    b"/DCTDecode",
    b"/JPXDecode",
    b"/JBIG2Decode",
    b"/CCITTFaxDecode",
    b"[/RunLengthDecode/Crypt]",
    b"/NoSuchDecode",
)


@cache
def good_files() -> dict[str, bytes]:
    """Return whole files of every format that is broken, by name."""
    rich = _rich_pdf()
    return {
        "rich.pdf": rich.tobytes(garbage=0, deflate=False, no_new_id=True),
        "packed.pdf": rich.tobytes(garbage=3, deflate=True, use_objstms=1, no_new_id=True),
        "locked.pdf": rich.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="", owner_pw="o", no_new_id=True),
        "photo.jpg": _picture("JPEG", quality=80, exif=_exif()),
        "photo.png": _picture("PNG"),
        "photo.webp": _picture("WEBP"),
        "photo.tif": _picture("TIFF", compression="tiff_lzw"),
        "photo.gif": _picture("GIF"),
        "photo.bmp": _picture("BMP"),
        "book.epub": _epub(),
        "comic.cbz": _zip({"1.png": _picture("PNG"), "2.jpg": _picture("JPEG")}),
        "page.html": f"<html><body><h1>Title</h1><table><tr><td>{SENTENCE}</td></tr></table></body></html>".encode(),
        "book.fb2": f"<?xml version='1.0'?><FictionBook><body><section><p>{SENTENCE}</p></section></body></FictionBook>"
        .encode(),
    }  # fmt: skip


def broken_file(number: int) -> tuple[str, bytes]:
    """Return a name and the bytes of a good file after one to three things were done to it. Most are PDFs."""
    chance = Random(number)
    names = sorted(good_files())
    pdfs = [name for name in names if name.endswith(".pdf")]
    name = chance.choice(pdfs if chance.random() < 0.6 else names)
    content = good_files()[name]
    ways = (*_ANY, *_PDF, *_PDF) if name.endswith(".pdf") else _ANY
    for _ in range(chance.randint(1, 3)):
        content = chance.choice(ways)(chance, content)
    return name, content


def _place(chance: Random, content: bytes) -> int:
    return chance.randrange(max(1, len(content)))


def _cut(chance: Random, content: bytes) -> bytes:
    return content[: _place(chance, content)]


def _flip(chance: Random, content: bytes) -> bytes:
    flipped = bytearray(content)
    for _ in range(chance.choice((1, 3, 30)) if flipped else 0):
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def _drop(chance: Random, content: bytes) -> bytes:
    start = _place(chance, content)
    return content[:start] + content[start + chance.randint(1, 2000) :]


def _repeat(chance: Random, content: bytes) -> bytes:
    start = _place(chance, content)
    end = start + chance.randint(1, 2000)
    return content[:end] + content[start:end] * chance.randint(1, 20) + content[end:]


def _blank(chance: Random, content: bytes) -> bytes:
    start, size = _place(chance, content), chance.randint(1, 2000)
    filling = chance.choice((b"\0", b"\xff", b" ", b"<"))
    return content[:start] + filling * size + content[start + size :]


def _swap_objects(chance: Random, content: bytes) -> bytes:
    found = list(_OBJECT.finditer(content))
    if len(found) < 2:
        return content
    first, second = sorted(chance.sample(range(len(found)), 2))
    one, two = found[first], found[second]
    between = content[one.end() : two.start()]
    return content[: one.start()] + two[0] + between + one[0] + content[two.end() :]


def _cut_stream(chance: Random, content: bytes) -> bytes:
    found = list(_STREAM.finditer(content))
    if not found:
        return content
    one = chance.choice(found)
    kept = chance.randint(0, one.end() - one.start())
    return content[: one.start() + kept] + content[one.end() :]


def _replace(
    pattern: "re.Pattern[bytes]", new: tuple[bytes, ...], before: bytes, chance: Random, content: bytes
) -> bytes:
    found = list(pattern.finditer(content))
    if not found:
        return content
    one = chance.choice(found)
    return content[: one.start()] + before + chance.choice(new) + content[one.end() :]


_ANY: tuple[Break, ...] = (_cut, _flip, _drop, _repeat, _blank)
_PDF: tuple[Break, ...] = (
    _swap_objects,
    _cut_stream,
    partial(_replace, _LENGTH, _LENGTHS, b"/Length "),
    partial(_replace, _FILTER, _FILTERS, b"/Filter "),
    partial(_replace, _NUMBER, _NUMBERS, b""),
    partial(_replace, _REFERENCE, tuple(f"{number} 0 R".encode() for number in range(30)), b""),
)


def _rich_pdf() -> Any:
    """Return a PDF with text, a picture, a drawing, labels, an outline, a form, notes and an attachment."""
    pdf = new_pdf(*numbered_pages(4))
    pdf[0].insert_image(pymupdf.Rect(100, 300, 300, 400), stream=_picture("JPEG"))
    pdf[1].draw_circle((200, 500), 50, fill=(1, 0, 0))
    pdf[1].add_text_annot((300, 300), "a note")
    widget = pymupdf.Widget()
    widget.field_name, widget.field_type = "name", pymupdf.PDF_WIDGET_TYPE_TEXT
    widget.rect, widget.field_value = pymupdf.Rect(72, 600, 272, 630), "Jane Doe"
    pdf[2].add_widget(widget)
    pdf[3].set_rotation(90)
    pdf.set_page_labels([{"startpage": 0, "style": "r", "firstpagenum": 1}])
    pdf.set_toc([[1, "One", 1], [2, "Two", 2]])
    pdf.embfile_add("data.csv", b"1,2")
    return pdf


def _picture(form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    noise(60, 40).save(buffer, form, **options)
    return buffer.getvalue()


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[271], exif[306] = "Maker", "2019:05:03 12:13:14"
    return exif


def _zip(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def _epub() -> bytes:
    opf = (
        "<package xmlns='http://www.idpf.org/2007/opf' version='3.0'><metadata/><manifest><item id='a' href='a.xhtml' "
        "media-type='application/xhtml+xml'/></manifest><spine><itemref idref='a'/></spine></package>"
    )
    container = (
        "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles><rootfile full-path='b.opf' "
        "media-type='application/oebps-package+xml'/></rootfiles></container>"
    )
    chapter = f"<html xmlns='http://www.w3.org/1999/xhtml'><body><h1>One</h1><p>{SENTENCE * 20}</p></body></html>"
    parts = {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "b.opf": opf, "a.xhtml": chapter}
    return _zip({name: content.encode() for name, content in parts.items()})
