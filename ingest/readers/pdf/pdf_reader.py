"""The reader of PDFs, on PyMuPDF: text with word boxes, form fields, comments, title, printed labels, dates, images."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import ReadError
from pagelens.core.keys import MAX_PAGES
from pagelens.core.types import Document, Page, PageText, no_text
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.files.path_facts import title_or_names
from pagelens.ingest.readers.drawing_log import DrawingLog, log_drawing
from pagelens.ingest.readers.drawn_glyphs import GlyphKey
from pagelens.ingest.readers.glyph_words import NO_GLYPH_TEXTS
from pagelens.ingest.readers.mupdf import LOCK, MuPdfWord, free_caches, pymupdf, take_warnings
from pagelens.ingest.readers.mupdf_document import (
    close_document,
    document_title,
    error_text,
    load_page,
    name_for_mupdf,
    opened_document,
    translate_mupdf_errors,
)
from pagelens.ingest.readers.mupdf_page import page_text, page_words, render_image, rotate_boxes
from pagelens.ingest.readers.pdf.encryption import ATTACHMENTS_LOCKED, unlock
from pagelens.ingest.readers.pdf.forms import (
    ONLY_XFA,
    add_field_values,
    comments,
    is_only_xfa,
    values_not_in_text,
    xfa_values,
)
from pagelens.ingest.readers.pdf.page_labels import LabelRule, page_label
from pagelens.ingest.readers.pdf.pdf_facts import creation_date, has_page_tree, label_rules, pdf_metadata
from pagelens.ingest.readers.reader import STRUCK_OUT, OpenedDocument, ReadWords
from pagelens.ingest.readers.soft_hyphens import without_undrawn_hyphens
from pagelens.ingest.readers.struck_words import find_struck_words, struck_passages
from pagelens.ingest.readers.unmapped_glyphs import read_unmapped_glyphs
from pagelens.ingest.text.layer_quality import LAYER_DOUBTFUL, decode_wrong_letters, layer_problem
from pagelens.ingest.text.page_text import REPLACEMENT

_MAX_CAPTION = 8_000  # characters

# MuPDF's warnings about a page whose content it gave up on; and those it gives for sound pages too, which count only
# where the page has no text.
_CUT_SHORT = re.compile("page may not be correct|treating as end of file|ignoring rest of page")
_DOUBTFUL = re.compile("stream Length incorrect|premature end of data|zlib error")

_translate_errors = partial(translate_mupdf_errors, "a PDF")


@contextmanager
def open_document(
    path: Path,
    *,
    sha256: str,
    size: int,
    other_paths: Sequence[Path] = (),
    passwords: Sequence[str] = (),
    named_after: Path | None = None,
) -> Iterator[OpenedDocument]:
    """Open a PDF whose hash and size in bytes are known. Memory does not grow with the number of pages read.

    An encrypted PDF is opened without a password, else with one of `passwords`; page 1 says so where its attached files
    stay locked. A PDF that states no title has the names of `named_after`, by default `path`, and of `other_paths`.

    Raises ReadError: encrypted, damaged, no-pages, too-large, denied, vanished.
    """
    pdf, has_locked_files = _open(path, passwords)
    try:
        with LOCK, _translate_errors():
            document = _document(pdf, (named_after or path, *other_paths), sha256, size)
            rules = label_rules(pdf)
        file = _OpenFile()
        read_page = partial(_page, pdf, rules, has_locked_files, file)
        opened = opened_document(pdf, document, read_page, _translate_errors)

        def read_glyphs(number: int, read_words: ReadWords) -> Page:
            with _translate_errors():
                with LOCK:
                    mupdf_page = load_page(pdf, number)
                glyph_texts = read_unmapped_glyphs(mupdf_page, read_words)
            with LOCK:
                return read_page(number, glyph_texts)[0]

        def is_sound() -> bool:
            with LOCK:
                file.take_warnings()
                return not (file.has_warned or pdf.is_repaired or pdf.is_form_pdf)

        def struck_boxes(number: int) -> NDArray[np.float32]:
            with LOCK, _translate_errors():
                return _struck_boxes(load_page(pdf, number))

        def bitmap_boxes(number: int) -> NDArray[np.float32]:
            if number == file.without_bitmaps:  # looking for them takes as long as reading the words
                return np.zeros((0, 4), np.float32)
            return opened.bitmap_boxes(number)

        yield replace(
            opened, read_glyphs=read_glyphs, is_sound=is_sound, struck_boxes=struck_boxes, bitmap_boxes=bitmap_boxes
        )
    finally:
        close_document(pdf)


def render_page(path: Path, number: int, *, longest: int, passwords: Sequence[str] = ()) -> Image.Image:
    """Return page `number` (from 1) as an RGB image with a longer side of `longest` pixels.

    An image of more than `pagelens.ingest.readers.mupdf_page.MAX_PIXELS` is rendered smaller. Raises ReadError as
    `open_document` does.
    """
    pdf, _ = _open(path, passwords)
    try:
        with LOCK, _translate_errors():
            return render_image(load_page(pdf, number), longest=longest)
    finally:
        close_document(pdf)


def _open(path: Path, passwords: Sequence[str]) -> tuple[Any, bool]:
    """Return an open PyMuPDF document of at least one page, and whether its attached files are locked."""
    with LOCK:
        free_caches()
        with _translate_errors():
            pdf = _open_file(path)
        try:
            with _translate_errors():
                if not pdf.is_pdf:
                    raise ReadError("mislabelled", "expected a PDF, found another format")
                has_locked_files = unlock(pdf, passwords)
                _check(pdf)
        except ReadError:
            pdf.close()
            raise
        return pdf, has_locked_files


def _open_file(path: Path) -> Any:
    try:
        file = path.open("rb")
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    with file:
        if not file.read(1):
            raise ReadError("empty", "expected a PDF, found 0 bytes")
        return pymupdf.open(name_for_mupdf(path, file), filetype="pdf")


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


def _document(pdf: Any, paths: Sequence[Path], sha256: str, size: int) -> Document:
    title, path_facts = title_or_names(document_title(pdf), "pdf", paths)
    return Document(
        sha256=sha256,
        kind="pdf",
        title=title,
        page_count=pdf.page_count,
        size=size,
        date=creation_date(pdf),
        metadata=pdf_metadata(pdf),
        path_facts=path_facts,
    )


class _OpenFile:
    """What is known of an open file: MuPDF's warnings since it was opened, and whether the last page has bitmaps."""

    has_warned = False
    without_bitmaps = 0  # the number of the last page, where it has none

    def take_warnings(self) -> str:
        """Return MuPDF's warnings since the last call."""
        text = take_warnings()
        self.has_warned = self.has_warned or bool(text)
        return text


