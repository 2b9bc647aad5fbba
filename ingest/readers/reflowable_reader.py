"""The reader of books, texts, drawings and XPS, on PyMuPDF: EPUB, FB2, MOBI, CBZ, text, Markdown, HTML, SVG, XPS.

Texts and books have no fixed pages: they are laid out at one size, so that page numbers are the same each time, and
their metadata says `pages: estimated`. Nothing is loaded from the network or from other files: formats that are not
archives are passed to MuPDF as bytes.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from pagelens.core.errors import PageLensError, ReadError
from pagelens.core.keys import MAX_PAGES
from pagelens.core.types import Document, Page, no_text
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.files.formats import HEAD_BYTES, DocumentFormat, document_format, kind_of
from pagelens.ingest.readers.html_source import decode_text, sanitize_html, sanitize_markdown
from pagelens.ingest.readers.mupdf import LOCK, free_caches, pymupdf, take_warnings
from pagelens.ingest.readers.mupdf_document import (
    close_document,
    document_title,
    error_text,
    load_page,
    name_for_mupdf,
    opened_document,
    translate_mupdf_errors,
)
from pagelens.ingest.readers.mupdf_page import page_text, page_words, render_image
from pagelens.ingest.readers.reader import OpenedDocument
from pagelens.ingest.text.titles import readable_name, single_line

PAGE_WIDTH, PAGE_HEIGHT, TYPE_SIZE = 432, 648, 11  # points: a trade paperback, about 350 words a page
MAX_BYTES = 64_000_000  # of a text; laying it out takes ten times that
MAX_UNPACKED_BYTES = 2_000_000_000  # of a book's archive, as its directory states

_MUPDF_TYPES: dict[DocumentFormat, str] = {  # every other format that is opened as bytes is plain text
    "Markdown": "md",
    "FB2": "fb2",
    "HTML": "html",
    "SVG": "svg",
}
_ARCHIVES = ("EPUB", "CBZ", "XPS")
# Long words and lines of code are wrapped instead of running over the edge.
_STYLE = (
    "* { overflow-wrap: break-word } pre { white-space: pre-wrap }"
    " blockquote blockquote blockquote, ul ul ul ul ul, ol ol ol ol ol { margin-left: 0; padding-left: 0 }"
)
with LOCK:
    pymupdf.mupdf.fz_set_user_css(_STYLE)


@contextmanager
def open_document(path: Path, *, sha256: str, size: int) -> Iterator[OpenedDocument]:
    """Open a file whose hash and size in bytes are known.

    Raises ReadError: encrypted, damaged, no-pages, too-large, mislabelled, denied, vanished.
    """
    file_format, book = _open(path)
    translate = partial(_translate_errors, file_format)
    try:
        with LOCK, translate():
            document = _document(book, path, file_format, sha256, size)
        yield opened_document(book, document, partial(_page, book), translate)
    finally:
        close_document(book)


def render_page(path: Path, number: int, *, longest: int) -> Image.Image:
    """Return page `number` (from 1) as an RGB image with a longer side of `longest` pixels. Raises ReadError."""
    file_format, book = _open(path)
    try:
        with LOCK, _translate_errors(file_format):
            return render_image(load_page(book, number), longest=longest)
    finally:
        close_document(book)


@contextmanager
def _translate_errors(file_format: DocumentFormat) -> Iterator[None]:
    """Turn what PyMuPDF raises into ReadError: encrypted for a book with DRM, else damaged."""
    with translate_mupdf_errors(file_format):
        try:
            yield
        except PageLensError:
            raise
        except Exception as exc:
            text = error_text(exc)
            if "DRM" in text or "encrypt" in text.lower():
                raise ReadError(
                    "encrypted", f"this {file_format} is locked to a reader ({text}): export it without"
                ) from exc
            raise


def _open(path: Path) -> tuple[DocumentFormat, Any]:
    """Return the format and an open PyMuPDF document of at least one page."""
    try:
        with path.open("rb") as file:
            file_format = document_format(file.read(HEAD_BYTES), path)
            if file_format is None:
                raise ReadError("mislabelled", f"expected a book or a text, found something else named {path.suffix}")
            _check_size(file_format, path)
            file.seek(0)
            data = b"" if _is_opened_by_name(file_format) else file.read()
            with LOCK:
                free_caches()
                with _translate_errors(file_format):
                    book = _open_file(file_format, data, file, path)
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    with LOCK:
        try:
            with _translate_errors(file_format):
                _lay_out(book, file_format)
        except ReadError:
            book.close()
            raise
    return file_format, book


def _is_opened_by_name(file_format: DocumentFormat) -> bool:
    return file_format in _ARCHIVES or file_format == "MOBI"


def _open_file(file_format: DocumentFormat, data: bytes, file: BinaryIO, path: Path) -> Any:
    if _is_opened_by_name(file_format):
        return pymupdf.open(name_for_mupdf(path, file), filetype=file_format.lower())
    if kind_of(file_format) == "text":
        text = decode_text(data)
        if file_format == "HTML":
            text = sanitize_html(text)
        elif file_format == "Markdown":
            text = sanitize_markdown(text)
        # Without the byte order mark MuPDF takes a text for Latin-1.
        data = b"\xef\xbb\xbf" + text.encode(errors="replace")
    return pymupdf.open(stream=data, filetype=_MUPDF_TYPES.get(file_format, "txt"))


def _check_size(file_format: DocumentFormat, path: Path) -> None:
    size = path.stat().st_size
    if file_format in _ARCHIVES:
        try:
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as exc:
            raise ReadError("damaged", f"not readable as {file_format} ({exc}): copy or download it again") from exc
    limit = MAX_UNPACKED_BYTES if file_format in _ARCHIVES else MAX_BYTES
    if size > limit:
        raise ReadError("too-large", f"expected at most {limit:,} bytes of {file_format}, found {size:,}: split it")


def _lay_out(book: Any, file_format: DocumentFormat) -> None:
    """Lay the book out where it has no fixed pages; check that it can be read."""
    if book.needs_pass:
        raise ReadError("encrypted", f"this {file_format} asks for a password: save a copy without one")
    if book.is_reflowable:
        book.layout(width=PAGE_WIDTH, height=PAGE_HEIGHT, fontsize=TYPE_SIZE)
    count = book.page_count
    if count > MAX_PAGES:
        raise ReadError("too-large", f"expected at most {MAX_PAGES} pages, found {count}: split it")
    if count < 1:
        raise ReadError("no-pages", f"this {file_format} has no pages")


def _document(book: Any, path: Path, file_format: DocumentFormat, sha256: str, size: int) -> Document:
    facts: dict[str, str | int | float | bool] = {"format": file_format}
    if author := single_line((book.metadata or {}).get("author") or ""):
        facts["author"] = author
    if book.is_reflowable:
        facts["pages"] = "estimated"
    # In one type size, which does not show a title.
    is_plain = kind_of(file_format) == "text" and file_format not in _MUPDF_TYPES
    return Document(
        sha256=sha256,
        kind=kind_of(file_format),
        title=readable_name(path.stem) if is_plain else document_title(book, path.stem),
        page_count=book.page_count,
        size=size,
        metadata=facts,
    )


def _page(book: Any, number: int) -> tuple[Page, bool]:
    """Return the page, and whether it could not be read."""
    take_warnings()  # discard those of the page before
    width = height = 0.0
    text = no_text()
    try:
        mupdf_page = book.load_page(number - 1)
        width, height = mupdf_page.rect.width, mupdf_page.rect.height
        text, problem = page_text(mupdf_page, page_words(mupdf_page))
    except Exception as exc:  # noqa: BLE001 - SWIG classes without a common base; the other pages can still be read
        problem, width, height = f"the page cannot be read: {error_text(exc)}", 0.0, 0.0
    page = Page(number=number, label=None, width=width, height=height, text=text, problem=problem)
    return page, page.width == 0
