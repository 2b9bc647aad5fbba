"""Columns of values, and which of them are of one table."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import numpy as np

from pagelens.core.tables.chunk_map import ChunkMap, on_one_row
from pagelens.core.tables.chunks import Chunk, bounding_box, horizontal_overlap, vertical_overlap

COLUMN_GAP = 5.0  # in heights: values farther below one another are two columns
INTERLACED = 0.25  # of the smaller box: columns whose boxes overlap so far are of one chart
SHARED_ROWS = 0.5  # of the rows of the shorter column: they are of one table

ValueColumn = list[Chunk]
"""Values below one another, from top to bottom."""


def value_columns(page: ChunkMap) -> list[ValueColumn]:
    """Return the values in columns, each from top to bottom."""
    columns: list[ValueColumn] = []
    for chunk in page.chunks:
        if chunk.kind != "value":
            continue
        distances = [_distance_below(column[-1], chunk) for column in columns]
        best = min(distances, default=np.inf)
        if best < np.inf and not _are_parted(page, columns[distances.index(best)][-1], chunk):
            columns[distances.index(best)].append(chunk)
        else:
            columns.append([chunk])
    return columns


def group_columns(page: ChunkMap) -> list[list[ValueColumn]]:
    """Return the columns of each table of a page, from left to right."""
    return [_in_order(group) for group in _share_rows(value_columns(page))]


def _share_rows(columns: Sequence[ValueColumn]) -> list[list[ValueColumn]]:
    """Return the columns, from left to right, in groups that share half of the rows of the shorter one."""
    groups: list[list[ValueColumn]] = []
    for column in sorted(columns, key=lambda column: (column[0].box.x0, column[0].box.y0)):
        combined = [group for group in groups if any(_shared_rows(column, other) >= SHARED_ROWS for other in group)]
        groups = [group for group in groups if group not in combined]
        groups.append([*(member for group in combined for member in group), column])
    return _join_interlaced(groups)


def _join_interlaced(groups: Sequence[list[ValueColumn]]) -> list[list[ValueColumn]]:
    """Join groups of columns that stand in one another's boxes: bars of several lengths in one chart."""
    combined: list[list[ValueColumn]] = []
    for group in groups:
        inside = [other for other in combined if _are_interlaced(group, other)]
        combined = [other for other in combined if other not in inside]
        combined.append([*(column for other in inside for column in other), *group])
    return combined


def _are_interlaced(first: Sequence[ValueColumn], second: Sequence[ValueColumn]) -> bool:
    one, two = (bounding_box([value.box for column in group for value in column]) for group in (first, second))
    if horizontal_overlap(one, two) <= INTERLACED:
        return False
    single_rows = len(first) == len(second) > 1 and all(len(column) == 1 for column in (*first, *second))
    gap = max(one.y0 - two.y1, two.y0 - one.y1)
    return vertical_overlap(one, two) > INTERLACED or (single_rows and gap < COLUMN_GAP * first[0][0].height)


def _in_order(columns: list[ValueColumn]) -> list[ValueColumn]:
    """Return the columns of a table; of a bar chart, whose values are not aligned, the first of each row, and so on."""
    rows: list[list[Chunk]] = []
    for value in sorted((value for column in columns for value in column), key=lambda value: value.box.y0):
        row = next((row for row in rows if on_one_row(row[0], value)), None)
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
    return sum(any(on_one_row(value, other) for other in longer) for value in shorter) / len(shorter)


def row_pitch(column: Sequence[Chunk]) -> float:
    """Return the distance of rows: the median over the values of a column, 0 of a single one."""
    tops = [value.box.y0 for value in column]
    return median(lower - upper for upper, lower in pairwise(tops)) if len(tops) > 1 else 0.0


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


def _are_parted(page: ChunkMap, upper: Chunk, lower: Chunk) -> bool:
    """Tell whether a line that begins left of two values stands between them: they belong to two tables."""
    edge = min(upper.box.x0, lower.box.x0) - 2 * upper.letter_width
    top, bottom = upper.box.y1 - 0.3 * upper.height, lower.box.y0 + 0.3 * lower.height
    between = page.where(
        (page.y0 > top) & (page.y1 < bottom) & (page.x0 < edge) & (page.x1 > lower.box.x0 + lower.letter_width)
    )
    return any(chunk.kind != "value" for chunk in between)
