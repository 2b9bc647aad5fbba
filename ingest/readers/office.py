"""Word, PowerPoint, Excel, OpenDocument and RTF files, read as the PDF that LibreOffice makes of them.

Knows how a file becomes a PDF and that it is made once; what is read of it is `pagelens.ingest.readers.pdf.pdf_reader`.
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
from pagelens.ingest.files.formats import HEAD_BYTES
from pagelens.ingest.files.formats import NEW_OFFICE, OLD_OFFICE, DocumentFormat, document_format
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.readers.libreoffice import NEEDS_OFFICE, find_soffice, to_pdf
from pagelens.ingest.readers.pdf import pdf_reader as pdf
from pagelens.ingest.readers.registry import Reading

_PREFIX = "pagelens-office-"  # of folders; the number of the process they belong to follows

MOST_BYTES = 500_000_000  # of a file
_KEPT = 4  # PDFs, for those who look at one page after the other
_LOCK = threading.Lock()
_MADE: "OrderedDict[tuple[str, int, int, int], tuple[TemporaryDirectory[str], Path]]" = OrderedDict()
_FIXED_PAGES = ("PPTX", "PPT", "ODP")  # a slide is a page; elsewhere fonts decide where a page ends
_LIBREOFFICES = ("creator", "producer", "repaired", "form")  # facts of the PDF that are not the file's


@contextmanager
def opened(path: Path, *, sha256: str, size: int, options: ReaderOptions = DEFAULT_READER_OPTIONS) -> Iterator[Reading]:
    """Open a file whose hash and size in bytes are known.

    Raises ReadError: unsupported (LibreOffice is missing), encrypted, damaged, too-large, no-pages, denied, vanished.
    """
    form, made = _converted(path, options)
    with pdf.opened(made, sha256=sha256, size=size, stem=path.stem) as reading:
        facts = {key: fact for key, fact in reading.document.metadata.items() if key not in _LIBREOFFICES}
        if form not in _FIXED_PAGES:
            facts["pages"] = "estimated"
        yield replace(reading, document=replace(reading.document, kind="office", metadata={**facts, "format": form}))


def render(path: Path, number: int, *, longest: int, options: ReaderOptions = DEFAULT_READER_OPTIONS) -> Image.Image:
    """Return page `number` (from 1) as an RGB picture with a longer side of `longest` pixels."""
    return pdf.render(_converted(path, options)[1], number, longest=longest)


def _converted(path: Path, options: ReaderOptions) -> tuple[DocumentFormat, Path]:
    """Return the format and the PDF made of a file; one made before is used again until the file changes."""
    try:
        status = path.stat()
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    form = document_format(head, path)
    if form is None:
        raise ReadError("mislabelled", f"expected an Office file, found something else named {path.suffix}")
    if form in NEW_OFFICE and head.startswith(OLD_OFFICE):
        raise ReadError("encrypted", "the file asks for a password: save a copy without one")
    if status.st_size > MOST_BYTES:
        raise ReadError("too-large", f"expected at most {MOST_BYTES:,} bytes, found {status.st_size:,}: split it")
    key = (str(path), status.st_size, status.st_mtime_ns, status.st_ino)
    with _LOCK:
        if key not in _MADE or not _MADE[key][1].is_file():
            _MADE[key] = _made(path, form, options)
        _MADE.move_to_end(key)
        while len(_MADE) > _KEPT:
            _MADE.popitem(last=False)[1][0].cleanup()
        return form, _MADE[key][1]


def _made(path: Path, form: DocumentFormat, options: ReaderOptions) -> "tuple[TemporaryDirectory[str], Path]":
    """Convert a copy that lies alone in a folder, under a name that no program stumbles over."""
    program = find_soffice(options.soffice)
    if program is None:
        raise ReadError("unsupported", f"{form} {NEEDS_OFFICE}")
    _sweep(Path(tempfile.gettempdir()))
    folder = tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True)
    try:
        copy = Path(folder.name) / f"document.{form.lower()}"
        shutil.copyfile(path, copy)
        made = to_pdf(program, copy, Path(folder.name), seconds=options.office_seconds)
    except OSError as exc:
        folder.cleanup()
        raise os_read_error(exc) from exc
    except BaseException:
        folder.cleanup()
        raise
    copy.unlink()
    return folder, made


def _sweep(place: Path) -> None:
    """Remove the folders of processes that were killed before they could."""
    if os.name != "posix":
        return  # asking after a process there may end it
    for folder in place.glob(f"{_PREFIX}*"):
        owner = re.match(rf"{_PREFIX}(\d+)-", folder.name)
        if owner is None:
            continue
        try:
            os.kill(int(owner[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (PermissionError, OverflowError):
            continue  # somebody else's
