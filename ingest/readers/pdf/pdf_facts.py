"""Facts of a PDF as a whole: printed page labels, date, metadata. Takes an open PyMuPDF document.

Must be called with `pagelens.ingest.readers.mupdf.LOCK` held.
"""

import logging
import re
from datetime import datetime
from typing import Any

from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.forms import attachment_names
from pagelens.ingest.readers.pdf.page_labels import LabelRule, Style
from pagelens.ingest.text.titles import single_line

log = logging.getLogger(__name__)

_DATE = re.compile(r"^(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")
_KEPT = ("author", "subject", "keywords", "creator", "producer")
_STYLES: dict[str, Style] = {"D": "D", "R": "R", "r": "r", "A": "A", "a": "a"}
_MAX_DEPTH = 32  # levels of a number tree (ISO 32000-1, 7.9.7)


def creation_date(pdf: Any) -> datetime | None:
    """Return the creation date, else the date of the last change, in naive local time; None where neither is stated."""
    stated = pdf.metadata or {}
    return pdf_date(stated.get("creationDate") or "") or pdf_date(stated.get("modDate") or "")


def pdf_date(text: str) -> datetime | None:
    """Parse `D:20240201180937+08'00'` (ISO 32000-1, 7.9.4) without its time zone; None where it is not a date."""
    match = _DATE.match(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups())
    try:
        return datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, min(second or 0, 59))
    except ValueError:
        return None


def pdf_metadata(pdf: Any) -> dict[str, str | int | float | bool]:
    """Return author, subject, keywords, creator and producer where stated, and the names of attached files.

    `repaired` is True where MuPDF had to repair the file; `form` is AcroForm or XFA where it has fields to fill in.
    """
    stated = pdf.metadata or {}
    kept: dict[str, str | int | float | bool] = {
        key: text for key in _KEPT if (text := single_line(stated.get(key) or ""))
    }
    if pdf.is_repaired:
        kept["repaired"] = True
    try:
        kept |= _form_and_attachments(pdf)
    except Exception:  # SWIG classes without a common base; the PDF is usable without
        log.info("the form or the attachments of a PDF cannot be read", exc_info=True)
    return kept


def _form_and_attachments(pdf: Any) -> dict[str, str]:
    added: dict[str, str] = {}
    if pdf.xref_get_key(pdf.pdf_catalog(), "AcroForm/XFA")[0] != "null":
        added["form"] = "XFA"
    elif pdf.is_form_pdf:
        added["form"] = "AcroForm"
    if names := attachment_names(pdf):
        added["attachments"] = names
    return added


def has_page_tree(pdf: Any) -> bool:
    """Tell whether the catalog refers to a page tree, even if that is empty."""
    kind, reference = pdf.xref_get_key(pdf.pdf_catalog(), "Pages")
    return kind == "xref" and bool(pdf.xref_get_key(int(reference.split()[0]), "Kids")[0] == "array")


def label_rules(pdf: Any) -> list[LabelRule]:
    """Return the rules for printed page labels in page order, [] where the file has none or they cannot be read."""
    mupdf = pymupdf.mupdf
    try:
        trailer = mupdf.pdf_trailer(mupdf.pdf_document_from_fz_document(pdf.this))
        rules = _number_tree(mupdf.pdf_dict_getp(trailer, "Root/PageLabels"), _MAX_DEPTH)
    except Exception:  # noqa: BLE001 - SWIG classes without a common base; the PDF is usable without labels
        return []
    return sorted(rules, key=lambda rule: rule.start)


def _number_tree(node: Any, max_depth: int) -> list[LabelRule]:
    mupdf = pymupdf.mupdf
    numbers = mupdf.pdf_dict_gets(node, "Nums")
    rules = [
        _rule(mupdf.pdf_to_int(mupdf.pdf_array_get(numbers, at)), mupdf.pdf_array_get(numbers, at + 1))
        for at in range(0, mupdf.pdf_array_len(numbers) - 1, 2)
    ]
    children = mupdf.pdf_dict_gets(node, "Kids")
    for at in range(mupdf.pdf_array_len(children) if max_depth else 0):
        rules += _number_tree(mupdf.pdf_array_get(children, at), max_depth - 1)
    return rules


def _rule(start: int, entry: Any) -> LabelRule:
    mupdf = pymupdf.mupdf
    style = _STYLES.get(mupdf.pdf_to_name(mupdf.pdf_dict_gets(entry, "S")), "")
    prefix = single_line(mupdf.pdf_to_text_string(mupdf.pdf_dict_gets(entry, "P")))
    first = mupdf.pdf_dict_gets(entry, "St")
    return LabelRule(start, style, prefix, mupdf.pdf_to_int(first) if mupdf.pdf_is_int(first) else 1)
