"""Finds the tables of a sheet and writes each of their rows as a line: "Item: Roof; Cost: 1,234.50; Due: 2024-03-05".

A block is a rectangle of cells with blank rows and columns around it. Its first row names the columns where that
row has texts and the rows below have numbers, where it is set apart in bold, or where nothing else is known of a
table of texts with three or more columns.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

from pagelens.ingest.readers.office.workbook import DAYS, YEARS, Area, Sheet, SheetCell

MAX_LINE_WORDS = 50  # a longer row is several lines, each with the row's first cell: quotes are cut at 60 words
MAX_HEADER_CHARACTERS = 60
_MAX_HEADER_ROWS = 3
_MAX_MERGED_COLUMNS = 500

Rows = Mapping[int, Mapping[int, SheetCell]]


class CellWord(NamedTuple):
    """A word of a line, and the cell that it stands in or describes."""

    text: str
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A line of text made of a row of cells."""

    row: int
    words: tuple[CellWord, ...]

    @property
    def text(self) -> str:
        """The line as text."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class SheetTable:
    """The lines of a table, and the rows that name its columns (none where there are no such rows)."""

    lines: tuple[SheetLine, ...]
    header_rows: tuple[int, ...]


def tables_of(sheet: Sheet) -> list[SheetTable]:
    """Return the tables of a sheet from top to bottom and from left to right. Every cell with a value is in a line."""
    rows = _filled(sheet)
    wide = {(area.first_row, area.first_column): area for area in sheet.merged if area.last_column > area.first_column}
    tables: list[SheetTable] = []
    names: dict[int, str] = {}  # of the columns of the table above
    for block in _blocks(rows, sheet.merged):
        table = _table(block, wide, names)
        tables.append(table[0])
        names = table[1]
    return tables


def _filled(sheet: Sheet) -> dict[int, dict[int, SheetCell]]:
    """Return the rows; the value of a cell merged over several rows stands in each of them."""
    rows = {number: dict(cells) for number, cells in sheet.rows.items()}
    for area in sheet.merged:
        cell = rows.get(area.first_row, {}).get(area.first_column)
        if cell is not None:
            for row in range(area.first_row + 1, min(area.last_row, max(sheet.rows)) + 1):
                rows.setdefault(row, {}).setdefault(area.first_column, cell)
    return dict(sorted(rows.items()))


def _blocks(rows: Rows, merged: Sequence[Area]) -> Iterator[Rows]:
    """Yield the blocks: split at blank rows, then at blank columns, and so on."""
    spans = [area for area in merged if 0 < area.last_column - area.first_column < _MAX_MERGED_COLUMNS]
    by_row: dict[int, set[int]] = {row: set(cells) for row, cells in rows.items()}
    for area in spans:
        for row in range(area.first_row, min(area.last_row, max(rows)) + 1):
            if area.first_column in by_row.get(row, ()):
                by_row[row].update(range(area.first_column, area.last_column + 1))
    yield from _split(rows, by_row)


def _split(rows: Rows, occupied: Mapping[int, set[int]]) -> Iterator[Rows]:
    waiting = [rows]
    while waiting:
        part = waiting.pop(0)
        by_rows = [dict(group) for group in _runs_of_rows(part)]
        if len(by_rows) > 1:
            waiting[:0] = by_rows
            continue
        by_columns = _column_parts(part, occupied)
        if len(by_columns) > 1:
            waiting[:0] = by_columns
        elif part:
            yield part


def _runs_of_rows(rows: Rows) -> list[list[tuple[int, Mapping[int, SheetCell]]]]:
    items = [(row, cells) for row, cells in rows.items() if cells]
    return [[item for _, item in run] for _, run in groupby(enumerate(items), key=lambda pair: pair[1][0] - pair[0])]


def _column_parts(rows: Rows, occupied: Mapping[int, set[int]]) -> list[Rows]:
    """Return the parts of a block between blank columns; a blank column within a table parts nothing."""
    columns = sorted(set().union(*(occupied[row] & _reach(occupied[row], cells) for row, cells in rows.items())))
    runs = [[column for _, column in run] for _, run in groupby(enumerate(columns), key=lambda p: p[1] - p[0])]
    parts: list[dict[int, dict[int, SheetCell]]] = []
    for run in runs:
        inside = {row: {c: cell for c, cell in cells.items() if run[0] <= c <= run[-1]} for row, cells in rows.items()}
        part = {row: cells for row, cells in inside.items() if cells}
        if parts and part and _is_one_table(parts[-1], part):
            for row, cells in part.items():
                parts[-1].setdefault(row, {}).update(cells)
            parts[-1] = dict(sorted(parts[-1].items()))
        elif part:
            parts.append(part)
    return list(parts)


def _reach(columns: set[int], cells: Mapping[int, SheetCell]) -> set[int]:
    """Return the columns of a row that belong to its own cells, with what they are merged over."""
    last = max(cells)
    after = last
    while after + 1 in columns and after + 1 not in cells:
        after += 1
    return {column for column in columns if min(cells) <= column <= after}


def _is_one_table(left: Rows, right: Rows) -> bool:
    """Tell whether two blocks beside each other are one table with a blank column: their rows are the same."""
    first = {cell.text for cell in left[min(left)].values()} & {cell.text for cell in right[min(right)].values()}
    if first:  # both name a column alike
        return False
    if set(left) == set(right):
        return True
    is_labels = min(len(_columns(left)), len(_columns(right))) == 1 and min(left) == min(right)
    return is_labels and (set(left) <= set(right) or set(right) <= set(left)) and len(right) > 1 and len(left) > 1


def _columns(rows: Rows) -> list[int]:
    return sorted({column for cells in rows.values() for column in cells})


def _table(
    rows: Rows, wide: Mapping[tuple[int, int], Area], above: Mapping[int, str]
) -> tuple[SheetTable, dict[int, str]]:
    """Return a block's table, and the names of its columns; `above` names those of the block above."""
    columns = _columns(rows)
    numbers = list(rows)
    titles = 0
    while titles < len(numbers) - 1 and len(columns) > 1 and len(rows[numbers[titles]]) == 1:
        titles += 1
    lines = [_plain_line(row, rows[row]) for row in numbers[:titles]]
    body = numbers[titles:]
    count = _header_count(rows, body, wide)
    names = _names(rows, body[:count], wide, columns)
    if not count and len(columns) > 1 and above and set(columns) <= set(above) and _continues(rows, body):
        names = dict(above)
    is_pairs = not names and len(columns) == 2
    for row in body[count:]:
        lines += _row_lines(row, rows[row], names, columns, is_pairs=is_pairs)
    if count and not body[count:]:
        lines += [_plain_line(row, rows[row]) for row in body]
    return SheetTable(tuple(lines), tuple(body[:count])), names


