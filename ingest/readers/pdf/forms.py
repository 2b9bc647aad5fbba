"""Values in form fields, comments and names of attached files of an open PDF.

A value that is drawn on the page keeps its words' boxes; one that is not drawn, or only in part, gets the box of its
field. Comments are not drawn, so they are searched but not shown. Attachments are read as members
(`pagelens.ingest.members`). Must be called with `pagelens.ingest.readers.mupdf.LOCK` held.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

from pagelens.ingest.readers.mupdf import MuPdfWord, pymupdf
from pagelens.ingest.text.page_text import clean_text
from pagelens.ingest.text.titles import single_line

ONLY_XFA = "an XFA form, whose pages only Adobe Reader draws: its values can be searched, but are not shown"
"""The problem of the placeholder page of such a form."""

_PASSWORD = 1 << 13  # flag of a text field (ISO 32000-1, 12.7.4.3)
_HIDDEN_FIELDS = (1, 3)  # PyMuPDF's `field_display`: hidden, not for viewing
_HIDDEN_NOTE = 0b100010  # flags of an annotation: hidden, not for viewing (ISO 32000-1, 12.5.3)
_MARGIN = 1.0  # points by which a label may overlap its field
_CHECK_MARK = "\u2611"
_TEXT_FIELDS = (pymupdf.PDF_WIDGET_TYPE_TEXT, pymupdf.PDF_WIDGET_TYPE_COMBOBOX, pymupdf.PDF_WIDGET_TYPE_LISTBOX)
_CHECK_FIELDS = (pymupdf.PDF_WIDGET_TYPE_CHECKBOX, pymupdf.PDF_WIDGET_TYPE_RADIOBUTTON)
_NOT_COMMENTS = (
    pymupdf.PDF_ANNOT_FREE_TEXT,
    pymupdf.PDF_ANNOT_STAMP,
    pymupdf.PDF_ANNOT_POPUP,
    pymupdf.PDF_ANNOT_LINK,
    pymupdf.PDF_ANNOT_WIDGET,
)
_MAX_COMMENTS = 4_000  # characters a page
_MAX_NAMES = 500  # characters of the attachments' names
_MAX_XFA = 4_000_000  # bytes; larger data is not parsed
_UNSAFE_XML = (b"<!DOCTYPE", b"<!ENTITY", b"\0")  # the last: UTF-16, in which the others would not be found
_DATASETS = re.compile(r"\(datasets\)\s*(\d+)\s+\d+\s+R")


class _Field(NamedTuple):
    box: tuple[float, float, float, float]
    value: str  # as displayed
    is_check_box: bool
    is_secret: bool


def add_field_values(mupdf_page: Any, page_words: Sequence[MuPdfWord]) -> list[MuPdfWord]:
    """Return a page's words and the values of its fields, each value once; those of password fields are left out."""
    words = list(page_words)
    for field in _fields(mupdf_page):
        inside = [at for at, word in enumerate(words) if _is_inside(word, field.box)]
        new = _field_words(field, [words[at] for at in inside], words)
        if new is None:
            continue
        position = inside[0] if inside else len(words)
        kept = [word for at, word in enumerate(words) if at not in set(inside)]
        words = [*kept[:position], *new, *kept[position:]]
    return words


def comments(mupdf_page: Any) -> str:
    """Return the comments in the notes and markups of a page, one a line, and the names of files attached to it."""
    lines: list[str] = []
    for note in mupdf_page.annots() if mupdf_page.first_annot else ():
        if note.flags & _HIDDEN_NOTE or note.type[0] in _NOT_COMMENTS:
            continue
        if note.type[0] == pymupdf.PDF_ANNOT_FILE_ATTACHMENT:
            lines.append(f"Attachment: {single_line(attachment_name(note.file_info))}")
            continue
        text = _one_line(note.info.get("content") or "")
        author = single_line(note.info.get("title") or "")
        if text:
            lines.append(f"Comment by {author}: {text}" if author else f"Comment: {text}")
    return "\n".join(lines)[:_MAX_COMMENTS]


def attachment_names(pdf: Any) -> str:
    """Return the names of the files attached to the document, separated by ", ", "" where there are none."""
    if not pdf.embfile_count():
        return ""
    infos = (pdf.embfile_info(at) for at in range(pdf.embfile_count()))
    return ", ".join(filter(None, (single_line(attachment_name(info)) for info in infos)))[:_MAX_NAMES]


def xfa_values(pdf: Any) -> list[str]:
    """Return 'name: value' for each filled field of an XFA form, in the form's order; [] where none can be read."""
    packet = _datasets(pdf)
    if not packet or len(packet) > _MAX_XFA or any(mark in packet for mark in _UNSAFE_XML):
        return []
    try:
        root = ElementTree.fromstring(packet)  # noqa: S314 - without a DOCTYPE there are no entities
    except ElementTree.ParseError:
        return []
    values: list[str] = []
    for element in root.iter():
        text = _one_line(element.text or "")
        if text and not len(element):
            values.append(f"{_one_line(element.tag.rpartition('}')[2])}: {text}")
    return values


