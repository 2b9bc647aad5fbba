"""The reader of Word, PowerPoint, Excel, OpenDocument and RTF files: LibreOffice converts them to PDF.

Tracked changes are accepted before; comments and notes are captions; the text of spreadsheets comes from their cells.
Without LibreOffice the text of newer formats is read and laid out plainly. What was made of a file is kept for a while,
so that rendering several pages converts the file once.
"""

import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Page
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.files.formats import HEAD_BYTES, NEW_OFFICE, OLD_OFFICE, DocumentFormat, document_format
from pagelens.ingest.files.path_facts import title_or_names
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.readers.libreoffice import NEEDS_OFFICE, READ_WITHOUT_OFFICE, find_soffice
from pagelens.ingest.readers.office.conversion import (
    Conversion,
    convert_office_file,
    plain_conversion,
)
from pagelens.ingest.readers.office.plain_layout import opened_plain, render_plain
from pagelens.ingest.readers.pdf import pdf_reader
from pagelens.ingest.readers.reader import OpenedDocument
from pagelens.ingest.temporary_folders import temporary_folder

_PREFIX = "pagelens-office-"  # of folder names; the id of the process that made the folder follows

MAX_BYTES = 500_000_000  # of a file
_MAX_CONVERSIONS = 4  # files kept converted, so that the pages of a file can be rendered one after the other
_LOCK = threading.Lock()
_CONVERSIONS: "OrderedDict[_Key, tuple[TemporaryDirectory[str] | None, Conversion]]" = OrderedDict()
_Key = tuple[str, int, int, int, bool]
_FIXED_PAGES = ("PPTX", "PPT", "ODP")  # a slide is a page; in other formats page breaks depend on the fonts
_FACTS_OF_PDF = ("creator", "producer", "repaired", "form")  # metadata of the PDF, not of the file


@contextmanager
def open_document(
    path: Path,
    *,
    sha256: str,
    size: int,
    other_paths: Sequence[Path] = (),
    options: ReaderOptions = DEFAULT_READER_OPTIONS,
) -> Iterator[OpenedDocument]:
    """Open a file whose hash and size in bytes are known.

    Raises ReadError: unsupported (LibreOffice is missing), encrypted, damaged, too-large, no-pages, denied, vanished.
    """
    office_format, conversion = _converted(path, options)
    if conversion.pdf is None:
        metadata = {"format": office_format} | ({} if office_format in _FIXED_PAGES else {"pages": "estimated"})
        title, path_facts = title_or_names(conversion.title, "office", (path, *other_paths))
        document = Document(
            sha256=sha256,
            kind="office",
            title=title,
            page_count=len(conversion.plain),
            size=size,
            metadata=metadata,
            path_facts=path_facts,
        )
        yield opened_plain(document, conversion.plain)
        return
    with pdf_reader.open_document(
        conversion.pdf, sha256=sha256, size=size, other_paths=other_paths, named_after=path
    ) as opened:
        facts = {key: fact for key, fact in opened.document.metadata.items() if key not in _FACTS_OF_PDF}
        if office_format not in _FIXED_PAGES:
            facts["pages"] = "estimated"
        document = replace(opened.document, kind="office", metadata={**facts, "format": office_format})
        if conversion.pages is not None:  # the largest type of a sheet is no title
            title, path_facts = title_or_names(conversion.title, "office", (path, *other_paths))
            document = replace(document, title=title, path_facts=path_facts)
        pages = partial(_pages, opened, conversion)
        yield replace(opened, document=document, pages=pages, has_all_words=conversion.pages is not None)


def _pages(opened: OpenedDocument, conversion: Conversion, first: int) -> Iterator[Page]:
    """Yield the pages of the PDF with what it does not show; of a workbook, the pages made from its cells."""
    if conversion.pages is not None:
        yield from conversion.pages[first - 1 :]
        return
    for page in opened.pages(first):
        caption = "\n".join(filter(None, (page.caption, conversion.captions.get(page.number))))
        problem = page.problem or conversion.problems.get(page.number, "")
        yield replace(page, caption=caption, problem=problem)


def render_page(
    path: Path, number: int, *, longest: int, options: ReaderOptions = DEFAULT_READER_OPTIONS
) -> Image.Image:
    """Return page `number` (from 1) as an RGB image with a longer side of `longest` pixels. Raises ReadError."""
    conversion = _converted(path, options)[1]
    if conversion.pdf is None:
        return render_plain(conversion.plain, number, longest=longest)
    return pdf_reader.render_page(conversion.pdf, number, longest=longest)


def _converted(path: Path, options: ReaderOptions) -> tuple[DocumentFormat, Conversion]:
    """Return a file's format and what it was converted to; that is used again until the file changes."""
    try:
        status = path.stat()
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    office_format = document_format(head, path)
    if office_format is None:
        raise ReadError("mislabelled", f"expected an Office file, found something else named {path.suffix}")
    if office_format in NEW_OFFICE and head.startswith(OLD_OFFICE):
        raise ReadError("encrypted", "the file asks for a password: save a copy without one")
    if status.st_size > MAX_BYTES:
        raise ReadError("too-large", f"expected at most {MAX_BYTES:,} bytes, found {status.st_size:,}: split it")
    program = find_soffice(options.soffice)
    key = (str(path), status.st_size, status.st_mtime_ns, status.st_ino, program is None)
    with _LOCK:
        if key not in _CONVERSIONS or not _is_there(_CONVERSIONS[key][1]):
            _CONVERSIONS[key] = _convert(path, office_format, program, options)
        _CONVERSIONS.move_to_end(key)
        while len(_CONVERSIONS) > _MAX_CONVERSIONS:
            folder = _CONVERSIONS.popitem(last=False)[1][0]
            if folder is not None:
                folder.cleanup()
        return office_format, _CONVERSIONS[key][1]


def _is_there(conversion: Conversion) -> bool:
    return conversion.pdf is None or conversion.pdf.is_file()


def _convert(
    path: Path, office_format: DocumentFormat, program: Path | None, options: ReaderOptions
) -> "tuple[TemporaryDirectory[str] | None, Conversion]":
    """Convert a copy of the file in a temporary folder, under a plain name. Return the folder and what was made."""
    if program is None:
        if office_format not in READ_WITHOUT_OFFICE:
            raise ReadError("unsupported", f"{office_format} {NEEDS_OFFICE}")
        return None, plain_conversion(path, office_format)
    folder = temporary_folder(_PREFIX)
    place = Path(folder.name)
    try:
        copy = place / f"document.{office_format.lower()}"
        shutil.copyfile(path, copy)
        conversion = convert_office_file(program, copy, place, office_format, seconds=options.office_seconds)
        _remove_all_but(place, conversion.pdf)
    except OSError as exc:
        folder.cleanup()
        raise os_read_error(exc) from exc
    except BaseException:
        folder.cleanup()
        raise
    return folder, conversion


def _remove_all_but(folder: Path, pdf: Path | None) -> None:
    """Remove the copies of the file."""
    for path in (*folder.glob("*.*"), *(folder / "out").glob("*.*")):
        if path != pdf and path.is_file():
            path.unlink()
