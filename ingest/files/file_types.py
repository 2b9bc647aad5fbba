"""What a file is, by its first bytes, and what its name claims. Pure: opens nothing."""

import re
from pathlib import PurePath
from typing import Literal

from pagelens.core.types import Kind
from pagelens.ingest.files.formats import FORMATS, document_format, kind_of

HEAD_BYTES = 1024  # a PDF's header may stand anywhere in these (ISO 32000-1, implementation note 13)

PhotoFormat = Literal["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "HEIC", "AVIF"]

_CLAIMS: dict[str, Kind] = {
    ".pdf": "pdf",
    ".jpg": "photo",
    ".jpeg": "photo",
    ".jpe": "photo",
    ".jfif": "photo",
    ".png": "photo",
    ".webp": "photo",
    ".apng": "photo",
    ".gif": "photo",
    ".bmp": "photo",
    ".dib": "photo",
    ".tif": "photo",
    ".tiff": "photo",
    ".heic": "photo",
    ".heif": "photo",
    ".hif": "photo",
    ".avif": "photo",
}

# Of these a file that is none is worth telling; of texts and drawings not, any program may name its own files so.
_TELLING: tuple[Kind, ...] = ("book", "office", "xps")

_PHOTOS: tuple[tuple[bytes, PhotoFormat], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # with 64-bit offsets
    (b"MM\0+", "TIFF"),
)
_RAW_IN_TIFF = b"II*\0\x10\0\0\0CR"
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # sizes of the header that follows; 'BM' alone begins many a text
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_AVIF_BRANDS = (b"avif", b"avis")
_EITHER_BRANDS = (b"mif1", b"msf1", b"miaf")  # the container; the compatible brands say what is in it

# The mark at the start of the file, of a line, or after binary junk. In the middle of a line it is a text about PDFs.
_PDF = re.compile(rb"(?:\A|[^\x20-\x7e])%PDF-\d|\A\s*%PDF-")

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (_RAW_IN_TIFF, "a camera's raw picture"),
    (b"IIRO", "a camera's raw picture"),
    (b"IIU\0", "a camera's raw picture"),
    (b"FUJIFILMCCD-RAW", "a camera's raw picture"),
    (b"\xd0\xcf\x11\xe0", "an old Microsoft Office file"),
    (b"{\\rtf", "an RTF text"),
    (b"%!PS", "a PostScript file"),
    (b"AT&TFORM", "a DjVu document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
)


def photo_format(head: bytes) -> PhotoFormat | None:
    """Return which of the readable picture formats the bytes begin, or None."""
    if head.startswith(_RAW_IN_TIFF):
        return None
    for mark, form in _PHOTOS:
        if head.startswith(mark):
            return form
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    return _by_brand(head) if head[4:8] == b"ftyp" else None


def _by_brand(head: bytes) -> PhotoFormat | None:
    """Return what an ISO base media file is by its brands (ISO 14496-12, 4.3): the major one, else a compatible one."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12]]
    if brands[0] in _EITHER_BRANDS:
        brands = [head[at : at + 4] for at in range(16, size - 3, 4)]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "AVIF"
        if brand in _HEIC_BRANDS:
            return "HEIC"
    return "HEIC" if head[8:12] in _EITHER_BRANDS else None


def readable_kind(head: bytes, path: PurePath | None) -> Kind | None:
    """Return the kind that the first `HEAD_BYTES` show, or None.

    PDFs and photos are known whatever their name, except that it settles a PDF mark amid text; the rest by both.
    """
    path = path or PurePath()
    if photo_format(head):
        return "photo"
    if _PDF.search(head) or (claimed_kind(path) == "pdf" and b"%PDF-" in head):
        return "pdf"
    form = document_format(head, path)
    return kind_of(form) if form else None


def claimed_kind(path: PurePath) -> Kind | None:
    """Return the kind that the name's ending claims, so that a file of another is mislabelled; or None."""
    ending = path.suffix.lower()
    form = FORMATS.get(ending)
    kind = kind_of(form) if form else None
    return kind if kind in _TELLING else _CLAIMS.get(ending)


def describe(head: bytes) -> str:
    """Return what the bytes seem to be, in words that follow 'it is'."""
    for signature, words in _SIGNATURES:
        if head.startswith(signature):
            return words
    if head.startswith(b"PK\x03\x04"):
        return _describe_zip(head)
    if head[4:8] == b"ftyp":
        return "a video"
    if head[:4] == b"RIFF":
        return "a RIFF recording"
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    return _describe_text(head)


def _describe_zip(head: bytes) -> str:
    for mark, words in ((b"word/", "a Word document"), (b"ppt/", "a PowerPoint file"), (b"xl/", "an Excel sheet")):
        if mark in head:
            return words
    if b"[Content_Types].xml" in head:
        return "a Microsoft Office file"
    if b"epub+zip" in head:
        return "an EPUB book"
    if b"opendocument" in head:
        return "an OpenDocument file"
    return "a ZIP archive"


def _describe_text(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "an HTML page"
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in head.lower()):
        return "an SVG drawing"
    if start.startswith(b"<?xml"):
        return "an XML text"
    try:
        # The last character may be cut by the end of the head.
        text = head[:-3].decode() if len(head) >= HEAD_BYTES else head.decode()
    except UnicodeDecodeError:
        return "unknown binary data"
    return "plain text" if "\0" not in text else "unknown binary data"
