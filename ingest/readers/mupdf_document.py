"""What the readers that use MuPDF share: errors, opening by name, page iteration, and the title of a document.

The functions that take an open MuPDF document must be called with `pagelens.ingest.readers.mupdf.LOCK` held;
`read_pages` and the functions of an `OpenedDocument` take the lock themselves.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import PageLensError, ReadError
from pagelens.core.types import Document, Page
from pagelens.ingest.readers.gap_words import loses_gaps
from pagelens.ingest.readers.glyph_words import is_brahmic
from pagelens.ingest.readers.mupdf import LOCK, free_caches, pymupdf
from pagelens.ingest.readers.mupdf_page import bitmap_boxes, may_show_more_words, page_text, page_words, render_image
from pagelens.ingest.readers.reader import OpenedDocument
from pagelens.ingest.text.right_to_left import has_right_to_left
from pagelens.ingest.text.titles import SizedLine, is_usable_title, single_line, title_from_largest_type

_PAGES_PER_CLEANUP = 8
_NO_MEMORY = re.compile(r"\b(malloc|calloc|realloc)\b.* failed")

ReadPage = Callable[[int], tuple[Page, bool]]
"""Reads a page by its number (from 1); the second value says whether nothing of it could be read."""


def error_text(exc: BaseException) -> str:
    """Return the message of an exception raised by PyMuPDF, without MuPDF's error code."""
    text = str(exc.__cause__ or exc) or type(exc).__name__
    return re.sub(r"^code=\d+: ", "", text)


@contextmanager
def translate_mupdf_errors(format_name: str) -> Iterator[None]:
    """Turn what PyMuPDF raises (RuntimeError, ValueError, SWIG classes without a common base) into ReadError: damaged.

    `format_name` completes "not readable as": "a PDF", "EPUB". Raises MemoryError where MuPDF got no memory.
    """
    try:
        yield
    except (PageLensError, MemoryError):
        raise
    except Exception as exc:
        if _NO_MEMORY.search(text := error_text(exc)):
            raise MemoryError(text) from exc
        raise ReadError("damaged", f"not readable as {format_name} ({text}): copy or download it again") from exc


