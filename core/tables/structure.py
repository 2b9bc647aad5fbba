"""Tables and charts of a page: columns of values, each value with the labels of its row and the path of its headers.

Values stand in one column if they are aligned below one another; columns belong to one table if they share rows. It
serves charts whose labels are text too: a bar's value has its label beside it or below it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pagelens.core.tables.chunks import Chunk, bounding_box, find_chunks, horizontal_overlap, vertical_overlap
from pagelens.core.types import Box, PageText

COLUMN_GAP = 5.0  # in heights: values farther below one another are two columns
HEADER_GAP = 3.0  # in heights: from a header to the header below it
FIRST_HEADER_GAP = 5.5  # in heights: from a header to the first value below it, with group labels between
BELOW_GAP = 12.0  # in heights: from a value on a bar to the label below the bar
BESIDE_GAP = 6.0  # in letters: from a value to the label right of it
ROW_GAP = 0.25  # of the page's width: from a label to the next one right of it
MAX_HEADERS = 5
HEADER_LETTERS = 12  # that a header may begin left of the values of its table
LABEL_GAP = 0.8  # in heights: lines of one label
CLOSE_LINES = 0.7  # of the distance of rows: lines of one label
CONTEXT_LINES = 6  # above a table, that may say what it shows
CAPTION_LINES = 3  # of a numbered caption that are read
CAPTION_REACH = 0.08  # of the page's height, between a table and its numbered caption
INTERLACED = 0.25  # of the smaller box: columns whose boxes overlap so far are of one chart
SAME_ROW = 0.4  # of the lower chunk's height

_CAPTION = re.compile(
    r"(table|figure|fig|chart|exhibit|graph|abb|tabelle|tableau|tabla|tabela)\b.{0,3}\d", re.IGNORECASE
)
_SECTION_NUMBER = re.compile(r"\d+(\.\d+)*\.?")

Path = tuple[Chunk, ...]
"""Labels of a cell, from the outermost to the nearest."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with its labels."""

    value: Chunk
    row: Path  # on its row, from left to right, with the further lines of a label
    section: Path  # the label without values above the row: of a group of rows, or of the column of labels
    column: Path  # above it, from top to bottom


@dataclass(frozen=True, slots=True)
class Column:
    """Values below one another, from top to bottom."""

    header: Path
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns that share rows, from left to right; with the lines around that may name what it shows."""

    columns: Sequence[Column]
    caption: Sequence[Chunk]
    box: Box  # around its values, labels and headers


def find_tables(text: PageText) -> Sequence[Table]:
    """Return the tables of a page, from top to bottom."""
    return _cached_tables(_PageKey(text)) if len(text.spans) else ()


class _PageKey:
    """A page's text as the key of a cache."""

    __slots__ = ("text",)

    def __init__(self, text: PageText) -> None:
        self.text = text

    def __hash__(self) -> int:
        return hash(self.text.text)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _PageKey)
            and self.text.text == other.text.text
            and np.array_equal(self.text.boxes, other.text.boxes)
        )


@lru_cache(64)
def _cached_tables(key: _PageKey) -> tuple[Table, ...]:
    labels = _Labels(find_chunks(key.text))
    groups = [part for group in _share_rows(labels.value_columns()) for part in labels.side_by_side(_in_order(group))]
    tables = [labels.table(group) for group in groups]
    return tuple(sorted((table for table in tables if _has_labels(table)), key=lambda table: table.box[1::-1]))


def _has_labels(table: Table) -> bool:
    cells = [cell for column in table.columns for cell in column.cells]
    numbered = len(cells) == 1 and _SECTION_NUMBER.fullmatch(cells[0].value.text) is not None
    return not numbered and any(cell.row or cell.column for cell in cells)


