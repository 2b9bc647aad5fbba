"""Figures of documents and their alternative texts: of tagged PDFs, of pictures on PDF pages, of HTML and EPUB.

An alternative text of None is missing; an empty one says that a picture is decoration.
"""

import re
import zipfile
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from pagelens.core.errors import ReadError
from pagelens.core.types import Kind
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions

MAX_FIGURES = 10_000  # of a document
MAX_MARKUP = 32 << 20  # bytes of HTML that are read, of one file and of all chapters of a book
_HTML = (".html", ".htm", ".xhtml", ".xht")
_MARKUP_START = re.compile(rb"^\s*(<\?xml|<!doctype html|<html)", re.I)


@dataclass(frozen=True, slots=True)
class DocumentFigure:
    """A figure or picture of a document."""

    page: int | None  # number from 1; None where the file does not say
    alt: str | None  # alternative text; None: missing
    name: str = ""  # of the picture's file, where it has one


def find_figures(path: Path, kind: Kind, options: ReaderOptions = DEFAULT_READER_OPTIONS) -> list[DocumentFigure]:
    """Return the figures of a file, in order; none for kinds whose figures are not known. Raises ReadError."""
    if kind == "pdf":
        from pagelens.ingest.readers.pdf.pdf_figures import pdf_figures

        return [DocumentFigure(number, alt) for number, alt in pdf_figures(path, options.passwords)][:MAX_FIGURES]
    if kind == "book" and zipfile.is_zipfile(path):
        return _book_figures(path)
    with path.open("rb") as file:
        start = file.read(1_024)
        if kind != "text" or not (path.suffix.lower() in _HTML or _MARKUP_START.match(start)):
            return []
        return _markup_figures((start + file.read(MAX_MARKUP)).decode("utf-8", "replace"))


class _ImageParser(HTMLParser):
    """Collects the `img` elements of markup."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.figures: list[DocumentFigure] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect an image; one for presentation only counts as one with an empty text."""
        attributes = dict(attrs)
        if tag != "img" or len(self.figures) >= MAX_FIGURES:
            return
        alt = (attributes.get("alt") or "") if "alt" in attributes else None
        if attributes.get("role") in ("presentation", "none") or attributes.get("aria-hidden") == "true":
            alt = ""
        elif label := (attributes.get("aria-label") or "").strip():
            alt = label
        source = attributes.get("src") or ""
        name = "" if source.startswith("data:") else source.rpartition("/")[2]
        self.figures.append(DocumentFigure(None, alt, name))


def _markup_figures(markup: str) -> list[DocumentFigure]:
    parser = _ImageParser()
    parser.feed(markup)
    parser.close()
    return parser.figures


def _book_figures(path: Path) -> list[DocumentFigure]:
    found: list[DocumentFigure] = []
    left = MAX_MARKUP
    try:
        with zipfile.ZipFile(path) as book:
            for entry in book.infolist():
                if entry.filename.lower().endswith(_HTML) and left > 0 and len(found) < MAX_FIGURES:
                    with book.open(entry) as chapter:
                        data = chapter.read(left)
                    left -= len(data)
                    found += _markup_figures(data.decode("utf-8", "replace"))
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as exc:
        raise ReadError("damaged", f"the book's pictures cannot be listed: {exc}") from exc
    return found[:MAX_FIGURES]