def is_only_xfa(pdf: Any) -> bool:
    """Tell whether only an XFA viewer can draw the pages, so that the file has a placeholder page instead."""
    return bool(pdf.xref_get_key(pdf.pdf_catalog(), "NeedsRendering")[1] == "true")


def _datasets(pdf: Any) -> bytes:
    """Return the XFA form's data as XML, b"" where there is none (XFA 3.3, chapter 2)."""
    kind, stated = pdf.xref_get_key(pdf.pdf_catalog(), "AcroForm/XFA")
    if kind == "array":
        part = _DATASETS.search(stated)
        number = int(part[1]) if part else 0
    else:
        number = int(stated.split()[0]) if kind == "xref" else 0
    if not number or not pdf.xref_is_stream(number):
        return b""
    packet = bytes(pdf.xref_stream(number) or b"")
    if kind == "array":
        return packet
    start, end = packet.find(b"<xfa:datasets"), packet.find(b"</xfa:datasets>")
    return packet[start : end + len(b"</xfa:datasets>")] if 0 <= start < end else b""


def _fields(mupdf_page: Any) -> Iterator[_Field]:
    for widget in mupdf_page.widgets() if mupdf_page.first_widget else ():
        if widget.field_display in _HIDDEN_FIELDS:
            continue
        box = tuple(widget.rect)
        if widget.field_type in _TEXT_FIELDS:
            is_secret = widget.field_type == _TEXT_FIELDS[0] and bool(widget.field_flags & _PASSWORD)
            yield _Field(box, _displayed_value(widget), is_check_box=False, is_secret=is_secret)
        elif widget.field_type in _CHECK_FIELDS:
            is_on = widget.field_value not in (None, "", "Off", False)
            yield _Field(box, _CHECK_MARK if is_on else "", is_check_box=True, is_secret=False)


def _displayed_value(widget: Any) -> str:
    """Return a field's value as displayed: for a choice its label, not its export value."""
    stated = widget.field_value
    values = stated if isinstance(stated, list | tuple) else [stated]
    labels = {choice[0]: choice[1] for choice in widget.choice_values or () if isinstance(choice, list | tuple)}
    return " ".join(str(labels.get(value, value)) for value in values if value not in (None, ""))


def _field_words(field: _Field, drawn: Sequence[MuPdfWord], others: Sequence[MuPdfWord]) -> list[MuPdfWord] | None:
    """Return the words that replace those drawn in a field; None where the drawn words stay."""
    if field.is_secret:
        return []
    pieces = [piece for piece in map(clean_text, field.value.split()) if piece]
    drawn_texts = [word[4] for word in drawn]
    if field.is_check_box:
        if any(len(text) > 1 for text in drawn_texts) or not (drawn_texts or pieces):
            return None  # a label inside the box
    elif not pieces or drawn_texts == pieces or not "".join(pieces).startswith("".join(drawn_texts)):
        return None  # the form formats the value, or shows lines of a list
    block = drawn[0][5] if drawn else max((word[5] for word in others), default=0) + 1
    return _spread_words(pieces, field.box, block)


def _spread_words(pieces: Sequence[str], box: tuple[float, float, float, float], block: int) -> list[MuPdfWord]:
    """Place words side by side in a field's box, each as wide as its share of the characters."""
    x0, y0, x1, y1 = box
    step = (x1 - x0) / max(1, sum(len(piece) + 1 for piece in pieces) - 1)
    words: list[MuPdfWord] = []
    for piece in pieces:
        words.append((x0, y0, min(x1, x0 + step * len(piece)), y1, piece, block, 0))
        x0 += step * (len(piece) + 1)
    return words


def _is_inside(word: MuPdfWord, box: tuple[float, float, float, float]) -> bool:
    """Tell whether a word stands in a field's box; it may be cut off at the right edge."""
    y = (word[1] + word[3]) / 2
    return box[1] <= y <= box[3] and word[0] < box[2] - _MARGIN and word[2] > box[0] + _MARGIN


def attachment_name(info: dict[str, Any]) -> str:
    """Return the name of an attached file; one in UTF-8 without a mark, which MuPDF takes for Latin-1, is decoded."""
    name = str(info.get("ufilename") or info.get("filename") or info.get("name") or "")
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name


def _one_line(text: str) -> str:
    return " ".join(filter(None, map(clean_text, text.split())))


def values_not_in_text(values: Iterable[str], text: str) -> list[str]:
    """Return the 'name: value' lines whose value is not part of the text."""
    return [line for line in values if line.partition(": ")[2] not in text]
