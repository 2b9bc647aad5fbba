"""What people added to a PDF's pages: values in form fields, comments, attached files. Works on an open document.

A value that is drawn keeps the boxes it is drawn at; one that is not, or not whole, gets its field's. Comments are not
drawn, so they are words to find a page by. Attachments are named, never opened. Not to be called without
`pagelens.ingest.readers.mupdf.LOCK`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.mupdf_page import FoundWord
from pagelens.ingest.text.page_text import clean_text
from pagelens.ingest.text.titles import single_line

ONLY_XFA = "an XFA form, whose pages only Adobe Reader draws: what is filled in finds it, but is not shown"
"""The problem of the page that stands in for such a form."""

_PASSWORD = 1 << 13  # flag of a text field (ISO 32000-1, 12.7.4.3)
_UNSEEN = (1, 3)  # PyMuPDF's `field_display`: hidden, not for viewing
_HIDDEN = 0b100010  # flags of an annotation: hidden, not for viewing (ISO 32000-1, 12.5.3)
_EDGE = 1.0  # points by which a label may reach into its field
_TICKED = "\u2611"
_TYPED = (pymupdf.PDF_WIDGET_TYPE_TEXT, pymupdf.PDF_WIDGET_TYPE_COMBOBOX, pymupdf.PDF_WIDGET_TYPE_LISTBOX)
_TICKS = (pymupdf.PDF_WIDGET_TYPE_CHECKBOX, pymupdf.PDF_WIDGET_TYPE_RADIOBUTTON)
_DRAWN_OR_NO_COMMENT = (
    pymupdf.PDF_ANNOT_FREE_TEXT,
    pymupdf.PDF_ANNOT_STAMP,
    pymupdf.PDF_ANNOT_POPUP,
    pymupdf.PDF_ANNOT_LINK,
    pymupdf.PDF_ANNOT_WIDGET,
)
_LONGEST_COMMENTS = 4_000  # characters a page
_LONGEST_NAMES = 500  # characters of attachments' names
_MOST_XFA = 4_000_000  # bytes that are parsed
_UNSAFE = (b"<!DOCTYPE", b"<!ENTITY", b"\0")  # the last: 16-bit text, in which the others would not be found
_DATASETS = re.compile(r"\(datasets\)\s*(\d+)\s+\d+\s+R")


class _Field(NamedTuple):
    box: tuple[float, float, float, float]
    value: str  # as it is shown
    is_tick: bool
    is_secret: bool


def with_fields(leaf: Any, found: Sequence[FoundWord]) -> list[FoundWord]:
    """Return a page's words with what its fields hold: each value once, nothing of password fields."""
    words = list(found)
    for field in _fields(leaf):
        inside = [at for at, word in enumerate(words) if _is_in(word, field.box)]
        new = _words_of(field, [words[at] for at in inside], words)
        if new is None:
            continue
        place = inside[0] if inside else len(words)
        kept = [word for at, word in enumerate(words) if at not in set(inside)]
        words = [*kept[:place], *new, *kept[place:]]
    return words


def comments(leaf: Any) -> str:
    """Return what people wrote about the page in notes and markups that open on a click, one to a line."""
    said: list[str] = []
    for note in leaf.annots() if leaf.first_annot else ():
        if note.flags & _HIDDEN or note.type[0] in _DRAWN_OR_NO_COMMENT:
            continue
        if note.type[0] == pymupdf.PDF_ANNOT_FILE_ATTACHMENT:
            said.append(f"Attachment: {single_line(note.file_info.get('filename') or '')}")
            continue
        text = _one_line(note.info.get("content") or "")
        author = single_line(note.info.get("title") or "")
        if text:
            said.append(f"Comment by {author}: {text}" if author else f"Comment: {text}")
    return "\n".join(said)[:_LONGEST_COMMENTS]


def attachments(pdf: Any) -> str:
    """Return the names of the files that are attached to the document."""
    if not pdf.embfile_count():
        return ""
    infos = (pdf.embfile_info(at) for at in range(pdf.embfile_count()))
    return ", ".join(filter(None, (single_line(_name(info)) for info in infos)))[:_LONGEST_NAMES]


