"""The fields of forms: what people filled in, and where."""

from dataclasses import dataclass
from pathlib import Path

from pagelens.core.types import Box, Kind
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field of a form; `value` is None where nothing is filled in, a bool for a box to tick."""

    name: str  # in the file
    label: str  # what people read beside it, where the file says so
    value: str | bool | tuple[str, ...] | None
    page: int  # from 1
    box: Box


def read_form_fields(path: Path, kind: Kind, options: ReaderOptions = DEFAULT_READER_OPTIONS) -> list[FormField]:
    """Return the fields of a file's form in order; none for kinds that have no forms. Raises ReadError."""
    if kind != "pdf":
        return []
    from pagelens.ingest.readers.pdf.pdf_forms import pdf_form_fields

    rows = pdf_form_fields(path, options.passwords)
    return [
        FormField(name=name, label=label, value=value, page=page, box=box) for name, label, value, page, box in rows
    ]
