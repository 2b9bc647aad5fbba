"""The files attached to a PDF: to the document, as in a portfolio, or to a page as an annotation."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pagelens.core.errors import ReadError
from pagelens.ingest.readers.mupdf import LOCK, pymupdf
from pagelens.ingest.readers.mupdf_document import close_document, error_text, name_for_mupdf, translate_mupdf_errors
from pagelens.ingest.readers.pdf.encryption import ATTACHMENTS_LOCKED, unlock
from pagelens.ingest.readers.pdf.forms import attachment_name

MAX_ANNOTATED_PAGES = 2_000  # pages whose annotations are looked at for attached files


def attached_files(path: Path, passwords: Sequence[str] = ()) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the name of each attached file and the function that returns its bytes, which raises ReadError."""
    with path.open("rb") as file, LOCK, translate_mupdf_errors("a PDF"):
        pdf = pymupdf.open(name_for_mupdf(path, file), filetype="pdf")
    try:
        with LOCK, translate_mupdf_errors("a PDF"):
            is_locked = unlock(pdf, passwords)
            found = [*_of_document(pdf), *_of_pages(pdf)]
        for name, load in found:
            yield name, _Loader(load, is_locked=is_locked)
    finally:
        close_document(pdf)


class _Loader:
    """Loads an attached file; translates MuPDF's errors."""

    def __init__(self, load: Callable[[], bytes], *, is_locked: bool) -> None:
        self._load, self._is_locked = load, is_locked

    def __call__(self) -> bytes:
        if self._is_locked:
            raise ReadError("encrypted", ATTACHMENTS_LOCKED)
        try:
            with LOCK:
                return self._load()
        except MemoryError:
            raise
        except Exception as exc:
            raise ReadError("damaged", f"it cannot be taken out of the PDF ({error_text(exc)})") from exc


def _of_document(pdf: Any) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for position in range(pdf.embfile_count()):
        yield attachment_name(pdf.embfile_info(position)), partial(_embedded_file, pdf, position)


def _of_pages(pdf: Any) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for number in range(min(pdf.page_count, MAX_ANNOTATED_PAGES)):
        page = pdf.load_page(number)
        for note in page.annots(types=[pymupdf.PDF_ANNOT_FILE_ATTACHMENT]) if page.first_annot else ():
            yield attachment_name(note.file_info), partial(_annotation_file, pdf, number, note.xref)


def _embedded_file(pdf: Any, position: int) -> bytes:
    return bytes(pdf.embfile_get(position))


def _annotation_file(pdf: Any, number: int, xref: int) -> bytes:
    page = pdf.load_page(number)  # an annotation is gone with its page
    return bytes(page.load_annot(xref).get_file())
