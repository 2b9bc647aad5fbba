"""Reads the cells of a workbook (XLSX) as they are shown: texts, merged areas, comments, hidden sheets and rows."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

from pagelens.core.errors import ReadError
from pagelens.ingest.readers.office.archive import OfficeArchive
from pagelens.ingest.readers.office.number_formats import shown_value

MAX_CELLS = 500_000  # with a value, of all sheets: half a gigabyte while they are read
MAX_STRINGS_BYTES = 200_000_000  # of the list of texts, which is kept in memory
MAX_SHEET_BYTES = 600_000_000  # of a sheet's XML, which is read as a stream
MAX_CELL_CHARACTERS = 4_000
DAYS, YEARS = range(32), range(1900, 2101)  # numbers that may name columns
NORMAL_SIZE = 11.0  # points of type in which column widths are counted

STRUCK_OUT = " (struck out)"
"""What follows the text of a cell with a line through it."""

_MAX_LINES = 100  # of a cell whose height is computed
_BOLD = 1.1  # how much wider bold type is
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_THREADED = re.compile(r"(?s)^\[Threaded comment\].*?Comment:\s*")


class SheetCell(NamedTuple):
    """A cell with a value."""

    text: str  # as it is shown, in one line
    is_text: bool  # whether its value is a text, and no number, date or truth value
    is_bold: bool
    order: float | None  # the place in a sequence of a date, or of a number in `DAYS` or `YEARS`; else None
    line_widths: tuple[float, ...]  # of the lines in the cell, in characters of the normal type
    type_size: float  # points


class Area(NamedTuple):
    """A rectangle of cells; rows and columns are counted from 1, the last ones belong to it."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


@dataclass(slots=True, kw_only=True)
class Sheet:
    """A sheet with its cells."""

    number: int  # from 1, in the workbook's order, hidden sheets too
    name: str
    part: str  # the name of its part in the file
    is_hidden: bool
    rows: dict[int, dict[int, SheetCell]] = field(default_factory=dict)  # by row and column, from 1
    merged: list[Area] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)  # row and text
    is_cut: bool = False  # whether there are more cells than `MAX_CELLS`
    has_unknown_values: bool = False  # formulas whose results are not in the file

    @property
    def title(self) -> str:
        """The sheet's number and name, as printed at the top of its pages."""
        return f"Sheet {self.number}: {self.name}{' (hidden)' if self.is_hidden else ''}"


@dataclass(slots=True)
class _Structure:
    """What a first pass over a sheet's XML finds."""

    last_row: int = 0
    merged: list[Area] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    formulas: dict[tuple[int, int], str] = field(default_factory=dict)  # without a result in the file


def read_workbook(path: Path) -> list[Sheet]:
    """Return the sheets of a workbook with their cells. Raises ReadError: damaged, too-large, encrypted."""
    with OfficeArchive(path) as archive:
        sheets = _sheets(archive)
        _check_other_parts(archive, sheets)
        structures = {sheet.number: _structure(archive, sheet.part) for sheet in sheets}
        for sheet in sheets:
            sheet.comments = _comments(archive, sheet.part)
    from openpyxl import load_workbook  # 0.3 s

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions that openpyxl does not know
            book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
            try:
                _read_cells(book, sheets, structures)
            finally:
                book.close()
    except (ReadError, MemoryError):
        raise
    except Exception as exc:  # openpyxl raises whatever its parsers raise
        raise ReadError("damaged", f"its sheets cannot be read ({exc}): open and save it again") from exc
    return sheets


def _check_other_parts(archive: OfficeArchive, sheets: list[Sheet]) -> None:
    """Check the parts that openpyxl may read besides the sheets. Raises ReadError: damaged, too-large."""
    of_sheets = {sheet.part for sheet in sheets}
    for name in archive.names():
        if name in of_sheets or not name.lower().endswith((".xml", ".rels")):
            continue
        if archive.size_of(name) > MAX_STRINGS_BYTES:
            limit = f"expected {name} to be at most {MAX_STRINGS_BYTES:,} bytes"
            raise ReadError("too-large", f"{limit}, found {archive.size_of(name):,}: split the workbook")
        for _ in archive.chunks(name):
            pass  # raises where it has a document type


def column_letters(column: int) -> str:
    """Return 1 as A, 27 as AA."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def cell_position(reference: str) -> tuple[int, int] | None:
    """Return the row and column of "B7", None where it is no reference."""
    match = _REFERENCE.fullmatch(reference.replace("$", ""))
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return int(match[2]), column


def workbook_part(archive: OfficeArchive) -> str:
    """Return the name of the part that lists the sheets. Raises ReadError: damaged."""
    parts = [target for kind, target in archive.related("").values() if kind == "officeDocument"]
    if not parts or parts[0] not in archive.names():
        raise ReadError("damaged", "expected a workbook, found none in the file: open and save it again")
    return parts[0]


def _sheets(archive: OfficeArchive) -> list[Sheet]:
    part = workbook_part(archive)
    root, related = archive.tree(part), archive.related(part)
    assert root is not None
    sheets: list[Sheet] = []
    for number, element in enumerate(root.iter("{*}sheet"), 1):
        key = next((value for name, value in element.attrib.items() if name.endswith("}id")), "")
        kind, target = related.get(key, ("", ""))
        if kind == "worksheet" and target in archive.names():
            name = " ".join((element.get("name") or "").split())
            hidden = element.get("state", "visible") != "visible"
            sheets.append(Sheet(number=number, name=name, part=target, is_hidden=hidden))
    return sheets


def _structure(archive: OfficeArchive, part: str) -> _Structure:
    """Read a sheet's XML as a stream: the last row with a value, merged areas, what is hidden."""
    found = _Structure()
    if archive.size_of(part) > MAX_SHEET_BYTES:
        raise ReadError("too-large", f"expected sheets of at most {MAX_SHEET_BYTES:,} bytes of XML: split the workbook")
    try:
        for element in _elements(archive, part):
            _note_element(found, element)
    except (etree.XMLSyntaxError, ValueError, OSError) as exc:
        raise ReadError("damaged", f"its part {part} cannot be read ({exc}): open and save it again") from exc
    return found


