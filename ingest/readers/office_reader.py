"""The reader of Word, PowerPoint, Excel, OpenDocument and RTF files: LibreOffice converts them to PDF.

The PDF of a file is kept for a while, so that rendering several pages converts the file once.
"""

import os
import re
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from pagelens.core.errors import ReadError
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.files.formats import HEAD_BYTES, NEW_OFFICE, OLD_OFFICE, DocumentFormat, document_format
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.readers.libreoffice import NEEDS_OFFICE, convert_to_pdf, find_soffice
from pagelens.ingest.readers.pdf import pdf_reader
from pagelens.ingest.readers.reader import OpenedDocument

_PREFIX = "pagelens-office-"  # of folder names; the id of the process that made the folder follows

MAX_BYTES = 500_000_000  # of a file
_MAX_CONVERSIONS = 4  # PDFs kept, so that the pages of a file can be rendered one after the other
_LOCK = threading.Lock()
_CONVERSIONS: "OrderedDict[tuple[str, int, int, int], tuple[TemporaryDirectory[str], Path]]" = OrderedDict()
_FIXED_PAGES = ("PPTX", "PPT", "ODP")  # a slide is a page; in other formats page breaks depend on the fonts
_FACTS_OF_PDF = ("creator", "producer", "repaired", "form")  # metadata of the PDF, not of the file


@contextmanager
def open_document(
    path: Path, *, sha256: str, size: int, options: ReaderOptions = DEFAULT_READER_OPTIONS
) -> Iterator[OpenedDocument]:
    """Open a file whose hash and size in bytes are known.

    Raises ReadError: unsupported (LibreOffice is missing), encrypted, damaged, too-large, no-pages, denied, vanished.
    """
    office_format, pdf = _converted(path, options)
    with pdf_reader.open_document(pdf, sha256=sha256, size=size, stem=path.stem) as opened:
        facts = {key: fact for key, fact in opened.document.metadata.items() if key not in _FACTS_OF_PDF}
        if office_format not in _FIXED_PAGES:
            facts["pages"] = "estimated"
        metadata = {**facts, "format": office_format}
        yield replace(opened, document=replace(opened.document, kind="office", metadata=metadata))


def render_page(
    path: Path, number: int, *, longest: int, options: ReaderOptions = DEFAULT_READER_OPTIONS
) -> Image.Image:
    """Return page `number` (from 1) as an RGB image with a longer side of `longest` pixels. Raises ReadError."""
    return pdf_reader.render_page(_converted(path, options)[1], number, longest=longest)


def _converted(path: Path, options: ReaderOptions) -> tuple[DocumentFormat, Path]:
    """Return a file's format and its PDF; a PDF made before is used again until the file changes."""
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
    key = (str(path), status.st_size, status.st_mtime_ns, status.st_ino)
    with _LOCK:
        if key not in _CONVERSIONS or not _CONVERSIONS[key][1].is_file():
            _CONVERSIONS[key] = _convert(path, office_format, options)
        _CONVERSIONS.move_to_end(key)
        while len(_CONVERSIONS) > _MAX_CONVERSIONS:
            _CONVERSIONS.popitem(last=False)[1][0].cleanup()
        return office_format, _CONVERSIONS[key][1]


def _convert(
    path: Path, office_format: DocumentFormat, options: ReaderOptions
) -> "tuple[TemporaryDirectory[str], Path]":
    """Convert a copy of the file in a temporary folder, under a plain name. Return the folder and the PDF in it."""
    program = find_soffice(options.soffice)
    if program is None:
        raise ReadError("unsupported", f"{office_format} {NEEDS_OFFICE}")
    _remove_abandoned_folders(Path(tempfile.gettempdir()))
    folder = tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True)
    try:
        copy = Path(folder.name) / f"document.{office_format.lower()}"
        shutil.copyfile(path, copy)
        pdf = convert_to_pdf(program, copy, Path(folder.name), seconds=options.office_seconds)
    except OSError as exc:
        folder.cleanup()
        raise os_read_error(exc) from exc
    except BaseException:
        folder.cleanup()
        raise
    copy.unlink()
    return folder, pdf


def _remove_abandoned_folders(parent: Path) -> None:
    """Remove the folders of processes that were killed before they could remove them."""
    if os.name != "posix":
        return  # on Windows os.kill(pid, 0) ends the process
    for folder in parent.glob(f"{_PREFIX}*"):
        owner = re.match(rf"{_PREFIX}(\d+)-", folder.name)
        if owner is None:
            continue
        try:
            os.kill(int(owner[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (PermissionError, OverflowError):
            continue  # the folder of another user's process
