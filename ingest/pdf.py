"""PDFs through PyMuPDF: words with boxes, title, printed labels, dates, page pictures.

Knows PyMuPDF; does not know passages, windows or what was indexed before. Words come in the order in which the file
draws them, which keeps columns apart. Coordinates follow the page as displayed: crop box and rotation applied.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import PageLensError, ReadError
from core.keys import MAX_PAGES
from core.types import Document, Page, PageText, no_text
from ingest.labels import LabelRule, label
from ingest.mupdf import LOCK, forget, pymupdf, warnings
from ingest.pdf_facts import has_page_tree, label_rules, metadata, title, written_at
from ingest.readers import Reading
from ingest.sources import unreadable
from ingest.usable_text import WORDS_LOST
from ingest.words import REPLACEMENT, Word, assemble, visual_lines

MAX_PIXELS = 40_000_000  # of a page picture: 120 MB
_FORGET_EVERY = 8  # pages

# Ligatures come apart ("fi", not one sign); a glyph without a Unicode value stays U+FFFD instead of a made-up letter.
_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CLIP
_BLANKS = "".join(map(chr, (0x1680, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)))

# What MuPDF says of a page whose content it gave up on; and what it says of sound pages too, unless nothing was found.
_CUT_SHORT = re.compile("page may not be correct|treating as end of file|ignoring rest of page")
_DOUBTFUL = re.compile("stream Length incorrect|premature end of data|zlib error")


@contextmanager
def opened(path: Path, *, sha256: str, size: int) -> Iterator[Reading]:
    """Open a PDF whose hash and size in bytes are known. Memory does not grow with the pages read.

    Raises ReadError: encrypted, damaged, no-pages, too-large, denied, vanished.
    """
    pdf = _open(path)
    try:
        with LOCK, _translated():
            document = _document(pdf, path, sha256, size)
            rules = label_rules(pdf)
        pages = partial(_pages, pdf, document.page_count, rules)
        yield Reading(document, pages, partial(_picture, pdf), partial(_bitmaps, pdf))
    finally:
        with LOCK:
            pdf.close()
            forget()


def render_page(path: Path, number: int, *, longest: int | None = None, width: int | None = None) -> Image.Image:
    """Return page `number` (from 1) as an RGB picture, drawn at its size: `longest` or `width` in pixels.

    A picture of more than `MAX_PIXELS` is drawn smaller. Raises ReadError as `opened` does.
    """
    assert (longest is None) != (width is None), "give longest or width"
    pdf = _open(path)
    try:
        with LOCK, _translated():
            return _draw(_leaf(pdf, number), longest, width)
    finally:
        with LOCK:
            pdf.close()
            forget()


def render(path: Path, number: int, *, longest: int) -> Image.Image:
    """Return page `number` (from 1) as an RGB picture with a longer side of `longest` pixels."""
    return render_page(path, number, longest=longest)


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


def _open(path: Path) -> Any:
    """Return an open PyMuPDF document of at least one page."""
    with LOCK:
        forget()
        with _translated():
            pdf = _open_any_name(path)
        try:
            with _translated():
                _check(pdf)
        except ReadError:
            pdf.close()
            raise
        return pdf


def _open_any_name(path: Path) -> Any:
    try:
        file = path.open("rb")
    except (OSError, ValueError) as exc:
        raise unreadable(exc) from exc
    with file:
        if not file.read(1):
            raise ReadError("empty", "expected a PDF, found 0 bytes")
        name = str(path)
        try:
            name.encode()
        except UnicodeEncodeError:  # bytes that are no UTF-8: MuPDF cannot say the name, but can open the open file
            name = f"/dev/fd/{file.fileno()}"
        return pymupdf.open(name, filetype="pdf")


def _check(pdf: Any) -> None:
    if not pdf.is_pdf:
        raise ReadError("mislabelled", "expected a PDF, found another format")
    if pdf.needs_pass:
        raise ReadError("encrypted", "the PDF asks for a password: save a copy without one")
    count = pdf.page_count
    if count > MAX_PAGES:
        raise ReadError("too-large", f"expected at most {MAX_PAGES} pages, found {count}: split it")
    if count < 1 and pdf.is_repaired and not has_page_tree(pdf):
        raise ReadError("damaged", "no page is left in this PDF: copy or download it again")
    if count < 1:
        raise ReadError("no-pages", "the PDF has no pages")
    if count >= pdf.xref_length():  # every page is an object of its own
        raise ReadError("damaged", f"the PDF claims {count} pages but has {pdf.xref_length()} objects")


def _document(pdf: Any, path: Path, sha256: str, size: int) -> Document:
    return Document(
        sha256=sha256,
        kind="pdf",
        title=title(pdf, path.stem),
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
    text, problem = no_text(), ""
    try:
        leaf = pdf.load_page(number - 1)
        width, height = leaf.rect.width, leaf.rect.height
        text, problem = _text(leaf)
        lost = _loss(pdf, leaf)
    except Exception as exc:  # noqa: BLE001 - SWIG classes without a common root; the document goes on without the page
        lost = f"the page cannot be read: {_said(exc)}"
    complaints = warnings()
    if _CUT_SHORT.search(complaints) or (not text.text and _DOUBTFUL.search(complaints)):
        problem = problem or "read in part at most: its content is damaged"
    return Page(number, printed, width, height, text, problem=lost or problem), bool(lost)


def _text(leaf: Any) -> tuple[PageText, str]:
    """Return the page's words, and what is wrong with them."""
    found = leaf.get_text("words", flags=_FLAGS, delimiters=_BLANKS)
    if not found:
        return no_text(), ""
    boxes = _turned(np.array([word[:4] for word in found], np.float64), leaf.rotation_matrix)
    words = [
        Word(word[4], x0, y0, x1, y1, word[5], word[6])
        for word, (x0, y0, x1, y1) in zip(found, boxes.tolist(), strict=True)
        if word[4].strip(REPLACEMENT)
    ]
    text = assemble(visual_lines(words), width=leaf.rect.width, height=leaf.rect.height)
    if len(found) > 2 * len(words):
        return text, WORDS_LOST
    return text, ""