def _continues(rows: Rows, body: Sequence[int]) -> bool:
    """Tell whether rows below a blank row go on with the table above it: they have as many numbers as texts."""
    return len(rows[body[0]]) > 1 and any(not cell.is_text for row in body[:5] for cell in rows[row].values())


def _header_count(rows: Rows, body: Sequence[int], wide: Mapping[tuple[int, int], Area]) -> int:
    """Return how many rows at the top of a table name its columns."""
    if len(body) < 2:
        return 0
    count = 0
    while count < min(_MAX_HEADER_ROWS, len(body) - 1) - 1 and _groups_columns(rows, body[count], wide):
        count += 1
    return count + 1 if _is_header(rows, body[count:], is_grouped=count > 0) else 0


def _groups_columns(rows: Rows, row: int, wide: Mapping[tuple[int, int], Area]) -> bool:
    """Tell whether a row has texts merged over several columns: names of groups of columns."""
    cells = rows[row]
    return any((row, column) in wide for column in cells) and all(
        cell.is_text or _is_year(cell) for cell in cells.values()
    )


def _is_header(rows: Rows, body: Sequence[int], *, is_grouped: bool) -> bool:
    """Tell whether a row names columns; below names of groups, the same name may stand in each group."""
    first, second = rows[body[0]], rows[body[1]]
    below = [rows[row] for row in body[1:50]]
    if len(first) < 2 or any(len(cell.text) > MAX_HEADER_CHARACTERS for cell in first.values()):
        return False
    texts = [cell.text.casefold() for cell in first.values()]
    if len(set(texts)) < len(texts) and not is_grouped and not all(cell.is_bold for cell in first.values()):
        return False
    if not all(cell.is_text for cell in first.values()):
        return _is_sequence(list(first.values())) and any(
            not cell.is_text for cells in below for cell in cells.values()
        )
    if any(not cell.is_text for cells in below for column, cell in cells.items() if column in first):
        return True
    if all(cell.is_bold for cell in first.values()) and not all(cell.is_bold for cell in second.values()):
        return True
    repeated = any(
        cells.get(column) and cells[column].text == cell.text for cells in below for column, cell in first.items()
    )
    return len(first) > 2 and not repeated


