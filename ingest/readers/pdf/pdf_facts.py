"""What a PDF says of itself: title, printed labels, date, author. Works on an open PyMuPDF document; opens nothing.

Not to be called without `pagelens.ingest.readers.mupdf.LOCK`.
"""

import logging
import re
from datetime import datetime
from typing import Any

from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.forms import attachments
from pagelens.ingest.readers.pdf.page_labels import LabelRule, Style
from pagelens.ingest.text.titles import SizedLine, title_from_largest_type, readable_name, is_usable_title, single_line

log = logging.getLogger(__name__)

_DATE = re.compile(r"^(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")
_KEPT = ("author", "subject", "keywords", "creator", "producer")
_STYLES: dict[str, Style] = {"D": "D", "R": "R", "r": "r", "A": "A", "a": "a"}
_DEEPEST = 32  # levels of a number tree


def title(pdf: Any, stem: str) -> str:
    """Return the metadata's title if it is one, else the largest type of page 1, else the file's name as words."""
    stated = single_line((pdf.metadata or {}).get("title") or "")
    if is_usable_title(stated):
        return stated
    try:
        lines = _title_lines(pdf.load_page(0))
    except Exception:  # noqa: BLE001 - SWIG classes without a common root; a broken first page only costs the title
        lines = []
    return title_from_largest_type(lines) or readable_name(stem)


def written_at(pdf: Any) -> datetime | None:
    """Return when the document was made, else last changed, as written there: naive local time."""
    stated = pdf.metadata or {}
    return pdf_date(stated.get("creationDate") or "") or pdf_date(stated.get("modDate") or "")


def pdf_date(text: str) -> datetime | None:
    """Read `D:20240201180937+08'00'` (ISO 32000-1, 7.9.4), the zone left out; None where it is no date."""
    match = _DATE.match(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups())
    try:
        return datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, min(second or 0, 59))
    except ValueError:
        return None


def metadata(pdf: Any) -> dict[str, str | int | float | bool]:
    """Return author, subject, keywords, creator and producer where stated, and the names of attached files.

    `repaired` is there where MuPDF mended the file, `form` (AcroForm or XFA) where it has fields to fill in.
    """
    stated = pdf.metadata or {}
    kept: dict[str, str | int | float | bool] = {
        key: text for key in _KEPT if (text := single_line(stated.get(key) or ""))
    }
    if pdf.is_repaired:
        kept["repaired"] = True
    try:
        kept |= _added(pdf)
    except Exception:  # SWIG classes without a common root; a broken form or attachment is an extra
        log.info("what was added to the pages of a PDF cannot be read", exc_info=True)
    return kept


def _added(pdf: Any) -> dict[str, str]:
    """Return what was added to the pages: a form, attached files."""
    added: dict[str, str] = {}
    if pdf.xref_get_key(pdf.pdf_catalog(), "AcroForm/XFA")[0] != "null":
        added["form"] = "XFA"
    elif pdf.is_form_pdf:
        added["form"] = "AcroForm"
    if names := attachments(pdf):
        added["attachments"] = names
    return added


def has_page_tree(pdf: Any) -> bool:
    """Say whether the catalog leads to a page tree, be it empty."""
    kind, reference = pdf.xref_get_key(pdf.pdf_catalog(), "Pages")
    return kind == "xref" and bool(pdf.xref_get_key(int(reference.split()[0]), "Kids")[0] == "array")


def label_rules(pdf: Any) -> list[LabelRule]:
    """Return the rules for printed page labels in page order; none where the file has none or they cannot be read."""
    mupdf = pymupdf.mupdf
    try:
        trailer = mupdf.pdf_trailer(mupdf.pdf_document_from_fz_document(pdf.this))
        rules = _number_tree(mupdf.pdf_dict_getp(trailer, "Root/PageLabels"), _DEEPEST)
    except Exception:  # noqa: BLE001 - SWIG classes without a common root; labels are an extra
        return []
    return sorted(rules, key=lambda rule: rule.start)


def _number_tree(node: Any, deepest: int) -> list[LabelRule]:
    mupdf = pymupdf.mupdf
    numbers = mupdf.pdf_dict_gets(node, "Nums")
    rules = [
        _rule(mupdf.pdf_to_int(mupdf.pdf_array_get(numbers, at)), mupdf.pdf_array_get(numbers, at + 1))
        for at in range(0, mupdf.pdf_array_len(numbers) - 1, 2)
    ]
    children = mupdf.pdf_dict_gets(node, "Kids")
    for at in range(mupdf.pdf_array_len(children) if deepest else 0):
        rules += _number_tree(mupdf.pdf_array_get(children, at), deepest - 1)
    return rules


def _rule(start: int, entry: Any) -> LabelRule:
    mupdf = pymupdf.mupdf
    style = _STYLES.get(mupdf.pdf_to_name(mupdf.pdf_dict_gets(entry, "S")), "")
    prefix = single_line(mupdf.pdf_to_text_string(mupdf.pdf_dict_gets(entry, "P")))
    first = mupdf.pdf_dict_gets(entry, "St")
    return LabelRule(start, style, prefix, mupdf.pdf_to_int(first) if mupdf.pdf_is_int(first) else 1)


def _title_lines(leaf: Any) -> list[SizedLine]:
    """Return the lines that run across the page as displayed, with type size and place."""
    turn, height = leaf.rotation_matrix, leaf.rect.height
    a, b, c, d = tuple(turn)[:4]
    lines: list[SizedLine] = []
    for block in leaf.get_text("dict", flags=pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CLIP)["blocks"]:
        for line in block.get("lines", ()):
            x, y = line["dir"]
            if a * x + c * y < 0.99 or abs(b * x + d * y) > 0.1:
                continue  # turned: a watermark, a margin note
            top = (pymupdf.Rect(line["bbox"]) * turn).y0 / height
            lines += [SizedLine(text, size, top) for size, text in _runs(line["spans"])]
    return lines


def _runs(spans: Any) -> list[tuple[float, str]]:
    """Return a line's text with its size, parted where that changes: MuPDF may take a label and a title for one."""
    runs: list[tuple[float, str]] = []
    for span in spans:
        text, size = span["text"], span["size"]
        if not text.strip():  # blanks have sizes nobody sees
            runs[-1:] = [(known, before + text) for known, before in runs[-1:]]
        elif runs and abs(runs[-1][0] - size) <= 0.3 * size:  # small capitals are no new line
            runs[-1] = (max(runs[-1][0], size), runs[-1][1] + text)
        else:
            runs.append((size, text))
    return runs
