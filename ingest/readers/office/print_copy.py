"""Writes the copy of a workbook that is drawn: wide columns, row numbers, nothing hidden, the sheet's name on top.

The copy keeps formats, pictures and charts. Its pages are as wide as the sheet, so that a row is on one page.
"""

import re
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

from pagelens.core.errors import ReadError
from pagelens.ingest.readers.office.archive import Element, OfficeArchive, parse_xml, to_bytes
from pagelens.ingest.readers.office.sheet_tables import SheetTable, repeated_header
from pagelens.ingest.readers.office.workbook import Sheet, workbook_part

MAX_DRAWN_BYTES = 300_000_000  # of a sheet's XML; rows without values at its end are left out before it is parsed
MAX_DRAWN_CELLS = 300_000  # with values, of all sheets
MAX_DRAWN_ROWS = 10_000  # of all sheets: 19,000 rows of nine columns took LibreOffice 90 s on two busy cores

LEFT_MARGIN = 0.4  # inches

_MAX_WIDTH = 60.0  # characters; longer texts are wrapped
_MIN_WIDTH = 8.0
_PADDING = 2.5  # characters
_MIN_HEIGHT, _MAX_HEIGHT = 15.0, 409.0  # points
_LINE_HEIGHT = 1.4  # of the size of type
_PORTRAIT_WIDTH, _LANDSCAPE_WIDTH = 95.0, 260.0  # characters that are readable across A4 upright, and across
_A4 = {"paperSize": "9"}  # ECMA-376 part 1, 18.3.1.63
_MM_PER_CHARACTER = 1.2  # of wider sheets' paper: half of the type's size, as on A4 at `_LANDSCAPE_WIDTH`
_MM_PER_ROW = 4.0
_MAX_ASPECT = 6.0  # width of a page by its height
_MAX_PAPER = 5_000  # mm: the largest page of a PDF has 14,400 points
_DROPPED_NAMES = ("_xlnm.Print_Area", "_xlnm.Print_Titles", "_xlnm._FilterDatabase")
_DROPPED_PARTS = ("cols", "printOptions", "pageMargins", "pageSetup", "headerFooter", "rowBreaks", "colBreaks",
                  "autoFilter", "protectedRanges", "sheetProtection")  # fmt: skip
# The elements of a worksheet that follow its print settings, and those before them (18.3.1.99).
_AFTER_PRINT = ("rowBreaks", "colBreaks", "customProperties", "cellWatches", "ignoredErrors", "smartTags", "drawing",
                "legacyDrawing", "legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls",
                "webPublishItems", "tableParts", "extLst")  # fmt: skip
_AFTER_PROPERTIES = ("dimension", "sheetViews", "sheetFormatPr", "sheetData")
_ROW = re.compile(rb"""<(?:\w+:)?row\s(?:[^>]*?\s)?r=["'](\d+)["']""")
_END_OF_ROWS = re.compile(rb"</(?:\w+:)?sheetData>")
_ROW_ATTRIBUTES = ("hidden", "ht", "customHeight", "collapsed")


def is_drawable(path: Path, sheets: Sequence[Sheet]) -> bool:
    """Tell whether a workbook is small enough to be drawn."""
    with OfficeArchive(path) as archive:
        sizes = [archive.size_of(sheet.part) for sheet in sheets]
    cells = sum(len(row) for sheet in sheets for row in sheet.rows.values())
    rows = sum(len(sheet.rows) for sheet in sheets)
    return max(sizes, default=0) <= MAX_DRAWN_BYTES and cells <= MAX_DRAWN_CELLS and rows <= MAX_DRAWN_ROWS