def _page(
    pdf: Any,
    rules: list[LabelRule],
    has_locked_files: bool,
    file: _OpenFile,
    number: int,
    glyph_texts: Mapping[GlyphKey, str] = NO_GLYPH_TEXTS,
) -> tuple[Page, bool]:
    """Return the page, and whether nothing of it could be read, not even that it is blank.

    `glyph_texts`: what OCR says that glyphs without a Unicode value stand for.
    """
    file.take_warnings()  # those of the page before
    width = height = 0.0
    text, problem, caption = no_text(), "", ""
    try:
        mupdf_page = pdf.load_page(number - 1)
        width, height = mupdf_page.rect.width, mupdf_page.rect.height
        drawn_words = without_undrawn_hyphens(mupdf_page, page_words(mupdf_page, glyph_texts))
        words, fields_problem = _add_field_values(mupdf_page, drawn_words)
        drawing = _drawing(mupdf_page)
        file.without_bitmaps = number if drawing and not drawing.has_bitmaps else 0
        words, struck, struck_problem = _without_struck_words(mupdf_page, words, drawing)
        text, problem, layer_doubt = _checked_layer(*page_text(mupdf_page, words, drawing))
        caption, caption_problem = _caption(pdf, mupdf_page, text, struck)
        problem = problem or fields_problem or struck_problem or caption_problem
        problem = "; ".join(filter(None, (problem, layer_doubt, _glyph_doubt(glyph_texts))))
        missing = _missing_content(pdf, mupdf_page)
    except Exception as exc:  # noqa: BLE001 - SWIG classes without a common base; the other pages can still be read
        missing = f"the page cannot be read: {error_text(exc)}"
    warned = file.take_warnings()
    if _CUT_SHORT.search(warned) or (not text.text and _DOUBTFUL.search(warned)):
        problem = problem or "read in part at most: its content is damaged"
    if number == 1 and has_locked_files:
        problem = "; ".join(filter(None, (problem, ATTACHMENTS_LOCKED)))
    page = Page(
        number=number,
        label=page_label(rules, number - 1),
        width=width,
        height=height,
        text=text,
        caption=caption,
        problem=missing or problem,
    )
    return page, bool(missing)


