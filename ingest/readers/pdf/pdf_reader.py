"""PDFs through PyMuPDF: words with boxes, fields, comments, title, printed labels, dates, page pictures.

Knows PyMuPDF; does not know passages, windows or what was indexed before. What is read of a page is `pagelens.ingest.readers.mupdf_page`.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import PageLensError, ReadError
from pagelens.core.keys import MAX_PAGES
from pagelens.core.types import Document, Page, PageText, no_text
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.readers.mupdf import LOCK, forget, pymupdf, warnings
from pagelens.ingest.readers.mupdf_page import FoundWord, bitmaps, drawn, page_text, words_on
from pagelens.ingest.readers.pdf.forms import ONLY_XFA, comments, is_only_xfa, missing_from, with_fields, xfa_values
from pagelens.ingest.readers.pdf.page_labels import LabelRule, label
from pagelens.ingest.readers.pdf.pdf_facts import has_page_tree, label_rules, metadata, title, written_at
from pagelens.ingest.readers.registry import Reading

_FORGET_EVERY = 8  # pages
_LONGEST_CAPTION = 8_000  # characters

# What MuPDF says of a page whose content it gave up on; and what it says of sound pages too, unless nothing was found.
_CUT_SHORT = re.compile("page may not be correct|treating as end of file|ignoring rest of page")
_DOUBTFUL = re.compile("stream Length incorrect|premature end of data|zlib error")


@contextmanager
def opened(
    path: Path, *, sha256: str, size: int, passwords: Sequence[str] = (), stem: str | None = None
) -> Iterator[Reading]:
    """Open a PDF whose hash and size in bytes are known. Memory does not grow with the pages read.

    One that is encrypted is opened with no password, else with one of `passwords`. Where nothing in it says what it is
    called, `stem` does, else its file's name.

    Raises ReadError: encrypted, damaged, no-pages, too-large, denied, vanished.
    """
    pdf = _open(path, passwords)
    try:
        with LOCK, _translated():
            document = _document(pdf, path.stem if stem is None else stem, sha256, size)
            rules = label_rules(pdf)
        pages = partial(_pages, pdf, document.page_count, rules)
        yield Reading(document, pages, partial(_picture, pdf), partial(_bitmaps, pdf))
    finally:
        with LOCK:
            pdf.close()
            forget()


def render_page(
    path: Path, number: int, *, longest: int | None = None, width: int | None = None, passwords: Sequence[str] = ()
) -> Image.Image:
    """Return page `number` (from 1) as an RGB picture, drawn at its size: `longest` or `width` in pixels.

    A picture of more than `pagelens.ingest.readers.mupdf_page.MAX_PIXELS` is drawn smaller. Raises ReadError as `opened` does.
    """
    assert (longest is None) != (width is None), "give longest or width"
    pdf = _open(path, passwords)
    try:
        with LOCK, _translated():
            return drawn(_leaf(pdf, number), longest=longest, width=width)
    finally:
        with LOCK:
            pdf.close()
            forget()


def render(path: Path, number: int, *, longest: int, passwords: Sequence[str] = ()) -> Image.Image:
    """Return page `number` (from 1) as an RGB picture with a longer side of `longest` pixels."""
    return render_page(path, number, longest=longest, passwords=passwords)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what PyMuPDF raises (RuntimeError, ValueError, SWIG classes without a common root) into ReadError."""
    try:
        yield
    except PageLensError:
        raise
    except Exception as exc:
        raise ReadError("damaged", f"not readable as a PDF ({_said(exc)}): copy or download it again") from exc


def _said(exc: BaseException) -> str:
    said = str(exc.__cause__ or exc) or type(exc).__name__
    return re.sub(r"^code=\d+: ", "", said)


def _open(path: Path, passwords: Sequence[str]) -> Any:
    """Return an open PyMuPDF document of at least one page."""
    with LOCK:
        forget()
        with _translated():
            pdf = _open_any_name(path)
        try:
            with _translated():
                _unlock(pdf, passwords)
                _check(pdf)
        except ReadError:
            pdf.close()
            raise
        return pdf


def _open_any_name(path: Path) -> Any:
    try:
        file = path.open("rb")
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    with file:
        if not file.read(1):
            raise ReadError("empty", "expected a PDF, found 0 bytes")
        name = str(path)
        try:
            name.encode()
        except UnicodeEncodeError:  # bytes that are no UTF-8: MuPDF cannot say the name, but can open the open file
            name = f"/dev/fd/{file.fileno()}"
        return pymupdf.open(name, filetype="pdf")


def _unlock(pdf: Any, passwords: Sequence[str]) -> None:
    if not pdf.is_pdf:
        raise ReadError("mislabelled", "expected a PDF, found another format")
    if pdf.needs_pass and not any(pdf.authenticate(password) for password in passwords):
        tried = f"none of the {len(passwords)} given opens it" if passwords else "give it, or save a copy without one"
        raise ReadError("encrypted", f"the PDF asks for a password: {tried}")


