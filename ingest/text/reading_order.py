"""Reading order of text line boxes: columns, rows and blocks.

Columns are found by the white space between them: the longest run of rows that a vertical white strip divides (after
the white rectangles of Breuel, 2002). The strip is a gutter if lines on both sides are as long as prose, or if rows on
the two sides are not level with each other; so a table is read row by row. What lies above the columns comes first,
then the left column, the right one, and what lies below.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rects = NDArray[np.float64]  # (n, 4) x0 y0 x1 y1 of text lines, or of parts of them
_Rows = list[list[int]]  # indices into the rects; rows from top to bottom, each from left to right

# In units of the median line height:
_MIN_GUTTER = 0.8  # white space between two columns
_MIN_PROSE = 7.0  # length of a column's lines
_MAX_LEVEL = 0.2  # distance between the middles of rows that are level with each other
_MIN_PARAGRAPH_GAP = 0.8  # white space between two blocks

_SHRINK = 0.15  # of a line's height, at its top and bottom: detected boxes are larger than the letters
_TABLE = 0.65  # share of rows that are level with one on the other side, from which two columns are one table


class OrderedBox(NamedTuple):
    """A box in reading order: its index in the input, and its block and line, from 0."""

    box: int
    block: int
    line: int


def reading_order(rects: Rects) -> list[OrderedBox]:
    """Return every box once, in reading order. Lines are numbered throughout, not for each block."""
    if not len(rects):
        return []
    heights = rects[:, 3] - rects[:, 1]
    median_height = max(1e-6, float(np.median(heights)))
    tight = rects / median_height
    tight[:, 1] += _SHRINK * heights / median_height
    tight[:, 3] -= _SHRINK * heights / median_height
    boxes: list[OrderedBox] = []
    line = -1
    for block, rows in enumerate(_blocks(tight, _rows(tight, range(len(rects))))):
        for row in rows:
            line += 1
            boxes += [OrderedBox(index, block, line) for index in row]
    return boxes


def _blocks(rects: Rects, rows: _Rows) -> Iterator[_Rows]:
    columns = _columns(rects, rows)
    if columns is None:
        yield from _paragraphs(rects, rows)
        return
    first, last, gutter = columns
    if first:
        yield from _blocks(rects, rows[:first])
    inside = [index for row in rows[first:last] for index in row]
    for side in (True, False):
        yield from _blocks(rects, _rows(rects, [index for index in inside if _is_left(rects, index, gutter) == side]))
    if last < len(rows):
        yield from _blocks(rects, rows[last:])


def _is_left(rects: Rects, index: int, gutter: float) -> bool:
    return bool(rects[index, 0] + rects[index, 2] < 2 * gutter)


def _rows(rects: Rects, chosen: Sequence[int]) -> _Rows:
    """Group boxes that are level with each other into rows, top to bottom."""
    rows: _Rows = []
    for index in sorted(chosen, key=lambda index: float(rects[index, 1] + rects[index, 3])):
        if rows and _is_in_row(rects, rows[-1], index):
            rows[-1].append(index)
        else:
            rows.append([index])
    for row in rows:
        row.sort(key=lambda index: float(rects[index, 0]))
    return rows


def _is_in_row(rects: Rects, row: Sequence[int], index: int) -> bool:
    """Tell whether a box overlaps vertically with the last box of a row by half, and hardly with any horizontally."""
    x0, y0, x1, y1 = rects[index]
    last = rects[row[-1]]
    if min(last[3], y1) - max(last[1], y0) < 0.5 * min(last[3] - last[1], y1 - y0):
        return False
    return all(min(rects[other, 2], x1) - max(rects[other, 0], x0) <= 0.5 * (y1 - y0) for other in row)


def _columns(rects: Rects, rows: _Rows) -> tuple[int, int, float] | None:
    """Return the first row, the row after the last, and the x of the gutter of the largest two columns, or None.

    The largest hold the most boxes; among equal ones, those with the widest gutter.
    """
    best: tuple[int, int, float] | None = None
    best_size = (0, 0.0)
    gaps = list(_gaps(rects, rows))
    if not gaps:
        return None
    for (x, row_number), free in zip(gaps, _free_rows(rects, rows, [x for x, _ in gaps]), strict=True):
        first = row_number - int(np.argmin(np.append(free[: row_number + 1][::-1], False))) + 1
        last = row_number + int(np.argmin(np.append(free[row_number:], False)))
        inside = [index for row in rows[first:last] for index in row]
        size = len(inside), _gutter_width(rects[inside], x)
        if size > best_size and _are_columns(rects, inside, x):
            best, best_size = (first, last, x), size
    return best


def _free_rows(rects: Rects, rows: _Rows, places: Sequence[float]) -> NDArray[np.bool_]:
    """Return for each x which rows have no box there: (n_places, n_rows)."""
    boxes = rects[[index for row in rows for index in row]]
    starts = np.cumsum([0, *map(len, rows[:-1])])
    x = np.array(places)[:, None]
    covered = (boxes[:, 0] < x + 0.1) & (boxes[:, 2] > x - 0.1)
    return ~np.logical_or.reduceat(covered, starts, axis=1)


def _gutter_width(rects: Rects, x: float) -> float:
    left = rects[:, 0] + rects[:, 2] < 2 * x
    return float(rects[~left, 0].min(initial=np.inf) - rects[left, 2].max(initial=-np.inf))


def _gaps(rects: Rects, rows: _Rows) -> Iterator[tuple[float, int]]:
    """Yield the x of each gap in a row and the one below it, and the row's number; about the same gap only once.

    Two rows are examined, since lines of two columns that are not level with each other are rows of their own.
    """
    yielded: set[tuple[int, int]] = set()
    for number, row in enumerate(rows):
        both = rects[[*row, *rows[min(number + 1, len(rows) - 1)]]]
        both = both[np.argsort(both[:, 0], kind="stable")]
        rights = np.maximum.accumulate(both[:, 2])
        for cut in np.flatnonzero(both[1:, 0] - rights[:-1] >= _MIN_GUTTER):
            x = float(rights[cut] + both[cut + 1, 0]) / 2
            key = (round(x), number // 8)
            if key not in yielded:
                yielded.add(key)
                yield x, number


def _are_columns(rects: Rects, inside: Sequence[int], x: float) -> bool:
    left = [index for index in inside if _is_left(rects, index, x)]
    right = [index for index in inside if not _is_left(rects, index, x)]
    if len(left) < 2 or len(right) < 2:
        return False
    if _are_long(rects[left]) and _are_long(rects[right]):
        return True
    sides = [_row_boxes(rects, _rows(rects, side)) for side in (left, right)]
    return all(len(side) > 2 and _are_long(side) for side in sides) and _alignment(*sides) < _TABLE


def _are_long(rects: Rects) -> bool:
    return bool(2 * np.count_nonzero(rects[:, 2] - rects[:, 0] >= _MIN_PROSE) >= len(rects))


def _row_boxes(rects: Rects, rows: _Rows) -> Rects:
    return np.array([(*rects[row, :2].min(0), *rects[row, 2:].max(0)) for row in rows])


def _alignment(left: Rects, right: Rects) -> float:
    """Return which share of the rows on the side that has fewer is level with a row on the other."""
    middles = sorted(((side[:, 1] + side[:, 3]) / 2 for side in (left, right)), key=len)
    distances = np.abs(middles[0][:, None] - middles[1]).min(1)
    return float(np.mean(distances < _MAX_LEVEL))


def _paragraphs(rects: Rects, rows: _Rows) -> Iterator[_Rows]:
    block: _Rows = []
    bottom = 0.0
    for row in rows:
        top = float(rects[row, 1].min())
        if block and top - bottom > _MIN_PARAGRAPH_GAP + 2 * _SHRINK:
            yield block
            block = []
        block.append(row)
        bottom = float(rects[row, 3].max())
    if block:
        yield block
