"""File names as text: what the catalog stores, messages print and JSON carries, and the way back to the file.

A name may hold bytes that are no Unicode (Python keeps them as lone surrogates); those are written `\\xff`.
"""

import re
from pathlib import Path

from pagelens.core.types import PageRef

_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f])")


def absolute_path(path: Path | str) -> Path:
    """Return a path in full, without `..`; a link keeps its own name unless `..` leads through it."""
    path = Path(path)
    return path.resolve() if ".." in path.parts else path.absolute()


def path_to_text(path: Path) -> str:
    """Return a path as valid Unicode."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def text_to_path(text: str) -> Path:
    """Return the path that `path_to_text` wrote; a name that really holds a backslash wins if it exists."""
    literal = Path(text)
    if not _ESCAPED.search(text) or literal.exists():
        return literal
    return Path(_ESCAPED.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text))


# report.pdf p.12, report.pdf#12, report.pdf page 12, report.pdf 12, report.pdf p.iv, report.pdf p.A-3
_PAGE_NAME = re.compile(r"(?P<name>.+?)(?:\s*\#|\s+p\.?\s*|\s+page\s+|\s+)(?P<page>\d+|[ivxlcdm]+|[A-Za-z]-?\d+)", re.I)
_PRINTED = re.compile(r"\s*\(printed [^)]*\)\s*$")


def parse_page_name(text: str) -> tuple[str, str | None]:
    """Return the document and the page (number, printed label or None) that a text like `report.pdf p.12` names."""
    text = _PRINTED.sub("", text).strip()
    found = _PAGE_NAME.fullmatch(text)
    return (found["name"], found["page"]) if found and not Path(text).exists() else (text, None)


def printable(text: str) -> str:
    """Return text safe for a terminal: control characters (escape sequences among them) become blanks."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def page_image_filename(ref: PageRef) -> str:
    """Return a file name for a page's picture: `report-p12.jpg`."""
    stem = "".join(char if char.isalnum() or char in "-_." else "-" for char in Path(ref.path).stem)[:80]
    return f"{stem or 'page'}-p{ref.number}.jpg"
