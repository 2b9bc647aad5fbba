"""Books, texts, drawings and XPS through PyMuPDF: EPUB, FB2, MOBI, CBZ; plain text, Markdown, HTML; SVG; XPS.

Texts and books have no pages of their own: they are laid out at one size, so that page numbers are the same each time,
and their documents say `pages: estimated`. Nothing is fetched, from the network or from the files around: what is no
archive is handed over as bytes. Knows PyMuPDF; what is read of a page is `pagelens.ingest.readers.mupdf_page`.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import PageLensError, ReadError
from pagelens.core.keys import MAX_PAGES
from pagelens.core.types import Document, Page, no_text
from pagelens.ingest.files.formats import HEAD_BYTES
from pagelens.ingest.files.formats import DocumentFormat, document_format, kind_of
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.readers.html_source import decoded, plain_html, plain_markdown
from pagelens.ingest.readers.mupdf import LOCK, forget, pymupdf, warnings
from pagelens.ingest.readers.mupdf_page import bitmaps, drawn, page_text, words_on
from pagelens.ingest.readers.pdf.pdf_facts import title
from pagelens.ingest.readers.registry import Reading
from pagelens.ingest.text.titles import readable_name, single_line

WIDTH, HEIGHT, TYPE = 432, 648, 11  # points: a trade paperback, about 350 words a page
MOST_TEXT = 64_000_000  # bytes of a text; laid out it takes ten times that
MOST_IN_ARCHIVE = 2_000_000_000  # bytes that a book's archive says it holds, unpacked
_FORGET_EVERY = 8  # pages

_NAMES: dict[DocumentFormat, str] = {"Markdown": "md", "text": "txt", "FB2": "fb2", "HTML": "html", "SVG": "svg"}
_ARCHIVES = ("EPUB", "CBZ", "XPS")
# Long words and lines of code go on in the next line instead of over the edge.
_STYLE = (
    "* { overflow-wrap: break-word } pre { white-space: pre-wrap }"
    " blockquote blockquote blockquote, ul ul ul ul ul, ol ol ol ol ol { margin-left: 0; padding-left: 0 }"
)
with LOCK:
    pymupdf.mupdf.fz_set_user_css(_STYLE)


@contextmanager
def opened(path: Path, *, sha256: str, size: int) -> Iterator[Reading]:
    """Open a file whose hash and size in bytes are known.

    Raises ReadError: encrypted, damaged, no-pages, too-large, mislabelled, denied, vanished.
    """
    form, book = _open(path)
    try:
        with LOCK, _translated(form):
            document = _document(book, path, form, sha256, size)
        pages = partial(_pages, book, document.page_count)
        yield Reading(document, pages, partial(_picture, book, form), partial(_bitmaps, book, form))
    finally:
        with LOCK:
            book.close()
            forget()


def render(path: Path, number: int, *, longest: int) -> Image.Image:
    """Return page `number` (from 1) as an RGB picture with a longer side of `longest` pixels."""
    form, book = _open(path)
    try:
        return _picture(book, form, number, longest)
    finally:
        with LOCK:
            book.close()
            forget()


@contextmanager
def _translated(form: DocumentFormat) -> Iterator[None]:
    """Turn what PyMuPDF raises (RuntimeError, ValueError, SWIG classes without a common root) into ReadError."""
    try:
        yield
    except PageLensError:
        raise
    except Exception as exc:
        said = str(exc.__cause__ or exc) or type(exc).__name__
        if "DRM" in said or "encrypt" in said.lower():
            raise ReadError("encrypted", f"this {form} is locked to a reader ({said}): export it without") from exc
        raise ReadError("damaged", f"not readable as {form} ({said}): copy or download it again") from exc


def _open(path: Path) -> tuple[DocumentFormat, Any]:
    """Return the format and an open PyMuPDF document of at least one page."""
    try:
        with path.open("rb") as file:
            form = document_format(file.read(HEAD_BYTES), path)
            if form is None:
                raise ReadError("mislabelled", f"expected a book or a text, found something else named {path.suffix}")
            _check_size(form, path)
            file.seek(0)
            data = b"" if form in _ARCHIVES or form == "MOBI" else file.read()
            with LOCK:
                forget()
                with _translated(form):
                    book = _opened_book(form, data, file.fileno(), path)
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    with LOCK:
        try:
            with _translated(form):
                _check(book, form)
        except ReadError:
            book.close()
            raise
    return form, book


def _opened_book(form: DocumentFormat, data: bytes, descriptor: int, path: Path) -> Any:
    if form in _ARCHIVES or form == "MOBI":
        name = str(path)
        try:
            name.encode()
        except UnicodeEncodeError:  # bytes that are no UTF-8: MuPDF cannot say the name, but can open the open file
            name = f"/dev/fd/{descriptor}"
        return pymupdf.open(name, filetype=form.lower())
    if form in ("text", "Markdown", "HTML"):
        text = decoded(data)
        text = plain_html(text) if form == "HTML" else plain_markdown(text) if form == "Markdown" else text
        data = b"\xef\xbb\xbf" + text.encode(errors="replace")  # the mark: without it MuPDF takes a text for Latin-1
    return pymupdf.open(stream=data, filetype=_NAMES[form])


def _check_size(form: DocumentFormat, path: Path) -> None:
    size = path.stat().st_size
    if form in _ARCHIVES:
        try:
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as exc:
            raise ReadError("damaged", f"not readable as {form} ({exc}): copy or download it again") from exc
    most = MOST_IN_ARCHIVE if form in _ARCHIVES else MOST_TEXT
    if size > most:
        raise ReadError("too-large", f"expected at most {most:,} bytes of {form}, found {size:,}: split it")


def _check(book: Any, form: DocumentFormat) -> None:
    if book.needs_pass:
        raise ReadError("encrypted", f"this {form} asks for a password: save a copy without one")
    if book.is_reflowable:
        book.layout(width=WIDTH, height=HEIGHT, fontsize=TYPE)
    count = book.page_count
    if count > MAX_PAGES:
        raise ReadError("too-large", f"expected at most {MAX_PAGES} pages, found {count}: split it")
    if count < 1:
        raise ReadError("no-pages", f"this {form} has no pages")


def _document(book: Any, path: Path, form: DocumentFormat, sha256: str, size: int) -> Document:
    facts: dict[str, str | int | float | bool] = {"format": form}
    if author := single_line((book.metadata or {}).get("author") or ""):
        facts["author"] = author
    if book.is_reflowable:
        facts["pages"] = "estimated"
    name = readable_name(path.stem) if form == "text" else title(book, path.stem)  # plain text has one size of type
    return Document(sha256, kind_of(form), name, book.page_count, size, metadata=facts)


def _pages(book: Any, count: int, first: int) -> Iterator[Page]:
    """Yield the pages from `first` (from 1) on. One that cannot be read says so; ReadError when none could be."""
    lost = 0
    for number in range(first, count + 1):
        with LOCK:
            page = _page(book, number)
            if number % _FORGET_EVERY == 0:
                forget()
        lost += page.width == 0
        if lost == count:
            raise ReadError("damaged", f"none of its {count} pages could be read; the last one: {page.problem}")
        yield page


def _page(book: Any, number: int) -> Page:
    warnings()  # those of the page before
    try:
        leaf = book.load_page(number - 1)
        text, problem = page_text(leaf, words_on(leaf))
        return Page(number, None, leaf.rect.width, leaf.rect.height, text, problem=problem)
    except Exception as exc:  # noqa: BLE001 - SWIG classes without a common root; the document goes on without the page
        said = str(exc.__cause__ or exc) or type(exc).__name__
        return Page(number, None, 0.0, 0.0, no_text(), problem=f"the page cannot be read: {said}")


def _leaf(book: Any, number: int) -> Any:
    if not 1 <= number <= book.page_count:
        raise ReadError("damaged", f"expected a page from 1 to {book.page_count}, found page {number}")
    return book.load_page(number - 1)


def _picture(book: Any, form: DocumentFormat, number: int, longest: int) -> Image.Image:
    with LOCK, _translated(form):
        return drawn(_leaf(book, number), longest=longest)


def _bitmaps(book: Any, form: DocumentFormat, number: int) -> NDArray[np.float32]:
    """Return where bitmaps stand on the page: (n, 4), 0..1."""
    with LOCK, _translated(form):
        return bitmaps(_leaf(book, number))