def _glyph_doubt(glyph_texts: Mapping[GlyphKey, str]) -> str:
    """Return a message about glyphs whose texts OCR was asked for, or ""."""
    if not glyph_texts:
        return ""
    unread = sum(text == REPLACEMENT for text in glyph_texts.values())
    rest = f", {unread} of them not" if unread else ""
    return f"the file has no letters for {len(glyph_texts)} of its glyphs: they were read from its picture{rest}"


def _checked_layer(text: PageText, problem: str) -> tuple[PageText, str, str]:
    """Return the text, letters of another code page decoded, the problem, and what is doubtful about the letters."""
    decoded = decode_wrong_letters(text)
    if decoded is not None:
        reason = f"its letters are stored as accented Latin ones and were decoded as {decoded.code_page}"
        return decoded.text, problem, f"{LAYER_DOUBTFUL}: {reason}"
    return text, problem, layer_problem(text.text)


def _add_field_values(mupdf_page: Any, words: list[MuPdfWord]) -> tuple[list[MuPdfWord], str]:
    try:
        return add_field_values(mupdf_page, words), ""
    except Exception as exc:  # noqa: BLE001 - SWIG classes without a common base; a broken form costs no page
        return words, f"its form fields cannot be read: {error_text(exc)}"


def _drawing(mupdf_page: Any) -> DrawingLog | None:
    """Return what the page draws; None where that fails: those who need it try again and report the error."""
    try:
        return log_drawing(mupdf_page)
    except Exception:  # noqa: BLE001 - as above; the words could be read
        return None


def _without_struck_words(
    mupdf_page: Any, words: list[MuPdfWord], drawing: DrawingLog | None
) -> tuple[list[MuPdfWord], str, str]:
    """Return the words without those that are struck through, a line that says what these are, or "", and a problem or
    ""."""
    try:
        struck = find_struck_words(mupdf_page, words, drawing)
    except Exception as exc:  # noqa: BLE001 - as above
        problem = f"its words could not be checked for struck-out ones ({error_text(exc)}): some may not be valid"
        return words, "", problem
    kept = [word for word, is_struck in zip(words, struck.tolist(), strict=True) if not is_struck]
    return kept, STRUCK_OUT + "; ".join(struck_passages(words, struck)) if len(kept) < len(words) else "", ""


def _struck_boxes(mupdf_page: Any) -> NDArray[np.float32]:
    """Return the boxes (n, 4) of the words that are struck through, on the page as displayed, 0..1."""
    words = page_words(mupdf_page)
    boxes = np.array([word[:4] for word in words], np.float64).reshape(-1, 4)[find_struck_words(mupdf_page, words)]
    scale = np.array([mupdf_page.rect.width, mupdf_page.rect.height] * 2)
    return np.asarray(np.clip(rotate_boxes(boxes, mupdf_page.rotation_matrix) / scale, 0, 1), np.float32)


def _caption(pdf: Any, mupdf_page: Any, text: PageText, struck: str) -> tuple[str, str]:
    """Return words of the page that are not its text (struck-out words, comments, XFA values), and a problem or ""."""
    try:
        lines = "\n".join(filter(None, (struck, comments(mupdf_page))))
        if mupdf_page.number or "null" in pdf.xref_get_key(pdf.pdf_catalog(), "AcroForm/XFA"):
            return lines[:_MAX_CAPTION], ""
        values = values_not_in_text(xfa_values(pdf), text.text)
        only_xfa = is_only_xfa(pdf)
    except Exception as exc:  # noqa: BLE001 - as above
        return struck[:_MAX_CAPTION], f"its comments cannot be read: {error_text(exc)}"
    return "\n".join(filter(None, (lines, *values)))[:_MAX_CAPTION], ONLY_XFA if only_xfa else ""


def _missing_content(pdf: Any, mupdf_page: Any) -> str:
    """Return a message about what the file lacks where MuPDF silently renders a blank page, else ""."""
    if (
        pdf.xref_get_key(mupdf_page.xref, "Type")[1] != "/Page"
        and pdf.xref_get_key(mupdf_page.xref, "MediaBox")[0] == "null"
    ):
        return "the page is missing from the file"
    if any(not pdf.xref_is_stream(content) for content in mupdf_page.get_contents()):
        return "the page's content is missing from the file"
    return ""