def _turned(boxes: NDArray[np.float64], matrix: Any) -> NDArray[np.float64]:
    """Turn boxes (n, 4) with the page: PyMuPDF tells them before rotation, relative to the crop box."""
    a, b, c, d, e, f = matrix
    x, y = boxes[:, 0::2], boxes[:, 1::2]  # (n, 2) each: opposite corners
    across, down = a * x + c * y + e, b * x + d * y + f
    return np.stack((across.min(1), down.min(1), across.max(1), down.max(1)), 1)


def _leaf(pdf: Any, number: int) -> Any:
    if not 1 <= number <= pdf.page_count:
        raise ReadError("damaged", f"expected a page from 1 to {pdf.page_count}, found page {number}")
    return pdf.load_page(number - 1)


def _picture(pdf: Any, number: int, longest: int) -> Image.Image:
    """Return a page of the open file, drawn at its size."""
    with LOCK, _translated():
        return _draw(_leaf(pdf, number), longest, None)


def _bitmaps(pdf: Any, number: int) -> NDArray[np.float32]:
    """Return where bitmaps stand on the page as displayed: (n, 4), 0..1."""
    with LOCK, _translated():
        leaf = _leaf(pdf, number)
        found = np.array([info["bbox"] for info in leaf.get_image_info()], np.float64).reshape(-1, 4)
        width, height = leaf.rect.width, leaf.rect.height
        boxes = _turned(found, leaf.rotation_matrix) / (width, height, width, height)
        return np.asarray(np.clip(boxes, 0, 1), np.float32)


def _loss(pdf: Any, leaf: Any) -> str:
    """Say what is missing where MuPDF silently shows a blank page."""
    if pdf.xref_get_key(leaf.xref, "Type")[1] != "/Page" and pdf.xref_get_key(leaf.xref, "MediaBox")[0] == "null":
        return "the page is missing from the file"
    if any(not pdf.xref_is_stream(content) for content in leaf.get_contents()):
        return "the page's content is missing from the file"
    return ""


def _draw(leaf: Any, longest: int | None, width: int | None) -> Image.Image:
    across, down = leaf.rect.width, leaf.rect.height
    zoom = longest / max(across, down) if longest else (width or 0) / across
    zoom = min(zoom, (MAX_PIXELS / (across * down)) ** 0.5)
    columns, rows = max(1, round(across * zoom)), max(1, round(down * zoom))
    # Whole pixels on both sides: MuPDF would round outwards and add a row.
    picture = leaf.get_pixmap(matrix=pymupdf.Matrix(columns / across, rows / down), alpha=False)
    return Image.frombytes("RGB", (picture.width, picture.height), picture.samples)
