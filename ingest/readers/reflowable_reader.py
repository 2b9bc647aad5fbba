"""The reader of books, texts, drawings and XPS, on PyMuPDF: EPUB, FB2, MOBI, CBZ, SVG, XPS, and texts of all formats.

Texts and books have no fixed pages: they are laid out at one size, so that page numbers are the same each time, and
their metadata says `pages: estimated`. Nothing is loaded from the network or from other files: formats that are not
archives are passed to MuPDF as bytes. What a text says is read by `pagelens.ingest.readers.texts.converters`.
"""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from PIL import Image

from pagelens.core.errors import PageLensError, ReadError
from pagelens.core.keys import MAX_PAGES
from pagelens.core.types import Document, Kind, Page, no_text
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.files.formats import HEAD_BYTES, DocumentFormat, document_format, kind_of
from pagelens.ingest.files.path_facts import title_or_names
from pagelens.ingest.readers.korean_words import join_syllables, korean_book
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
from pagelens.ingest.readers.texts.archive_listing import ARCHIVES, archive_source
from pagelens.ingest.readers.texts.converters import read_source
from pagelens.ingest.readers.texts.text_source import TextSource
from pagelens.ingest.text.titles import single_line

PAGE_WIDTH, PAGE_HEIGHT, TYPE_SIZE = 432, 648, 11  # points: a trade paperback, about 350 words a page
MAX_BYTES = 64_000_000  # of a text; laying it out takes ten times that
MAX_UNPACKED_BYTES = 2_000_000_000  # of a book's archive, as its directory states

_MUPDF_TYPES: dict[DocumentFormat, str] = {"FB2": "fb2", "SVG": "svg"}  # of formats opened as bytes, texts apart
_ARCHIVES = ("EPUB", "CBZ", "XPS")
# Long words and lines of code are wrapped instead of running over the edge.
_STYLE = (
    "* { overflow-wrap: break-word } pre { white-space: pre-wrap }"
    " blockquote blockquote blockquote, ul ul ul ul ul, ol ol ol ol ol { margin-left: 0; padding-left: 0 }"
)
with LOCK:
    pymupdf.mupdf.fz_set_user_css(_STYLE)


@contextmanager
def open_document(path: Path, *, sha256: str, size: int, other_paths: Sequence[Path] = ()) -> Iterator[OpenedDocument]:
    """Open a file whose hash and size in bytes are known.

    Raises ReadError: encrypted, damaged, no-pages, too-large, mislabelled, denied, vanished.
    """
    opened = _open(path)
    translate = partial(_translate_errors, opened.file_format)
    try:
        with LOCK, translate():
            document = _document(opened, (path, *other_paths), sha256, size)
        pages = opened_document(opened.book, document, partial(_page, opened), translate)
        # A text's pages are drawn from its words; a book's may have drawings with words.
        yield replace(pages, has_all_words=opened.source is not None)
    finally:
        close_document(opened.book)


def render_page(path: Path, number: int, *, longest: int) -> Image.Image:
    """Return page `number` (from 1) as an RGB image with a longer side of `longest` pixels. Raises ReadError."""
    file_format, book, _ = _open(path)
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


class _OpenBook(NamedTuple):
    file_format: DocumentFormat
    book: Any  # an open PyMuPDF document of at least one page
    source: TextSource | None  # what a text says; None for other kinds


def _open(path: Path) -> _OpenBook:
    try:
        with path.open("rb") as file:
            file_format = document_format(file.read(HEAD_BYTES), path)
            if file_format is None:
                raise ReadError("mislabelled", f"expected a book or a text, found something else named {path.suffix}")
            _check_size(file_format, path)
            file.seek(0)
            data = b"" if _is_opened_by_name(file_format) or file_format in ARCHIVES else file.read()
            with LOCK:
                free_caches()
                with _translate_errors(file_format):
                    source = _source(data, file_format, path)
                    book = _open_file(file_format, data, source, file, path)
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    with LOCK:
        try:
            with _translate_errors(file_format):
                _lay_out(book, file_format)
        except ReadError:
            book.close()
            raise
    return _OpenBook(file_format, book, source)


def _source(data: bytes, file_format: DocumentFormat, path: Path) -> TextSource | None:
    if file_format in ARCHIVES:
        return archive_source(path)
    return read_source(data, file_format) if _kind(file_format) == "text" else None


def _kind(file_format: DocumentFormat) -> Kind:
    """Return the kind that this reader reads a format as: where LibreOffice is missing, RTF is a text."""
    return "text" if file_format == "RTF" else kind_of(file_format)


def _is_opened_by_name(file_format: DocumentFormat) -> bool:
    return file_format in _ARCHIVES or file_format == "MOBI"


def _open_file(file_format: DocumentFormat, data: bytes, source: TextSource | None, file: BinaryIO, path: Path) -> Any:
    if file_format == "EPUB" and (data := korean_book(file) or b""):
        return pymupdf.open(stream=data, filetype="epub")
    if _is_opened_by_name(file_format):
        return pymupdf.open(name_for_mupdf(path, file), filetype=file_format.lower())
    if source is None:
        return pymupdf.open(stream=data, filetype=_MUPDF_TYPES[file_format])
    # Without the byte order mark MuPDF takes a text for Latin-1.
    data = b"\xef\xbb\xbf" + join_syllables(source.markup or " ").encode(errors="replace")
    return pymupdf.open(stream=data, filetype=source.markup_type)


def _check_size(file_format: DocumentFormat, path: Path) -> None:
    size = 0 if file_format in ARCHIVES else path.stat().st_size
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


def _document(opened: _OpenBook, paths: Sequence[Path], sha256: str, size: int) -> Document:
    file_format, book, source = opened
    facts: dict[str, str | int | float | bool] = {"format": file_format, **(source.facts if source else {})}
    if author := single_line((book.metadata or {}).get("author") or ""):
        facts["author"] = author
    if book.is_reflowable:
        facts["pages"] = "estimated"
    stated = single_line(source.title) if source else ""
    # Where a text is in one type size, that does not show a title.
    if not stated and (source is None or source.shows_title):
        stated = document_title(book)
    kind = _kind(file_format)
    title, path_facts = title_or_names(stated, kind, paths)
    return Document(
        sha256=sha256,
        kind=kind,
        title=title,
        page_count=book.page_count,
        size=size,
        date=source.date if source else None,
        metadata=facts,
        path_facts=path_facts,
    )


def _page(opened: _OpenBook, number: int) -> tuple[Page, bool]:
    """Return the page, and whether it could not be read."""
    _, book, source = opened
    take_warnings()  # discard those of the page before
    width = height = 0.0
    text = no_text()
    try:
        mupdf_page = book.load_page(number - 1)
        width, height = mupdf_page.rect.width, mupdf_page.rect.height
        text, problem = page_text(mupdf_page, page_words(mupdf_page))
        if source is not None and not problem:
            problem = source.problem or ("" if text.text.isascii() else source.doubt)
    except Exception as exc:  # noqa: BLE001 - SWIG classes without a common base; the other pages can still be read
        problem, width, height = f"the page cannot be read: {error_text(exc)}", 0.0, 0.0
    page = Page(number=number, label=None, width=width, height=height, text=text, problem=problem)
    return page, page.width == 0
