"""Makes the pages of a workbook: the text of its cells, row by row, on the drawn pages that show these rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, zip_longest

from pagelens.core.types import Box, Page, PageText
from pagelens.ingest.readers.office.print_copy import LEFT_MARGIN
from pagelens.ingest.readers.office.sheet_grid import SheetGrid, find_grid
from pagelens.ingest.readers.office.sheet_tables import SheetLine, SheetTable
from pagelens.ingest.readers.office.workbook import MAX_CELLS, Sheet, column_letters
from pagelens.ingest.text.page_text import Word, assemble_text

MAX_LOST_LINES = 20  # lines of cells that are only captions, since no drawn page shows their row

_POINTS_PER_INCH = 72
_MAX_CAPTION = 8_000  # characters
_LINES_OF_PLAIN_PAGE = 40
_LAST_COLUMN = 16_384
_OTHER_BLOCKS = 1_000_000  # the number of the first block after those of the rows


@dataclass(slots=True)
class _DrawnPage:
    """A page of the drawn workbook, and what of it is shown there first."""

    page: Page
    grid: SheetGrid | None
    lines: list[SheetLine] = field(default_factory=list)
    lost: list[SheetLine] = field(default_factory=list)  # lines that no page shows


@dataclass(frozen=True, slots=True)
class PlainSheetPage:
    """Lines of a sheet for a page that is not drawn by LibreOffice."""

    lines: tuple[str, ...]  # the sheet's title first
    label: str
    caption: str
    problem: str


def sheet_pages(
    drawn: Iterable[Page], sheets: Sequence[Sheet], tables: Mapping[int, Sequence[SheetTable]]
) -> list[Page] | None:
    """Return the drawn pages with the text of the cells that they show. A page without cells (a chart) stays as it is.

    Every line of every table is on one page: the first one that shows its row. Returns None where more than
    `MAX_LOST_LINES` are on none, as in sheets so wide that their type is too small to read.
    """
    pages = [_DrawnPage(page, find_grid(page.text, LEFT_MARGIN * _POINTS_PER_INCH / page.width)) for page in drawn]
    by_number = {sheet.number: sheet for sheet in sheets}
    for sheet in sheets:
        lines = [line for table in tables[sheet.number] for line in table.lines]
        _place_lines(lines, [page for page in pages if page.grid and page.grid.sheet == sheet.number], pages)
    if sum(len(page.lost) for page in pages) > MAX_LOST_LINES:
        return None
    return [_finished(page, by_number) for page in pages]


def _place_lines(lines: Sequence[SheetLine], of_sheet: Sequence[_DrawnPage], pages: Sequence[_DrawnPage]) -> None:
    """Put each line on the first page that shows its row; where none does, on the page of the line before."""
    first = {
        row: page for page in reversed(of_sheet) if page.grid is not None for row in page.grid.rows
    }  # the first page that shows a row
    last = of_sheet[0] if of_sheet else (pages[-1] if pages else None)
    for line in lines:
        if page := first.get(line.row):
            page.lines.append(line)
            last = page
        elif last is not None:
            last.lost.append(line)


def _finished(drawn: _DrawnPage, sheets: Mapping[int, Sheet]) -> Page:
    page, grid = drawn.page, drawn.grid
    sheet = sheets.get(grid.sheet) if grid else None
    if grid is None or sheet is None:
        if not drawn.lost:
            return page
        caption = _lines_text(drawn.lost)[:_MAX_CAPTION]
        return replace(page, problem=page.problem or _lost_text(drawn.lost), caption=caption)
    problem = page.problem or (_lost_text(drawn.lost) if drawn.lost else "") or _sheet_problem(sheet)
    rows = sorted({line.row for line in drawn.lines}) or sorted(grid.rows)
    caption = "\n".join(filter(None, (_sheet_caption(sheet, rows), _lines_text(drawn.lost))))[:_MAX_CAPTION]
    text = _page_text(page.text, grid, sheet, drawn.lines)
    return replace(page, text=text, label=_label(sheet, rows), caption=caption, problem=problem)


def plain_sheet_pages(sheets: Sequence[Sheet], tables: Mapping[int, Sequence[SheetTable]]) -> list[PlainSheetPage]:
    """Return the lines of all sheets, some 40 a page."""
    pages: list[PlainSheetPage] = []
    for sheet in sheets:
        lines = [line for table in tables[sheet.number] for line in table.lines]
        for start in range(0, len(lines), _LINES_OF_PLAIN_PAGE):
            part = lines[start : start + _LINES_OF_PLAIN_PAGE]
            rows = sorted({line.row for line in part})
            texts = (sheet.title, *(line.text for line in part))
            pages.append(PlainSheetPage(texts, _label(sheet, rows), _sheet_caption(sheet, rows), _sheet_problem(sheet)))
    return pages


def _label(sheet: Sheet, rows: Sequence[int]) -> str:
    """Return "sheet Budget, rows 2-40"."""
    hidden = " (hidden)" if sheet.is_hidden else ""
    numbers = f"row {rows[0]}" if len(rows) == 1 else f"rows {rows[0]}-{rows[-1]}"
    return f"sheet {sheet.name}{hidden}, {numbers}"


def _lost_text(lines: Sequence[SheetLine]) -> str:
    rows = _ranges(sorted({line.row for line in lines}))
    return f"rows {rows} are not in the picture: they are found, but have no place on it"


def _lines_text(lines: Sequence[SheetLine]) -> str:
    return "\n".join(line.text for line in lines)


def _sheet_problem(sheet: Sheet) -> str:
    if sheet.is_cut:
        return f"the workbook has more than {MAX_CELLS:,} cells with values: the rows after these are not read"
    if sheet.has_unknown_values:
        return "the file does not hold the results of its formulas: open and save it in a spreadsheet program"
    return ""


def _sheet_caption(sheet: Sheet, rows: Sequence[int]) -> str:
    """Return the comments on rows, and what of the sheet is hidden in the original."""
    shown = set(rows)
    lines = [text for row, text in sheet.comments if row in shown]
    hidden = [row for row in sheet.hidden_rows if row in shown]
    if hidden:
        lines.append(f"Hidden rows: {_ranges(hidden)}")
    if sheet.hidden_columns:
        lines.append(f"Hidden columns: {', '.join(map(column_letters, sheet.hidden_columns[:50]))}")
    return "\n".join(lines)[:_MAX_CAPTION]


def _ranges(numbers: Sequence[int]) -> str:
    """Return 1, 2, 3, 7 as "1-3, 7"."""
    runs = [list(run) for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])]
    texts = [f"{run[0][1]}-{run[-1][1]}" if len(run) > 1 else str(run[0][1]) for run in runs]
    return ", ".join(texts[:20])


def _page_text(drawn: PageText, grid: SheetGrid, sheet: Sheet, lines: Sequence[SheetLine]) -> PageText:
    """Return the sheet's title, the lines with the boxes of their words, and what else is drawn on the page."""
    boxes = [Box(*box) for box in drawn.boxes.tolist()]
    texts = [drawn.text[start:end] for start, end in drawn.spans.tolist()]
    areas = _areas(sheet)
    reach = _reach_of_cells(grid, sheet, areas)
    words = [Word(texts[index], *boxes[index], 0, 0) for index in grid.title]
    by_row = _words_by_row(boxes, grid)
    used = set(grid.headings)
    for number, line in enumerate(lines, 1):
        for text, row, column in line.words:
            cell = grid.cell_box(row, column, areas.get((row, column), column))
            assert cell is not None  # the line was placed by its row
            match = _match(text, reach[row, column], by_row[row], boxes, texts, used)
            words.append(Word(text, *(cell if match is None else boxes[match]), number, number))
            used |= set() if match is None else {match}
    rows = {index: row for row, indices in by_row.items() for index in indices}
    words += _other_words(drawn, reach, rows, used)
    return assemble_text(words)