def _check(pdf: Any) -> None:
    count = pdf.page_count
    if count > MAX_PAGES:
        raise ReadError("too-large", f"expected at most {MAX_PAGES} pages, found {count}: split it")
    if count < 1 and pdf.is_repaired and not has_page_tree(pdf):
        raise ReadError("damaged", "no page is left in this PDF: copy or download it again")
    if count < 1:
        raise ReadError("no-pages", "the PDF has no pages")
    if count >= pdf.xref_length():  # every page is an object of its own
        raise ReadError("damaged", f"the PDF claims {count} pages but has {pdf.xref_length()} objects")


def _document(pdf: Any, stem: str, sha256: str, size: int) -> Document:
    return Document(
        sha256=sha256,
        kind="pdf",
        title=title(pdf, stem),
        page_count=pdf.page_count,
        size=size,
        date=written_at(pdf),
        metadata=metadata(pdf),
    )


def _pages(pdf: Any, count: int, rules: list[LabelRule], first: int) -> Iterator[Page]:
    """Yield the pages from `first` (from 1) on. One that cannot be read says so; ReadError when none could be."""
    lost = 0
    for number in range(first, count + 1):
        with LOCK:
            page, is_lost = _page(pdf, number, label(rules, number - 1))
            if number % _FORGET_EVERY == 0:
                forget()
        lost += is_lost
        if lost == count:
            raise ReadError("damaged", f"none of its {count} pages could be read; the last one: {page.problem}")
        yield page


def _page(pdf: Any, number: int, printed: str | None) -> tuple[Page, bool]:
    """Return the page, and whether nothing of it could be read, not even blankness."""
    warnings()  # those of the page before
    width = height = 0.0
    text, problem, caption = no_text(), "", ""
    try:
        leaf = pdf.load_page(number - 1)
        width, height = leaf.rect.width, leaf.rect.height
        found, spoilt = _with_fields(leaf, words_on(leaf))
        text, problem = page_text(leaf, found)
        caption, unshown = _beside(pdf, leaf, text)
        problem = problem or spoilt or unshown
        lost = _loss(pdf, leaf)
    except Exception as exc:  # noqa: BLE001 - SWIG classes without a common root; the document goes on without the page
        lost = f"the page cannot be read: {_said(exc)}"
    complaints = warnings()
    if _CUT_SHORT.search(complaints) or (not text.text and _DOUBTFUL.search(complaints)):
        problem = problem or "read in part at most: its content is damaged"
    return Page(
        number=number, label=printed, width=width, height=height, text=text, caption=caption, problem=lost or problem
    ), bool(lost)


def _with_fields(leaf: Any, found: list[FoundWord]) -> tuple[list[FoundWord], str]:
    try:
        return with_fields(leaf, found), ""
    except Exception as exc:  # noqa: BLE001 - SWIG classes without a common root; a broken form costs no page
        return found, f"its form fields cannot be read: {_said(exc)}"


def _beside(pdf: Any, leaf: Any, text: PageText) -> tuple[str, str]:
    """Return the words to find the page by that do not stand on it, and what is missing of them or of the page."""
    try:
        lines = comments(leaf)
        if leaf.number or "null" in pdf.xref_get_key(pdf.pdf_catalog(), "AcroForm/XFA"):
            return lines, ""
        values = missing_from(text.text, xfa_values(pdf))
        only_xfa = is_only_xfa(pdf)
    except Exception as exc:  # noqa: BLE001 - as above
        return "", f"its comments cannot be read: {_said(exc)}"
    return "\n".join(filter(None, (lines, *values)))[:_LONGEST_CAPTION], ONLY_XFA if only_xfa else ""


def _leaf(pdf: Any, number: int) -> Any:
    if not 1 <= number <= pdf.page_count:
        raise ReadError("damaged", f"expected a page from 1 to {pdf.page_count}, found page {number}")
    return pdf.load_page(number - 1)


def _picture(pdf: Any, number: int, longest: int) -> Image.Image:
    """Return a page of the open file, drawn at its size."""
    with LOCK, _translated():
        return drawn(_leaf(pdf, number), longest=longest)


def _bitmaps(pdf: Any, number: int) -> NDArray[np.float32]:
    """Return where bitmaps stand on the page as displayed: (n, 4), 0..1."""
    with LOCK, _translated():
        return bitmaps(_leaf(pdf, number))


def _loss(pdf: Any, leaf: Any) -> str:
    """Say what is missing where MuPDF silently shows a blank page."""
    if pdf.xref_get_key(leaf.xref, "Type")[1] != "/Page" and pdf.xref_get_key(leaf.xref, "MediaBox")[0] == "null":
        return "the page is missing from the file"
    if any(not pdf.xref_is_stream(content) for content in leaf.get_contents()):
        return "the page's content is missing from the file"
    return ""
