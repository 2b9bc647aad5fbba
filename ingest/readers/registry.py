"""The registry of readers: one for each kind of file.

A reader's module is imported when its kind is first needed: PyMuPDF and the image libraries take long to import.
To add a kind, write a module with `open_document` and `render_page` and add it here.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pagelens.core.types import Kind
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.readers.reader import OpenedDocument, Reader

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class _FunctionReader:
    """The functions of a reader's module, with its options bound."""

    open_document: Callable[..., AbstractContextManager[OpenedDocument]]
    render_page: "Callable[..., Image]"


def _pdf_reader(options: ReaderOptions) -> Reader:
    from pagelens.ingest.readers.pdf.pdf_reader import open_document, render_page

    passwords = options.passwords
    return _FunctionReader(partial(open_document, passwords=passwords), partial(render_page, passwords=passwords))


def _photo_reader(_: ReaderOptions) -> Reader:
    from pagelens.ingest.readers.photos.photo_reader import open_document, render_page

    return _FunctionReader(open_document, render_page)


def _office_reader(options: ReaderOptions) -> Reader:
    from pagelens.ingest.readers.office_reader import open_document, render_page

    return _FunctionReader(partial(open_document, options=options), partial(render_page, options=options))


def _reflowable_reader(_: ReaderOptions) -> Reader:
    from pagelens.ingest.readers.reflowable_reader import open_document, render_page

    return _FunctionReader(open_document, render_page)


_READERS: dict[Kind, Callable[[ReaderOptions], Reader]] = {
    "pdf": _pdf_reader,
    "photo": _photo_reader,
    "office": _office_reader,
    "book": _reflowable_reader,
    "text": _reflowable_reader,
    "drawing": _reflowable_reader,
    "xps": _reflowable_reader,
}


def load_reader(kind: Kind, options: ReaderOptions = DEFAULT_READER_OPTIONS) -> Reader:
    """Import and return the reader of a kind."""
    return _READERS[kind](options)