def _areas(sheet: Sheet) -> dict[tuple[int, int], int]:
    """Return the last column of each cell that is merged over several columns, also of its further rows."""
    return {
        (row, area.first_column): area.last_column
        for area in sheet.merged
        for row in range(area.first_row, min(area.last_row, area.first_row + 1000) + 1)
    }


def _words_by_row(boxes: Sequence[Box], grid: SheetGrid) -> dict[int, list[int]]:
    """Return the indices of the words in each row, in the drawn order."""
    found: dict[int, list[int]] = defaultdict(list)
    bands = sorted((top, bottom, row) for row, (top, bottom) in grid.rows.items())
    for index, box in enumerate(boxes):
        y = (box.y0 + box.y1) / 2
        row = next((row for top, bottom, row in bands if top <= y < bottom), None)
        if row is not None:
            found[row].append(index)
    return found


def _match(
    text: str, cell: Box, in_row: Sequence[int], boxes: Sequence[Box], texts: Sequence[str], used: set[int]
) -> int | None:
    """Return the drawn word in a cell that is `text`, None where there is none left."""
    plain = text.removesuffix(";")
    for index in in_row:
        if index not in used and texts[index] in (text, plain) and _is_in(boxes[index], cell):
            return index
    return None


def _is_in(word: Box, cell: Box) -> bool:
    return cell.x0 <= (word.x0 + word.x1) / 2 <= cell.x1


def _other_words(
    drawn: PageText, reach: Mapping[tuple[int, int], Box], rows: Mapping[int, int], used: set[int]
) -> list[Word]:
    """Return the words that no cell of the sheet has: of charts and text boxes. They are blocks of their own.

    `rows` has the row of each word, `reach` the places of the texts of cells.
    """
    filled = defaultdict(list)
    for (row, _column), box in reach.items():
        filled[row].append(box)
    words: list[Word] = []
    before, block, line = 0, _OTHER_BLOCKS, 0
    for index, ((start, end), box) in enumerate(zip(drawn.spans.tolist(), drawn.boxes.tolist(), strict=True)):
        gap = drawn.text[before:start]
        block, line = block + (gap.count("\n") > 1), line + ("\n" in gap)
        before = end
        cells = filled.get(rows[index], ()) if index in rows else ()
        if index not in used and not any(_is_in(Box(*box), cell) for cell in cells):
            words.append(Word(drawn.text[start:end], *Box(*box), block, line))
    return words


def _reach_of_cells(grid: SheetGrid, sheet: Sheet, areas: Mapping[tuple[int, int], int]) -> dict[tuple[int, int], Box]:
    """Return where the text of each cell may stand: in its columns, and in empty ones after them."""
    merged: dict[int, set[int]] = defaultdict(set)
    for row, column in areas:
        merged[row].add(column)
    reach: dict[tuple[int, int], Box] = {}
    for row in grid.rows:
        columns = sorted({*sheet.rows.get(row, ()), *merged.get(row, ())})
        for column, following in zip_longest(columns, columns[1:], fillvalue=_LAST_COLUMN + 1):
            own_last = areas.get((row, column), column)
            box = grid.cell_box(row, column, max(own_last, following - 1))
            if box is not None:
                reach[row, column] = box
    return reach