def write_print_copy(
    source: Path, target: Path, sheets: Sequence[Sheet], tables: Mapping[int, Sequence[SheetTable]]
) -> None:
    """Write the copy of `source` to `target`; `tables` has the tables of each sheet by its number.

    Raises ReadError: damaged.
    """
    with OfficeArchive(source) as archive:
        name = workbook_part(archive)
        changed = {name: to_bytes(_shown_book(_tree(archive, name), tables))}
        for sheet in sheets:
            content = archive.read(sheet.part, MAX_DRAWN_BYTES)
            root = parse_xml(without_rows_after(content, max(sheet.rows, default=1)), sheet.part)
            _prepare_sheet(root, sheet, _widths(sheet))
            changed[sheet.part] = to_bytes(root)
        for part in (target for kind, target in archive.related(name).values() if kind == "styles"):
            if (styles := archive.tree(part)) is not None:
                _wrap_texts(styles)
                changed[part] = to_bytes(styles)
        archive.copy_with(target, changed)


def without_rows_after(content: bytes, last: int) -> bytes:
    """Return a sheet's XML without the rows after row `last`: programs format a million empty ones."""
    end = next(_END_OF_ROWS.finditer(content), None)
    first = next((row for row in _ROW.finditer(content) if int(row[1]) > last), None)
    if first is None or end is None:
        return content
    return content[: first.start()] + content[end.start() :]


def _tree(archive: OfficeArchive, name: str) -> Element:
    root = archive.tree(name)
    if root is None:
        raise ReadError("damaged", f"its part {name} is missing: open and save it again")
    return root


def _shown_book(root: Element, tables: Mapping[int, Sequence[SheetTable]]) -> Element:
    """Show all sheets, and repeat the names of the columns at the top of each page."""
    namespace = root.tag.rpartition("}")[0] + "}"
    sheets = list(root.iter("{*}sheet"))
    for sheet in sheets:
        sheet.attrib.pop("state", None)
    for view in root.iter("{*}workbookView"):
        view.attrib.pop("visibility", None)
    names = root.find(f"{namespace}definedNames")
    if names is None:
        names = root.makeelement(f"{namespace}definedNames")
        next(root.iter(f"{namespace}sheets")).addnext(names)
    for defined in list(names):
        if defined.get("name") in _DROPPED_NAMES:
            names.remove(defined)
    for number, found in tables.items():
        rows = repeated_header(found)
        if rows and rows[1] <= 10 and number <= len(sheets):
            title = names.makeelement(f"{namespace}definedName", {"name": "_xlnm.Print_Titles"})
            title.set("localSheetId", str(number - 1))
            quoted = (sheets[number - 1].get("name") or "").replace("'", "''")
            title.text = f"'{quoted}'!${rows[0]}:${rows[1]}"
            names.append(title)
    if not len(names):
        root.remove(names)
    return root


def _prepare_sheet(root: Element, sheet: Sheet, widths: Mapping[int, float]) -> None:
    namespace = root.tag.rpartition("}")[0] + "}"
    for child in [child for child in root if _local(child) in _DROPPED_PARTS]:
        root.remove(child)
    heights = _heights(sheet, widths)
    for row in root.iter(f"{namespace}row"):
        for attribute in _ROW_ATTRIBUTES:
            row.attrib.pop(attribute, None)
        number = row.get("r", "")
        if number.isdecimal() and int(number) in heights:  # LibreOffice computes no heights when it opens a file
            row.set("ht", f"{heights[int(number)]:.1f}")
            row.set("customHeight", "1")
    for view in root.iter(f"{namespace}sheetView"):
        view.attrib.pop("rightToLeft", None)  # row numbers are looked for on the left
        view.attrib.pop("showFormulas", None)
    _fit_to_width(root, namespace)
    _set_widths(root, namespace, widths)
    page = {"fitToWidth": "1", "fitToHeight": "0", **_paper(sum(widths.values()), max(sheet.rows, default=1))}
    margins = {
        "left": f"{LEFT_MARGIN}",
        "right": "0.4",
        "top": "0.8",
        "bottom": "0.5",
        "header": "0.4",
        "footer": "0.2",
    }
    header = root.makeelement(f"{namespace}headerFooter")
    header.append(root.makeelement(f"{namespace}oddHeader"))
    header[0].text = "&L" + sheet.title.replace("&", "&&")
    settings = [
        root.makeelement(f"{namespace}printOptions", {"headings": "1", "gridLines": "1"}),
        root.makeelement(f"{namespace}pageMargins", margins),
        root.makeelement(f"{namespace}pageSetup", page),
        header,
    ]
    following = next((child for child in root if _local(child) in _AFTER_PRINT), None)
    position = len(root) if following is None else root.index(following)
    for setting in reversed(settings):
        root.insert(position, setting)