def xfa_values(pdf: Any) -> list[str]:
    """Return 'name: value' of each filled field of an XFA form, in its order; none where it has none to read."""
    packet = _datasets(pdf)
    if not packet or len(packet) > _MOST_XFA or any(mark in packet for mark in _UNSAFE):
        return []
    try:
        root = ElementTree.fromstring(packet)  # noqa: S314 - without a document type there are no entities
    except ElementTree.ParseError:
        return []
    values: list[str] = []
    for element in root.iter():
        text = _one_line(element.text or "")
        if text and not len(element):
            values.append(f"{_one_line(element.tag.rpartition('}')[2])}: {text}")
    return values


def is_only_xfa(pdf: Any) -> bool:
    """Say whether the pages are made by an XFA viewer, and those in the file only say so."""
    return bool(pdf.xref_get_key(pdf.pdf_catalog(), "NeedsRendering")[1] == "true")


def _datasets(pdf: Any) -> bytes:
    """Return the form's data as XML, empty where there is none (XFA 3.3, chapter 2)."""
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


def _fields(leaf: Any) -> Iterator[_Field]:
    for widget in leaf.widgets() if leaf.first_widget else ():
        if widget.field_display in _UNSEEN:
            continue
        box = tuple(widget.rect)
        if widget.field_type in _TYPED:
            is_secret = widget.field_type == _TYPED[0] and bool(widget.field_flags & _PASSWORD)
            yield _Field(box, _shown(widget), is_tick=False, is_secret=is_secret)
        elif widget.field_type in _TICKS:
            is_on = widget.field_value not in (None, "", "Off", False)
            yield _Field(box, _TICKED if is_on else "", is_tick=True, is_secret=False)


def _shown(widget: Any) -> str:
    """Return a field's value as its reader sees it: of a choice its label, not what is sent for it."""
    value = widget.field_value
    values = value if isinstance(value, list | tuple) else [value]
    labels = {choice[0]: choice[1] for choice in widget.choice_values or () if isinstance(choice, list | tuple)}
    return " ".join(str(labels.get(one, one)) for one in values if one not in (None, ""))


def _words_of(field: _Field, drawn: Sequence[FoundWord], others: Sequence[FoundWord]) -> list[FoundWord] | None:
    """Return what stands in a field's place; None where what is drawn is right."""
    if field.is_secret:
        return []
    pieces = [piece for piece in map(clean_text, field.value.split()) if piece]
    shown = [word[4] for word in drawn]
    if field.is_tick:
        if any(len(text) > 1 for text in shown) or not (shown or pieces):
            return None  # a label inside the box
    elif not pieces or shown == pieces or not "".join(pieces).startswith("".join(shown)):
        return None  # formatted by the form, or lines of a list
    block = drawn[0][5] if drawn else max((word[5] for word in others), default=0) + 1
    return _laid_out(pieces, field.box, block)


def _laid_out(pieces: Sequence[str], box: tuple[float, float, float, float], block: int) -> list[FoundWord]:
    """Share a field's box out among words, by their letters."""
    x0, y0, x1, y1 = box
    step = (x1 - x0) / max(1, sum(len(piece) + 1 for piece in pieces) - 1)
    words: list[FoundWord] = []
    for piece in pieces:
        words.append((x0, y0, min(x1, x0 + step * len(piece)), y1, piece, block, 0))
        x0 += step * (len(piece) + 1)
    return words


def _is_in(word: FoundWord, box: tuple[float, float, float, float]) -> bool:
    """Say whether a word stands in a field; one that is cut off at its right edge does."""
    y = (word[1] + word[3]) / 2
    return box[1] <= y <= box[3] and word[0] < box[2] - _EDGE and word[2] > box[0] + _EDGE


def _name(info: dict[str, Any]) -> str:
    return str(info.get("ufilename") or info.get("filename") or info.get("name") or "")


def _one_line(text: str) -> str:
    return " ".join(filter(None, map(clean_text, text.split())))


def missing_from(text: str, values: Iterable[str]) -> list[str]:
    """Return the 'name: value' lines whose value does not stand in the text."""
    return [line for line in values if line.partition(": ")[2] not in text]