def _distance_below(upper: Chunk, lower: Chunk) -> float:
    """Return how far a value is below the last one of a column, infinite if it does not continue it."""
    height = max(upper.height, lower.height)
    gap = lower.box.y0 - upper.box.y1
    if not -0.35 * height < gap < COLUMN_GAP * height:
        return np.inf
    letter = max(upper.letter_width, lower.letter_width)
    middles = abs(upper.box.x0 + upper.box.x1 - lower.box.x0 - lower.box.x1) / 2
    offset = min(abs(upper.box.x1 - lower.box.x1), abs(upper.box.x0 - lower.box.x0), middles)
    if offset > 2 * letter and horizontal_overlap(upper.box, lower.box) < 0.6:
        return np.inf
    return gap + offset


def _share_rows(columns: Sequence[list[Chunk]]) -> list[list[list[Chunk]]]:
    """Return the columns, from left to right, in groups that share half of the rows of the shorter one."""
    groups: list[list[list[Chunk]]] = []
    for column in sorted(columns, key=lambda column: (column[0].box.x0, column[0].box.y0)):
        joined = [group for group in groups if any(_shared_rows(column, other) >= 0.5 for other in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([*(member for group in joined for member in group), column])
    return _join_interlaced(groups)


def _join_interlaced(groups: Sequence[list[list[Chunk]]]) -> list[list[list[Chunk]]]:
    """Join groups of columns that stand in one another's boxes: bars of several lengths in one chart."""
    joined: list[list[list[Chunk]]] = []
    for group in groups:
        inside = [other for other in joined if _are_interlaced(group, other)]
        joined = [other for other in joined if other not in inside]
        joined.append([*(column for other in inside for column in other), *group])
    return joined


def _are_interlaced(first: Sequence[list[Chunk]], second: Sequence[list[Chunk]]) -> bool:
    one, two = (bounding_box([value.box for column in group for value in column]) for group in (first, second))
    if horizontal_overlap(one, two) <= INTERLACED:
        return False
    single_rows = len(first) == len(second) > 1 and all(len(column) == 1 for column in (*first, *second))
    gap = max(one.y0 - two.y1, two.y0 - one.y1)
    return vertical_overlap(one, two) > INTERLACED or (single_rows and gap < COLUMN_GAP * first[0][0].height)


def _in_order(columns: list[list[Chunk]]) -> list[list[Chunk]]:
    """Return the columns of a table; of a bar chart, whose values are not aligned, the first of each row, and so on."""
    rows: list[list[Chunk]] = []
    for value in sorted((value for column in columns for value in column), key=lambda value: value.box.y0):
        row = next((row for row in rows if _on_one_row(row[0], value)), None)
        if row is None:
            rows.append([value])
        else:
            row.append(value)
    width = max(map(len, rows))
    if len(columns) <= width or len(rows) < 2 or any(len(row) < width for row in rows):
        return columns
    ordered = [sorted(row, key=lambda value: value.box.x0) for row in rows]
    return [[row[place] for row in ordered] for place in range(width)]


def _shared_rows(first: Sequence[Chunk], second: Sequence[Chunk]) -> float:
    shorter, longer = sorted((first, second), key=len)
    if shorter[0].box.y0 > longer[-1].box.y1 or longer[0].box.y0 > shorter[-1].box.y1:
        return 0.0
    return sum(any(_on_one_row(value, other) for other in longer) for value in shorter) / len(shorter)


def _on_one_row(first: Chunk, second: Chunk) -> bool:
    return vertical_overlap(first.box, second.box) > SAME_ROW


def _middle(chunk: Chunk) -> float:
    return (chunk.box.x0 + chunk.box.x1) / 2


def _in_reading_order(labels: Sequence[Chunk]) -> list[Chunk]:
    """Return labels from left to right, those below one another from top to bottom."""
    left = {chunk.first: min(o.box.x0 for o in labels if horizontal_overlap(o.box, chunk.box) > 0) for chunk in labels}
    return sorted(labels, key=lambda chunk: (left[chunk.first], chunk.box.y0))


def _pitch(column: Sequence[Chunk]) -> float:
    """Return the distance of rows: the median over the values of a column, 0 of a single one."""
    tops = [value.box.y0 for value in column]
    return float(np.median(np.diff(tops))) if len(tops) > 1 else 0.0


class _Labels:
    """Looks up the labels and the headers of values among the chunks of a page."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = chunks
        self._x0, self._y0, self._x1, self._y1 = np.array([chunk.box for chunk in chunks], np.float64).reshape(-1, 4).T
        self._rows: dict[int, list[Chunk]] = {}  # by the first word of a chunk

    def value_columns(self) -> list[list[Chunk]]:
        """Return the values in columns, each from top to bottom."""
        columns: list[list[Chunk]] = []
        for chunk in self._chunks:
            if chunk.kind != "value":
                continue
            distances = [_distance_below(column[-1], chunk) for column in columns]
            best = min(distances, default=np.inf)
            if best < np.inf and not self._are_parted(columns[distances.index(best)][-1], chunk):
                columns[distances.index(best)].append(chunk)
            else:
                columns.append([chunk])
        return columns

    def _are_parted(self, upper: Chunk, lower: Chunk) -> bool:
        """Tell whether a line that begins left of two values stands between them: they belong to two tables."""
        edge = min(upper.box.x0, lower.box.x0) - 2 * upper.letter_width
        top, bottom = upper.box.y1 - 0.3 * upper.height, lower.box.y0 + 0.3 * lower.height
        between = self._where(
            (self._y0 > top) & (self._y1 < bottom) & (self._x0 < edge) & (self._x1 > lower.box.x0 + lower.letter_width)
        )
        return any(chunk.kind != "value" for chunk in between)

    def side_by_side(self, columns: list[list[Chunk]]) -> list[list[list[Chunk]]]:
        """Return columns in two groups if their headers repeat: they are two tables that share rows."""
        names = [header[-1].text if header else "" for header in self._headers(columns)]
        half = len(names) // 2
        repeated = half > 0 and all(names) and names[:half] == names[half:]
        has_own_labels = repeated and all(self._label_before(value) for value in columns[half])
        return [columns[:half], columns[half:]] if has_own_labels else [columns]

    def _label_before(self, value: Chunk) -> bool:
        """Tell whether the chunk left of a value is a label."""
        left = [chunk for chunk in self._on_row(value) if chunk.box.x1 < value.box.x0]
        return bool(left) and left[-1].kind == "label"

    def table(self, columns: Sequence[list[Chunk]]) -> Table:
        """Return the table of columns of values.

        Where nothing stands left of most values of the first column, its values are the labels of the rows ("2019",
        "20 to 29").
        """
        columns, keys = self._row_keys(columns)
        members = {value.first for column in columns for value in column}
        headers = self._headers(columns)
        made = [
            Column(header, [self._cell(value, header, members, keys, _pitch(column)) for value in column])
            for column, header in zip(columns, headers, strict=True)
        ]
        cells = [cell for column in made for cell in column.cells]
        box = bounding_box([chunk.box for cell in cells for chunk in (cell.value, *cell.row, *cell.column)])
        return Table(made, self._caption(box), box)

    def _row_keys(self, columns: Sequence[list[Chunk]]) -> tuple[Sequence[list[Chunk]], list[Chunk]]:
        if len(columns) < 2:
            return columns, []
        members = {value.first for column in columns for value in column}
        first, *others = columns
        if [value.text.rstrip(".)") for value in first] == [str(place) for place in range(1, len(first) + 1)]:
            return others, []  # the rows are numbered
        without = sum(not self._left(value, members) for value in first)
        return (others, first) if 2 * without > len(first) > 1 else (columns, [])

    def _cell(self, value: Chunk, header: Path, members: set[int], keys: Sequence[Chunk], pitch: float) -> Cell:
        left = self._left(value, members) or tuple(key for key in keys if _on_one_row(key, value))
        if left:
            return Cell(value, self._whole(left, value, pitch), self._section(left[0]), header)
        return Cell(value, self._beside(value) or self._below(value), (), header)

    def _left(self, value: Chunk, members: set[int]) -> Path:
        """Return the labels left of a value and of all values of its table on its row, from left to right."""
        found: list[Chunk] = []
        for chunk in reversed(self._on_row(value)):
            if chunk.box.x1 > value.box.x0 + 0.5 * value.letter_width:
                continue
            if chunk.kind == "prose" or (found and found[-1].box.x0 - chunk.box.x1 > ROW_GAP):
                break
            if chunk.kind != "value":
                found.append(chunk)
            elif chunk.first in members:
                found = []  # what stands between values is a cell, no label
            elif found:
                break
        return tuple(_in_reading_order(found))

    def _beside(self, value: Chunk) -> Path:
        """Return the label right beside a value."""
        right = [chunk for chunk in self._on_row(value) if chunk.box.x0 >= value.box.x1 - value.letter_width]
        if not right or right[0].kind not in ("label", "key"):
            return ()
        return (right[0],) if right[0].box.x0 - value.box.x1 < BESIDE_GAP * value.letter_width else ()

    def _below(self, value: Chunk) -> Path:
        """Return the label below a value, as bars have them."""
        under = [
            chunk
            for chunk in self._where(self._y0 > value.box.y1 - 0.3 * value.height)
            if horizontal_overlap(chunk.box, value.box) > 0.3
        ]
        if not under or under[0].kind not in ("label", "key"):
            return ()
        return (under[0],) if under[0].box.y0 - value.box.y1 < BELOW_GAP * value.height else ()

    def _on_row(self, chunk: Chunk) -> list[Chunk]:
        """Return the other chunks on the row of one, from left to right."""
        row = self._rows.get(chunk.first)
        if row is None:
            low, high = chunk.box.y0, chunk.box.y1
            near = self._where((self._y1 > low) & (self._y0 < high))
            row = [other for other in near if other is not chunk and _on_one_row(other, chunk)]
            row.sort(key=lambda other: other.box.x0)
            self._rows[chunk.first] = row
        return row

    def _where(self, condition: NDArray[np.bool_]) -> list[Chunk]:
        """Return the chunks, from top to bottom, that meet a condition: (n_chunks,)."""
        return [self._chunks[int(index)] for index in np.flatnonzero(condition)]

    def _whole(self, labels: Path, value: Chunk, pitch: float) -> Path:
        """Return labels with the further lines of the first: just above or below it, with the same edge, and alone.

        They are lines of it if rows are farther apart than lines, if the value stands between the lines, or if a line
        ends or begins within a sentence.
        """
        first = labels[0]
        height, limit = first.height, 2.5 * first.letter_width
        aligned = (abs(self._x0 - first.box.x0) < limit) | (abs(self._x1 - first.box.x1) < limit)
        top, bottom = first.box.y0 - LABEL_GAP * height, first.box.y1 + LABEL_GAP * height
        near = self._where(aligned & (self._y1 > top) & (self._y0 < bottom))
        between = abs(first.box.y0 + first.box.y1 - value.box.y0 - value.box.y1) > 0.6 * height
        lines = [first]
        for chunk in near:
            if chunk is first or chunk.kind != "label" or _on_one_row(chunk, first) or not self._stands_alone(chunk):
                continue
            upper, lower = sorted((chunk, first), key=lambda line: line.box.y0)
            close = lower.box.y0 - upper.box.y0 < CLOSE_LINES * pitch
            runs_on = lower.text[:1].islower() or upper.text.endswith((",", "&", "-", " and", " of", " AND", " the"))
            if close or between or runs_on:
                lines.append(chunk)
        return (*sorted(lines, key=lambda line: line.box.y0), *labels[1:])

    def _section(self, label: Chunk) -> Path:
        """Return the nearest label without values above a row's label, with no running text between."""
        top, edge = label.box.y0 + 0.3 * label.height, label.box.x0 + 2 * label.letter_width
        above = self._where((self._y1 < top) & (self._x0 < edge) & (self._x1 > label.box.x0) & (self._y0 > top - 0.6))
        for chunk in reversed(above):
            if chunk.kind == "prose":
                break
            if chunk.kind == "label" and not self._has_values(chunk):
                return (chunk,)
        return ()

    def _stands_alone(self, label: Chunk) -> bool:
        """Tell whether nothing but running text stands right of a label: it is a line of a label, and no header."""
        return all(chunk.kind == "prose" for chunk in self._on_row(label) if chunk.box.x0 > label.box.x1)

    def _has_values(self, label: Chunk) -> bool:
        return any(chunk.kind in ("value", "key") and chunk.box.x0 > label.box.x1 for chunk in self._on_row(label))

    def _names_values(self, label: Chunk) -> bool:
        """Tell whether a number stands on a label's row, right of it: it is no header."""
        return any(
            chunk.kind == "value" and chunk.box.x0 > label.box.x1 and any(map(str.isdigit, chunk.text))
            for chunk in self._on_row(label)
        )

    def _headers(self, columns: Sequence[list[Chunk]]) -> list[Path]:
        """Return the path of headers of each column, from top to bottom."""
        return self._with_spanning(self._own_headers(columns), columns)

    def _own_headers(self, columns: Sequence[list[Chunk]]) -> list[Path]:
        """Return the headers above each column alone.

        Where values do not stand below their headers, as on bars, the line above them names them in order.
        """
        whole = bounding_box([value.box for column in columns for value in column])
        headers = [self._above(column, whole) for column in columns]
        nearest = [header[-1].first for header in headers if header]
        if len(columns) < 2 or len(set(nearest)) == len(columns):
            return headers
        top = min((column[0] for column in columns), key=lambda chunk: chunk.box.y0)
        first_row = [column[0] for column in columns if _on_one_row(column[0], top)]
        low, high = top.box.y0 - HEADER_GAP * top.height, top.box.y0 + 0.3 * top.height
        above = [chunk for chunk in self._where((self._y1 > low) & (self._y1 < high)) if chunk.kind in ("label", "key")]
        left, right = whole.x0 - ROW_GAP / 2, whole.x1 + ROW_GAP / 2
        for last in sorted((chunk for chunk in above if left < chunk.box.x1 < right), key=lambda chunk: -chunk.box.y1):
            line = [
                chunk
                for chunk in (last, *self._on_row(last))
                if chunk.kind in ("label", "key") and left < chunk.box.x1 < right
            ]
            if len(line) == len(first_row):
                line.sort(key=lambda chunk: chunk.box.x0)
                by_order = dict(zip((value.first for value in first_row), line, strict=True))
                return [
                    (by_order[column[0].first],) if column[0].first in by_order else header
                    for column, header in zip(columns, headers, strict=True)
                ]
        return headers

    def _with_spanning(self, headers: list[Path], columns: Sequence[list[Chunk]]) -> list[Path]:
        """Return the headers with those of the line above that span columns, each over the middle of its own."""
        if len(columns) < 2 or not all(headers):
            return headers
        lowest = [header[-1] for header in headers]
        extent = bounding_box([header.box for header in lowest])
        height = max(header.height for header in lowest)
        band = (self._y1 > extent.y0 - HEADER_GAP * height) & (self._y1 < extent.y0 + 0.3 * height)
        inside = (self._x1 > extent.x0) & (self._x0 < extent.x1)
        above = [chunk for chunk in self._where(band & inside) if chunk.kind in ("label", "key")]
        last = max(above, key=lambda chunk: chunk.box.y1, default=None)
        if last is None or self._names_values(last):
            return headers
        line = [chunk for chunk in above if chunk is last or _on_one_row(chunk, last)]
        spanned: dict[int, list[int]] = {}
        for place, header in enumerate(lowest):
            spanned.setdefault(min(line, key=lambda chunk: abs(_middle(chunk) - _middle(header))).first, []).append(
                place
            )
        over = {chunk.first: chunk for chunk in line}
        if len(line) >= len(columns) or len(spanned) < len(line):
            return headers
        for first, places in spanned.items():
            boxes = bounding_box([lowest[place].box for place in places])
            if not boxes.x0 <= _middle(over[first]) <= boxes.x1:
                return headers
        above_of = {place: over[first] for first, places in spanned.items() for place in places}
        return [
            (*(chunk for chunk in header[:-1] if not _on_one_row(chunk, last)), above_of[place], header[-1])
            for place, header in enumerate(headers)
        ]

    def _above(self, column: Sequence[Chunk], table: Box) -> Path:
        """Return the path of headers above a column of values; a line over the whole table is none."""
        top, extent = column[0], bounding_box([value.box for value in column])
        found: list[Chunk] = []
        width = table.x1 - table.x0
        edge, height, limit = top.box.y0, top.height, top.box.y0 + 0.3 * top.height
        overlapping = self._where((self._y1 < limit) & (self._x1 > extent.x0) & (self._x0 < extent.x1))
        for chunk in sorted(overlapping, key=lambda chunk: -chunk.box.y1):
            gap = HEADER_GAP if found else FIRST_HEADER_GAP
            too_far = edge - chunk.box.y1 > gap * max(height, chunk.height)
            if too_far or len(found) == MAX_HEADERS or chunk.kind in ("prose", "value") or self._names_values(chunk):
                break
            covers = (
                chunk.box.x1 - chunk.box.x0 > 1.5 * (extent.x1 - extent.x0) and chunk.box.x1 > table.x1 - 0.2 * width
            )
            if chunk.box.x0 < table.x0 - HEADER_LETTERS * chunk.letter_width or (
                covers and chunk.box.x0 < table.x0 + 0.2 * width and width > 1.5 * (extent.x1 - extent.x0)
            ):
                break
            found.append(chunk)
            edge = chunk.box.y0
        return tuple(reversed(found))

    def _caption(self, box: Box) -> list[Chunk]:
        """Return the lines just above a table, from top to bottom, and a caption below it."""
        lines: list[Chunk] = []
        edge = box.y0
        above = self._where((self._y1 <= box.y0 + 0.005) & (self._x1 > box.x0) & (self._x0 < box.x1))
        for chunk in reversed(above):
            too_far = edge - chunk.box.y1 > 3 * chunk.height or len(lines) == CONTEXT_LINES
            if too_far or chunk.kind == "value" or (chunk.kind == "prose" and not _CAPTION.match(chunk.text)):
                break
            lines.append(chunk)
            edge = min(edge, chunk.box.y0)
        return [*(chunk for chunk in self._numbered_caption(box) if chunk not in lines), *reversed(lines)]

    def _numbered_caption(self, box: Box) -> list[Chunk]:
        """Return the first lines of a caption ("Table 3: ...") above or below a table, the nearest."""
        near = self._where(
            (self._y1 > box.y0 - CAPTION_REACH) & (self._y0 < box.y1 + CAPTION_REACH) & (self._x1 > box.x0)
        )
        near = [chunk for chunk in near if chunk.box.x0 < box.x1]
        found = [index for index, chunk in enumerate(near) if _CAPTION.match(chunk.text)]
        if not found:
            return []
        best = min(found, key=lambda index: min(abs(near[index].box.y0 - box.y1), abs(near[index].box.y1 - box.y0)))
        first = near[best]
        below = [chunk for chunk in near[best:] if abs(chunk.box.x0 - first.box.x0) < 3 * first.letter_width]
        return [chunk for chunk in below if chunk.box.y0 - first.box.y0 < CAPTION_LINES * 1.6 * first.height]
