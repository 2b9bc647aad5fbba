"""Boxes of text lines to reading order: columns, rows, blocks. Pure geometry: knows no picture and no engine.

Columns are found by the white between them: the tallest run of rows that a white column parts into two (after the white
rectangles of Breuel, 2002). It is a gutter where both sides hold lines as long as prose has them, or at least rows that
do not stand side by side; so a table is read row by row. What stands above it, left, right and below follow in turn.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rects = NDArray[np.float64]  # (n, 4) x0 y0 x1 y1 of text lines, or of pieces of them
_Rows = list[list[int]]  # indices into the rects; rows from top to bottom, each from left to right

# In heights of a usual line:
_GUTTER = 0.8  # the least white between two columns
_PROSE = 7.0  # a column's lines are at least that long
_LEVEL = 0.2  # rows whose middles differ by less stand side by side
_PARAGRAPH = 0.8  # the white that parts two blocks

_SHRUNK = 0.15  # of a line's height, at the top and at the bottom: detectors draw boxes larger than the letters
_ALIGNED = 0.65  # share of rows that stand beside one of the other side, from which two columns are one table


class Place(NamedTuple):
    """A box in reading order: its row in the rects, the block and the line it stands in, both from 0."""

    box: int
    block: int
    line: int


def reading_order(rects: Rects) -> list[Place]:
    """Return every box once, in reading order. Lines are counted through, not anew for each block."""
    if not len(rects):
        return []
    heights = rects[:, 3] - rects[:, 1]
    usual = max(1e-6, float(np.median(heights)))
    tight = rects / usual
    tight[:, 1] += _SHRUNK * heights / usual
    tight[:, 3] -= _SHRUNK * heights / usual
    places: list[Place] = []
    line = -1
    for block, rows in enumerate(_blocks(tight, _rows(tight, range(len(rects))))):
        for row in rows:
            line += 1
            places += [Place(index, block, line) for index in row]
    return places


def _blocks(rects: Rects, rows: _Rows) -> Iterator[_Rows]:
    found = _columns(rects, rows)
    if found is None:
        yield from _paragraphs(rects, rows)
        return
    first, last, at = found
    if first:
        yield from _blocks(rects, rows[:first])
    inside = [index for row in rows[first:last] for index in row]
    for side in (True, False):
        yield from _blocks(rects, _rows(rects, [index for index in inside if _is_left(rects, index, at) == side]))
    if last < len(rows):
        yield from _blocks(rects, rows[last:])


def _is_left(rects: Rects, index: int, at: float) -> bool:
    return bool(rects[index, 0] + rects[index, 2] < 2 * at)


def _rows(rects: Rects, chosen: Sequence[int]) -> _Rows:
    """Group boxes that stand side by side into rows, top to bottom."""
    rows: _Rows = []
    for index in sorted(chosen, key=lambda index: float(rects[index, 1] + rects[index, 3])):
        if rows and _goes_on(rects, rows[-1], index):
            rows[-1].append(index)
        else:
            rows.append([index])
    for row in rows:
        row.sort(key=lambda index: float(rects[index, 0]))
    return rows


def _goes_on(rects: Rects, row: Sequence[int], index: int) -> bool:
    """Say whether a box shares half a height with the last box of a row, and hardly any width with any."""
    x0, y0, x1, y1 = rects[index]
    last = rects[row[-1]]
    if min(last[3], y1) - max(last[1], y0) < 0.5 * min(last[3] - last[1], y1 - y0):
        return False
    return all(min(rects[other, 2], x1) - max(rects[other, 0], x0) <= 0.5 * (y1 - y0) for other in row)


def _columns(rects: Rects, rows: _Rows) -> tuple[int, int, float] | None:
    """Return the first row, the row after the last and the gutter's place of the largest columns, or None.

    Of columns of the same boxes those with the widest gutter.
    """
    best: tuple[int, int, float] | None = None
    most = (0, 0.0)
    for at, through in _gaps(rects, rows):
        free = ~np.array([bool(np.any((rects[row, 0] < at + 0.1) & (rects[row, 2] > at - 0.1))) for row in rows])
        first = through - int(np.argmin(np.append(free[: through + 1][::-1], False))) + 1
        last = through + int(np.argmin(np.append(free[through:], False)))
        inside = [index for row in rows[first:last] for index in row]
        size = len(inside), _white(rects[inside], at)
        if size > most and _are_columns(rects, inside, at):
            best, most = (first, last, at), size
    return best


def _white(rects: Rects, at: float) -> float:
    left = rects[:, 0] + rects[:, 2] < 2 * at
    return float(rects[~left, 0].min(initial=np.inf) - rects[left, 2].max(initial=-np.inf))


def _gaps(rects: Rects, rows: _Rows) -> Iterator[tuple[float, int]]:
    """Yield where white parts a row and the one below it, and the row; about the same place only once.

    Two rows, since lines of two columns that do not stand side by side are rows of their own.
    """
    seen: set[tuple[int, int]] = set()
    for number, row in enumerate(rows):
        both = rects[[*row, *rows[min(number + 1, len(rows) - 1)]]]
        both = both[np.argsort(both[:, 0], kind="stable")]
        rights = np.maximum.accumulate(both[:, 2])
        for cut in np.flatnonzero(both[1:, 0] - rights[:-1] >= _GUTTER):
            at = float(rights[cut] + both[cut + 1, 0]) / 2
            key = (round(at), number // 8)
            if key not in seen:
                seen.add(key)
                yield at, number


def _are_columns(rects: Rects, inside: Sequence[int], at: float) -> bool:
    left = [index for index in inside if _is_left(rects, index, at)]
    right = [index for index in inside if not _is_left(rects, index, at)]
    if len(left) < 2 or len(right) < 2:
        return False
    if _are_long(rects[left]) and _are_long(rects[right]):
        return True
    sides = [_row_hulls(rects, _rows(rects, side)) for side in (left, right)]
    return all(len(side) > 2 and _are_long(side) for side in sides) and _alignment(*sides) < _ALIGNED


def _are_long(rects: Rects) -> bool:
    return bool(2 * np.count_nonzero(rects[:, 2] - rects[:, 0] >= _PROSE) >= len(rects))


def _row_hulls(rects: Rects, rows: _Rows) -> Rects:
    return np.array([(*rects[row, :2].min(0), *rects[row, 2:].max(0)) for row in rows])


def _alignment(one: Rects, other: Rects) -> float:
    """Return which share of the rows on the side that has fewer stands level with a row on the other."""
    middles = sorted(((side[:, 1] + side[:, 3]) / 2 for side in (one, other)), key=len)
    apart = np.abs(middles[0][:, None] - middles[1]).min(1)
    return float(np.mean(apart < _LEVEL))


def _paragraphs(rects: Rects, rows: _Rows) -> Iterator[_Rows]:
    block: _Rows = []
    bottom = 0.0
    for row in rows:
        top = float(rects[row, 1].min())
        if block and top - bottom > _PARAGRAPH + 2 * _SHRUNK:
            yield block
            block = []
        block.append(row)
        bottom = float(rects[row, 3].max())
    if block:
        yield block