def _elements(archive: OfficeArchive, part: str) -> Iterator[Any]:
    """Yield the rows, merged areas and columns of a sheet, and free them."""
    tags = ("{*}row", "{*}mergeCell", "{*}col")
    parser = etree.XMLPullParser(events=("end",), tag=tags, resolve_entities=False, no_network=True, load_dtd=False)
    for chunk in archive.chunks(part):
        parser.feed(chunk)
        for _, element in parser.read_events():
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _note_element(found: _Structure, element: Any) -> None:
    kind = element.tag.rpartition("}")[2]
    is_hidden = element.get("hidden") in ("1", "true")
    if kind == "mergeCell":
        corners = [cell_position(corner) for corner in (element.get("ref") or "").split(":")]
        if len(corners) == 2 and corners[0] and corners[1]:
            found.merged.append(Area(*corners[0], *corners[1]))
    elif kind == "col":
        first, last = int(element.get("min") or 0), int(element.get("max") or 0)
        if is_hidden and last - first < 1000:  # else: all columns behind the table
            found.hidden_columns += range(first, last + 1)
    else:
        _note_row(found, element, is_hidden=is_hidden)


def _note_row(found: _Structure, row: Any, *, is_hidden: bool) -> None:
    number = int(row.get("r") or found.last_row + 1)
    has_value = False
    for cell in row:
        names = {child.tag.rpartition("}")[2]: child for child in cell if isinstance(child.tag, str)}
        value = names.get("v")
        has_value |= value is not None or "is" in names or "f" in names
        position = cell_position(cell.get("r") or "")
        if "f" in names and (value is None or not value.text) and position and cell.get("t") != "str":
            found.formulas[position] = f"={names['f'].text or ''}"
    if has_value:
        found.last_row = max(found.last_row, number)
        if is_hidden:
            found.hidden_rows.append(number)


def _read_cells(book: Any, sheets: list[Sheet], structures: dict[int, _Structure]) -> None:
    left = MAX_CELLS
    for sheet in sheets:
        found = structures[sheet.number]
        sheet.merged, sheet.hidden_rows = found.merged, found.hidden_rows
        sheet.hidden_columns, sheet.has_unknown_values = found.hidden_columns, bool(found.formulas)
        worksheet = next((one for one in book.worksheets if one.title.split() == sheet.name.split()), None)
        if worksheet is None or not found.last_row:
            continue
        worksheet.reset_dimensions()
        for cells in worksheet.iter_rows(max_row=found.last_row):
            for cell in cells:
                shown = _shown_cell(cell, found.formulas)
                if shown is not None:
                    sheet.rows.setdefault(cell.row, {})[cell.column] = shown
                    left -= 1
            if left <= 0:
                sheet.is_cut = True
                break


def _shown_cell(cell: Any, formulas: dict[tuple[int, int], str]) -> SheetCell | None:
    value = cell.value
    if value is None and formulas and getattr(cell, "row", None) is not None:
        value = formulas.get((cell.row, cell.column))
    if value is None:
        return None
    text = shown_value(value, cell.number_format)[:MAX_CELL_CHARACTERS]
    if not text:
        return None
    font = cell.font
    if font and font.strike:
        text += STRUCK_OUT
    is_bold = bool(font and font.b)
    size = float(font.sz or NORMAL_SIZE) if font else NORMAL_SIZE
    scale = size / NORMAL_SIZE * (_BOLD if is_bold else 1.0)
    lines = value.strip().split("\n")[:_MAX_LINES] if isinstance(value, str) and "\n" in value else (text,)
    return SheetCell(
        text=text,
        is_text=isinstance(value, str) and not text.startswith(("=", "#")),
        is_bold=is_bold,
        order=_order(value),
        line_widths=tuple(len(line) * scale for line in lines),
        type_size=size,
    )


def _order(value: object) -> float | None:
    if isinstance(value, datetime | date):
        return float(value.toordinal())
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return float(value) if value in DAYS or value in YEARS else None


def _comments(archive: OfficeArchive, part: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for kind, target in archive.related(part).values():
        root = archive.tree(target) if kind == "comments" else None
        if root is None:
            continue
        authors = [" ".join((author.text or "").split()) for author in root.iter("{*}author")]
        for comment in root.iter("{*}comment"):
            at = int(comment.get("authorId") or 0)
            author = authors[at] if 0 <= at < len(authors) else ""
            text = _THREADED.sub("", "".join(part.text or "" for part in comment.iter("{*}t")).strip())
            text = " ".join(text.removeprefix(f"{author}:").split())
            position = cell_position(comment.get("ref") or "")
            if text and position:
                cell = f"{column_letters(position[1])}{position[0]}"
                by = f" by {author}" if author and not author.startswith("tc=") else ""
                found.append((position[0], f"Comment{by} on {cell}: {text}"))
    return sorted(found)
