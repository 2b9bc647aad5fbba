"""The fields of a PDF form, with what is filled in and where each stands."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pagelens.core.types import Box
from pagelens.ingest.readers.mupdf import LOCK, pymupdf
from pagelens.ingest.readers.mupdf_document import close_document, name_for_mupdf, translate_mupdf_errors
from pagelens.ingest.readers.pdf.encryption import unlock

_TICKED = ("CheckBox", "RadioButton")
_NO_VALUE = ("Button", "Signature")

FieldRow = tuple[str, str, str | bool | tuple[str, ...] | None, int, Box]
"""Name, label, value, page number from 1, and box of a field."""


def pdf_form_fields(path: Path, passwords: Sequence[str] = ()) -> list[FieldRow]:
    """Return the fields of a form in the order of its pages; buttons and signatures are none. Raises ReadError.

    The value of a box to tick is whether it is; of a group of which one is chosen the chosen one's name.
    """
    with path.open("rb") as file, LOCK, translate_mupdf_errors("a PDF"):
        pdf = pymupdf.open(name_for_mupdf(path, file), filetype="pdf")
    try:
        with LOCK, translate_mupdf_errors("a PDF"):
            unlock(pdf, passwords)
            return list(_fields(pdf))
    finally:
        close_document(pdf)


def _fields(pdf: Any) -> Iterator[FieldRow]:
    chosen: dict[str, bool] = {}  # groups of radio buttons -> whether one was yielded
    for index in range(pdf.page_count):
        page = pdf[index]
        for widget in page.widgets() or ():
            kind = widget.field_type_string
            if kind in _NO_VALUE:
                continue
            value = _value(widget)
            if kind == "RadioButton":
                is_chosen = value is True
                if chosen.get(widget.field_name) or (not is_chosen and widget.field_name in chosen):
                    continue
                chosen[widget.field_name] = is_chosen
                value = str(widget.on_state()) if is_chosen else None
            yield widget.field_name or "", widget.field_label or "", value, index + 1, _box(widget, page)


def _value(widget: Any) -> str | bool | tuple[str, ...] | None:
    value = widget.field_value
    if widget.field_type_string in _TICKED:
        return bool(value) and value not in ("Off", "No", False)
    if isinstance(value, list | tuple):
        return tuple(map(str, value)) or None
    return str(value) if value else None


def _box(widget: Any, page: Any) -> Box:
    """Return a field's place on the page as displayed."""
    rect = widget.rect * page.rotation_matrix
    width, height = page.rect.width, page.rect.height
    edges = (rect.x0 / width, rect.y0 / height, rect.x1 / width, rect.y1 / height)
    x0, y0, x1, y1 = (min(1.0, max(0.0, float(edge))) for edge in edges)
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