def _paper(width: float, rows: int) -> dict[str, str]:
    """Return the paper for a sheet of so many characters and rows: A4, or so large that its type can be read."""
    if width <= _LANDSCAPE_WIDTH:
        return {**_A4, "orientation": "portrait" if width <= _PORTRAIT_WIDTH else "landscape"}
    across = min(_MAX_PAPER, width * _MM_PER_CHARACTER)
    down = min(across / 2**0.5, max(across / _MAX_ASPECT, rows * _MM_PER_ROW + 40))
    return {"paperWidth": f"{across:.0f}mm", "paperHeight": f"{down:.0f}mm", "orientation": "portrait"}


def _fit_to_width(root: Element, namespace: str) -> None:
    properties = root.find(f"{namespace}sheetPr")
    if properties is None:
        properties = root.makeelement(f"{namespace}sheetPr")
        root.insert(0, properties)
    for child in [child for child in properties if _local(child) == "pageSetUpPr"]:
        properties.remove(child)
    properties.append(root.makeelement(f"{namespace}pageSetUpPr", {"fitToPage": "1"}))


def _set_widths(root: Element, namespace: str, widths: Mapping[int, float]) -> None:
    if not widths:
        return
    columns = root.makeelement(f"{namespace}cols")
    for column, width in sorted(widths.items()):
        place = {"min": str(column), "max": str(column), "width": f"{width:.1f}", "customWidth": "1"}
        columns.append(root.makeelement(f"{namespace}col", place))
    next(root.iter(f"{namespace}sheetData")).addprevious(columns)


def _widths(sheet: Sheet) -> dict[int, float]:
    """Return the width of each column in characters, so that numbers are not cut off; long texts are wrapped."""
    merged = _merged_columns(sheet)
    widths: dict[int, float] = {}
    for row, cells in sheet.rows.items():
        for column, cell in cells.items():
            is_title = len(cells) == 1 and cell.is_text
            needed = max(cell.line_widths) / merged.get((row, column), 1) + _PADDING
            widths[column] = max(
                widths.get(column, _MIN_WIDTH), min(needed, _MAX_WIDTH / 2 if is_title else _MAX_WIDTH)
            )
    return widths


def _heights(sheet: Sheet, widths: Mapping[int, float]) -> dict[int, float]:
    """Return the height of each row in points, so that all lines of its texts are drawn."""
    merged = _merged_columns(sheet)
    heights: dict[int, float] = {}
    for row, cells in sheet.rows.items():
        needed = [_MIN_HEIGHT]
        for column, cell in cells.items():
            covered = range(column, column + merged.get((row, column), 1))
            room = sum(widths.get(one, _MIN_WIDTH) for one in covered) - _PADDING / 2
            lines = sum(max(1, ceil(width / room)) for width in cell.line_widths)
            needed.append(lines * cell.type_size * _LINE_HEIGHT)
        heights[row] = min(_MAX_HEIGHT, max(needed))
    return heights


def _merged_columns(sheet: Sheet) -> dict[tuple[int, int], int]:
    """Return how many columns each merged cell covers."""
    return {(area.first_row, area.first_column): area.last_column - area.first_column + 1 for area in sheet.merged}


def _wrap_texts(styles: Element) -> None:
    """Have every cell format break long texts into lines."""
    for formats in styles.iter("{*}cellXfs", "{*}cellStyleXfs"):
        for form in formats.iter("{*}xf"):
            alignment = next(form.iter("{*}alignment"), None)
            if alignment is None:
                alignment = form.makeelement(form.tag.replace("}xf", "}alignment"))
                form.insert(0, alignment)
            alignment.set("wrapText", "1")
            alignment.attrib.pop("shrinkToFit", None)
            form.set("applyAlignment", "1")


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
