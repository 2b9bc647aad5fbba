"""Formats that are neither PDF nor picture: which of them a file is, by its name and its first bytes. Pure.

Their signatures say little (a Word file is a ZIP archive, a text has none), so name and content must agree.
"""

from pathlib import PurePath
from typing import Literal

from pagelens.core.types import Kind

DocumentFormat = Literal[
    "EPUB", "FB2", "MOBI", "CBZ", "XPS", "SVG", "text", "Markdown", "HTML",
    "DOCX", "PPTX", "XLSX", "ODT", "ODP", "ODS", "DOC", "PPT", "XLS", "RTF",
]  # fmt: skip

FORMATS: dict[str, DocumentFormat] = {
    ".epub": "EPUB",
    ".fb2": "FB2",
    ".mobi": "MOBI",
    ".prc": "MOBI",
    ".azw": "MOBI",
    ".cbz": "CBZ",
    ".xps": "XPS",
    ".oxps": "XPS",
    ".svg": "SVG",
    ".txt": "text",
    ".text": "text",
    ".md": "Markdown",
    ".markdown": "Markdown",
    ".html": "HTML",
    ".htm": "HTML",
    ".xhtml": "HTML",
    ".docx": "DOCX",
    ".docm": "DOCX",
    ".pptx": "PPTX",
    ".pptm": "PPTX",
    ".ppsx": "PPTX",
    ".xlsx": "XLSX",
    ".xlsm": "XLSX",
    ".odt": "ODT",
    ".odp": "ODP",
    ".ods": "ODS",
    ".doc": "DOC",
    ".ppt": "PPT",
    ".pps": "PPT",
    ".xls": "XLS",
    ".rtf": "RTF",
}
_KINDS: dict[DocumentFormat, Kind] = {
    "EPUB": "book",
    "FB2": "book",
    "MOBI": "book",
    "CBZ": "book",
    "XPS": "xps",
    "SVG": "drawing",
    "text": "text",
    "Markdown": "text",
    "HTML": "text",
}
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
NEW_OFFICE = ("DOCX", "PPTX", "XLSX")
_ZIP = b"PK\x03\x04"
_ZIPPED = ("EPUB", "CBZ", "XPS", *NEW_OFFICE, "ODT", "ODP", "ODS")
_OLD = ("DOC", "PPT", "XLS")
_MARKS_16_BIT = (b"\xff\xfe", b"\xfe\xff")
_NO_TEXT = bytes({*range(32), 127} - set(b"\t\n\f\r\x1a\x1b"))


def kind_of(form: DocumentFormat) -> Kind:
    """Return the kind that a format belongs to."""
    return _KINDS.get(form, "office")


def document_format(head: bytes, path: PurePath) -> DocumentFormat | None:
    """Return the format that the name claims, if the first bytes (a kilobyte) agree; None where they do not."""
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        return _unnamed(head) if not path.suffix else None
    return form if _agrees(form, head) else None


def _unnamed(head: bytes) -> DocumentFormat | None:
    """Return what a file without an ending surely is."""
    if head.startswith(_ZIP) and head[30:58] == b"mimetypeapplication/epub+zip":
        return "EPUB"
    return "MOBI" if head[60:68] == b"BOOKMOBI" else None


def _agrees(form: DocumentFormat, head: bytes) -> bool:
    if form in _ZIPPED:
        # A new Office file in an old one's container is one that is encrypted; that is said when it is opened.
        return head.startswith(_ZIP) or (form in NEW_OFFICE and head.startswith(OLD_OFFICE))
    if form in _OLD:  # programs save other formats under these names, and LibreOffice takes them
        return head.startswith((OLD_OFFICE, _ZIP, b"{\\rtf"))
    if form == "RTF":
        return head.startswith(b"{\\rtf")
    if form == "MOBI":
        return head[60:68] in (b"BOOKMOBI", b"TEXtREAd")
    if not _is_text(head):
        return False
    if form == "FB2":
        return b"<FictionBook" in head
    return form != "SVG" or b"<svg" in head.lower()


def _is_text(head: bytes) -> bool:
    """Say whether bytes may be text: in UTF-16 with its mark, else without control characters."""
    if head.startswith(_MARKS_16_BIT):
        return True
    return len(head.translate(None, _NO_TEXT)) == len(head) and bool(head.strip())