def name_for_mupdf(path: Path, file: BinaryIO) -> str:
    """Return a name by which MuPDF can open `path`, which is open as `file`.

    MuPDF takes names in UTF-8 only; a file whose name is not valid UTF-8 is opened by its descriptor.
    """
    name = str(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        return f"/dev/fd/{file.fileno()}"
    return name


def load_page(mupdf_document: Any, number: int) -> Any:
    """Return the MuPDF page `number` (from 1). Raises ReadError: damaged where there is no such page."""
    count = mupdf_document.page_count
    if not 1 <= number <= count:
        raise ReadError("damaged", f"expected a page from 1 to {count}, found page {number}")
    return mupdf_document.load_page(number - 1)


def close_document(mupdf_document: Any) -> None:
    """Close the document and free what MuPDF keeps of it. Takes the lock."""
    with LOCK:
        mupdf_document.close()
        free_caches()


def opened_document(
    mupdf_document: Any,
    document: Document,
    read_page: ReadPage,
    translate: Callable[[], AbstractContextManager[None]],
) -> OpenedDocument:
    """Return an open MuPDF document as an `OpenedDocument`; `translate` turns PyMuPDF's exceptions into ReadError."""

    def render_page(number: int, longest: int) -> Image.Image:
        with LOCK, translate():
            return render_image(load_page(mupdf_document, number), longest=longest)

    def page_bitmap_boxes(number: int) -> NDArray[np.float32]:
        with LOCK, translate():
            return bitmap_boxes(load_page(mupdf_document, number))

    def may_page_show_more(number: int) -> bool:
        with LOCK, translate():
            return may_show_more_words(load_page(mupdf_document, number))

    return OpenedDocument(
        document=document,
        pages=partial(read_pages, read_page, document.page_count),
        render_page=render_page,
        bitmap_boxes=page_bitmap_boxes,
        may_show_more_words=may_page_show_more,
    )


def read_pages(read_page: ReadPage, count: int, first: int) -> Iterator[Page]:
    """Yield the pages from `first` (from 1) to `count`. Raises ReadError: damaged if no page is readable."""
    lost = 0
    for number in range(first, count + 1):
        with LOCK:
            page, is_lost = read_page(number)
            if number % _PAGES_PER_CLEANUP == 0:
                free_caches()
        lost += is_lost
        if lost == count:
            raise ReadError("damaged", f"none of its {count} pages could be read; the last one: {page.problem}")
        yield page


def document_title(mupdf_document: Any) -> str:
    """Return the title in the metadata if it is usable, else the text in the largest type of page 1, else ""."""
    stated = single_line((mupdf_document.metadata or {}).get("title") or "")
    if is_usable_title(stated):
        return stated
    try:
        lines = _title_lines(mupdf_document.load_page(0))
    except Exception:  # noqa: BLE001 - SWIG classes without a common base; a broken first page only costs the title
        lines = []
    return title_from_largest_type(lines) or ""


def _title_lines(mupdf_page: Any) -> list[SizedLine]:
    """Return the lines that run across the page as displayed, or down it, with their type size and their top, 0..1."""
    rotation, height, is_rotated = mupdf_page.rotation_matrix, mupdf_page.rect.height, bool(mupdf_page.rotation)
    a, b, c, d = tuple(rotation)[:4]
    lines: list[SizedLine] = []
    spans: list[dict[str, Any]] = []
    for block in mupdf_page.get_text("dict", flags=pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CLIP)["blocks"]:
        for line in block.get("lines", ()):
            x, y = line["dir"]
            is_across = a * x + c * y >= 0.99 and abs(b * x + d * y) <= 0.1
            if not is_across and not line["wmode"]:
                continue  # rotated text: a watermark, a margin note
            top = (pymupdf.Rect(line["bbox"]) * rotation).y0 if is_rotated else line["bbox"][1]
            lines += [SizedLine(text, size, top / height) for size, text in _runs(line["spans"])]
            spans += line["spans"]
    text = "".join(line.text for line in lines)
    if has_right_to_left(text) or is_brahmic(text) or loses_gaps(text):
        return _read_lines(mupdf_page, [(pymupdf.Rect(span["bbox"]) * rotation, span["size"]) for span in spans])
    return lines


def _read_lines(mupdf_page: Any, spans: Sequence[tuple[Any, float]]) -> list[SizedLine]:
    """Return the lines of a page as its text has them, where a script's letters are not in their order in the file.

    `spans` are boxes with the size of the type in them; lines without any are left out.
    """
    text, _ = page_text(mupdf_page, page_words(mupdf_page))
    width, height = mupdf_page.rect.width, mupdf_page.rect.height
    lines: list[SizedLine] = []
    at = 0
    for line in text.text.split("\n"):
        boxes = np.array(text.boxes_of(at, at + len(line)), np.float64).reshape(-1, 4)
        at += len(line) + 1
        if not len(boxes):
            continue
        area = pymupdf.Rect(*boxes[:, :2].min(0), *boxes[:, 2:].max(0)) * pymupdf.Matrix(width, height)
        sizes = [size for box, size in spans if (box.tl + box.br) / 2 in area]
        if sizes:
            lines.append(SizedLine(line, max(sizes), area.y0 / height))
    return lines


def _runs(spans: Any) -> list[tuple[float, str]]:
    """Return a line's runs of one type size, (size, text): MuPDF may take a label and a title for one line."""
    runs: list[tuple[float, str]] = []
    for span in spans:
        text, size = span["text"], span["size"]
        if not text.strip():  # the type size of blanks is not visible
            runs[-1:] = [(known, before + text) for known, before in runs[-1:]]
        elif runs and abs(runs[-1][0] - size) <= 0.3 * size:  # small capitals do not begin a new run
            runs[-1] = (max(runs[-1][0], size), runs[-1][1] + text)
        else:
            runs.append((size, text))
    return runs
