"""Keeps Korean words whole in texts and books that MuPDF lays out.

MuPDF breaks lines between any two syllables, and drops a blank there. So word joiners (U+2060) are put between the
syllables of each word; they are not drawn, and are removed from what is read.
"""

import io
import re
import zipfile
import zlib
from typing import BinaryIO

MAX_BOOK_BYTES = 64_000_000  # unpacked; the words of a larger book are broken at line ends

_WITHIN_WORD = re.compile("(?<=[\uac00-\ud7a3])(?=[\uac00-\ud7a3])")
_WORD_JOINER = "\u2060"
_SYLLABLES = re.compile(rb"(?:(?:\xea[\xb0-\xbf]|[\xeb\xec][\x80-\xbf]|\xed[\x80-\x9e])[\x80-\xbf]){2}")  # in UTF-8


def join_syllables(markup: str) -> str:
    """Return a text or its markup with word joiners between syllables."""
    return _WITHIN_WORD.sub(_WORD_JOINER, markup)


def korean_book(file: BinaryIO) -> bytes | None:
    """Return an EPUB with word joiners between its syllables; None for one without Korean words, or a damaged one."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > MAX_BOOK_BYTES:
                return None
            pages = {entry.filename: archive.read(entry) for entry in entries if _is_page(entry.filename)}
            if not any(_SYLLABLES.search(page) for page in pages.values()):
                return None
            written = io.BytesIO()
            with zipfile.ZipFile(written, "w") as book:
                for entry in entries:
                    page = pages.get(entry.filename)
                    book.writestr(entry, archive.read(entry) if page is None else _with_joiners(page))
            return written.getvalue()
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        return None  # MuPDF says what is wrong with it, or reads the rest
    finally:
        file.seek(0)


def _is_page(name: str) -> bool:
    return name.lower().endswith((".xhtml", ".html", ".htm", ".xml"))


def _with_joiners(page: bytes) -> bytes:
    try:
        return join_syllables(page.decode()).encode()
    except UnicodeDecodeError:
        return page
