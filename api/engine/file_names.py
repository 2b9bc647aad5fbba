"""File names as text, for the catalog, messages and JSON, and back to paths; names of pages.

A file name may have bytes that are not valid Unicode (Python keeps them as lone surrogates): they are written `\\xff`.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from pagelens.core.types import MEMBER_SEPARATOR, PageRef
from pagelens.ingest.members.member_paths import file_exists

_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f])")


def absolute_path(path: Path | str) -> Path:
    """Return an absolute path without `..`; symbolic links are resolved only where the path has `..`."""
    path = Path(path)
    return path.resolve() if ".." in path.parts else path.absolute()


def path_to_text(path: Path) -> str:
    """Return a path as valid Unicode."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def text_to_path(text: str) -> Path:
    """Return the path that `path_to_text` wrote; an existing file with a literal backslash in its name comes first."""
    literal = Path(text)
    if not _ESCAPED.search(text) or literal.exists():
        return literal
    return Path(_ESCAPED.sub(lambda match: chr(0xDC00 + int(match[1], 16)), text))


def file_name(path: str) -> str:
    """Return a path's file name; of a member, with the names of the containers around it: "report.pdf / annex.xlsx"."""
    outer, separator, members = path.partition(MEMBER_SEPARATOR)
    return (Path(outer).name or outer) + separator + members


def is_gone(paths: Iterable[str]) -> bool:
    """Tell whether no file is left at any of a document's paths."""
    return not any(file_exists(text_to_path(path)) for path in paths)


# report.pdf p.12, report.pdf#12, report.pdf page 12, report.pdf 12, report.pdf p.iv, report.pdf p.A-3
_PAGE_NAME = re.compile(r"(?P<name>.+?)(?:\s*\#|\s+p\.?\s*|\s+page\s+|\s+)(?P<page>\d+|[ivxlcdm]+|[A-Za-z]-?\d+)", re.I)
_PRINTED = re.compile(r"\s*\(printed [^)]*\)\s*$")


def parse_page_name(text: str) -> tuple[str, str | None]:
    """Split a text like `report.pdf p.12` into the document's name and the page: a number, a printed label, or None."""
    text = _PRINTED.sub("", text).strip()
    match = _PAGE_NAME.fullmatch(text)
    return (match["name"], match["page"]) if match and not Path(text).exists() else (text, None)


def printable(text: str) -> str:
    """Return text that is safe on a terminal: control characters and escape sequences become blanks."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def page_image_filename(ref: PageRef) -> str:
    """Return a file name for a page's image: `report-p12.jpg`."""
    stem = "".join(char if char.isalnum() or char in "-_." else "-" for char in Path(ref.path).stem)[:80]
    return f"{stem or 'page'}-p{ref.number}.jpg"