def _is_sequence(cells: Sequence[SheetCell]) -> bool:
    """Tell whether a row names its columns by years, dates, or numbers from 0 or 1 on: "Station, 2021, 2022"."""
    orders = [cell.order for cell in cells if not cell.is_text]
    known = [order for order in orders if order is not None]
    labels = [cell.is_text for cell in cells]
    if len(known) < max(1, len(orders)) or (any(labels) and not labels[0]):
        return False
    steps = [after - before for before, after in pairwise(known)]
    if known[0] in DAYS:
        return known[0] <= 1 and len(known) > 2 and all(step == 1 for step in steps)
    return all(step > 0 for step in steps) and known[-1] not in DAYS


def _is_year(cell: SheetCell) -> bool:
    return cell.order is not None and int(cell.order) in YEARS


def _names(
    rows: Rows, header: Sequence[int], wide: Mapping[tuple[int, int], Area], columns: Sequence[int]
) -> dict[int, str]:
    """Return the names of columns; those of groups of columns come first: "2023 Plan"."""
    parts: dict[int, list[str]] = {column: [] for column in columns}
    for row in header:
        for column, cell in rows[row].items():
            area = wide.get((row, column))
            for covered in range(column, (area.last_column if area else column) + 1):
                if cell.text not in parts.setdefault(covered, []):
                    parts[covered].append(cell.text)
    return {column: " ".join(names).rstrip(":") for column, names in parts.items() if names} if header else {}


def _plain_line(row: int, cells: Mapping[int, SheetCell]) -> SheetLine:
    words = [CellWord(word, row, column) for column, cell in sorted(cells.items()) for word in cell.text.split()]
    return SheetLine(row, tuple(words))


def _row_lines(
    row: int, cells: Mapping[int, SheetCell], names: Mapping[int, str], columns: Sequence[int], *, is_pairs: bool
) -> list[SheetLine]:
    """Return a row as a line, or as several that each begin with the row's first cell."""
    ordered = sorted(cells.items())
    if len(ordered) == 1 and ordered[0][0] == columns[0] and ordered[0][1].is_text and len(columns) > 1:
        return [_plain_line(row, cells)]  # the title of the rows below
    if is_pairs and len(ordered) == 2:
        (first, label), (second, value) = ordered
        words = [*_words(row, first, f"{label.text.rstrip(':')}:"), *_words(row, second, value.text)]
        return [SheetLine(row, tuple(words))]
    pieces = [_words(row, column, _named(names.get(column, ""), cell.text)) for column, cell in ordered]
    return [SheetLine(row, tuple(words)) for words in _lines_of_cells(pieces)]


def _named(name: str, text: str) -> str:
    return f"{name}: {text}" if name and name != text else text


def _words(row: int, column: int, text: str) -> list[CellWord]:
    return [CellWord(word, row, column) for word in text.split()]


def _lines_of_cells(pieces: Sequence[list[CellWord]]) -> Iterator[list[CellWord]]:
    """Join the cells of a row by semicolons into lines of at most `MAX_LINE_WORDS`, each with the first cell."""
    line: list[CellWord] = []
    cells = 0
    for piece in pieces:
        if cells > 1 and len(line) + len(piece) > MAX_LINE_WORDS:
            yield line
            line, cells = (list(pieces[0]), 1) if len(pieces[0]) < MAX_LINE_WORDS // 3 else ([], 0)
        if line:
            line[-1] = line[-1]._replace(text=f"{line[-1].text};")
        line += piece
        cells += 1
    if line:
        yield line


def repeated_header(tables: Sequence[SheetTable]) -> tuple[int, int] | None:
    """Return the first and last row to be repeated at the top of each page, None unless one table fills the sheet."""
    lines = Counter(index for index, table in enumerate(tables) for _ in table.lines)
    headers = [(index, table.header_rows) for index, table in enumerate(tables) if table.header_rows]
    if len(headers) != 1 or lines[headers[0][0]] < 0.8 * lines.total():
        return None
    return headers[0][1][0], headers[0][1][-1]
