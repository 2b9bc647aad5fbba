"""Labels of a value's row: left of it, else right beside it or below it, with their further lines and their group."""

from collections.abc import Sequence

from pagelens.core.tables.chunk_map import ChunkMap, on_one_row
from pagelens.core.tables.chunks import Chunk, Path, horizontal_overlap

BELOW_GAP = 12.0  # in heights: from a value on a bar to the label below the bar
BESIDE_GAP = 6.0  # in letters: from a value to the label right of it
ROW_GAP = 0.25  # of the page's width: from a label to the next one right of it
LABEL_GAP = 0.8  # in heights: lines of one label
CLOSE_LINES = 0.7  # of the distance of rows: lines of one label


def labels_left(page: ChunkMap, value: Chunk, members: set[int]) -> Path:
    """Return the labels left of a value and of all values of its table on its row, from left to right."""
    found: list[Chunk] = []
    for chunk in reversed(page.on_row(value)):
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


def label_beside(page: ChunkMap, value: Chunk) -> Path:
    """Return the label right beside a value."""
    right = [chunk for chunk in page.on_row(value) if chunk.box.x0 >= value.box.x1 - value.letter_width]
    if not right or right[0].kind not in ("label", "key"):
        return ()
    return (right[0],) if right[0].box.x0 - value.box.x1 < BESIDE_GAP * value.letter_width else ()


def label_below(page: ChunkMap, value: Chunk) -> Path:
    """Return the label below a value, as bars have them."""
    under = [
        chunk
        for chunk in page.where(page.y0 > value.box.y1 - 0.3 * value.height)
        if horizontal_overlap(chunk.box, value.box) > 0.3
    ]
    if not under or under[0].kind not in ("label", "key"):
        return ()
    return (under[0],) if under[0].box.y0 - value.box.y1 < BELOW_GAP * value.height else ()


def whole_label(page: ChunkMap, labels: Path, value: Chunk, pitch: float) -> Path:
    """Return labels with the further lines of the first: just above or below it, with the same edge, and alone.

    They are lines of it if rows are farther apart than lines, if the value stands between the lines, or if a line
    ends or begins within a sentence.
    """
    first = labels[0]
    height, limit = first.height, 2.5 * first.letter_width
    aligned = (abs(page.x0 - first.box.x0) < limit) | (abs(page.x1 - first.box.x1) < limit)
    top, bottom = first.box.y0 - LABEL_GAP * height, first.box.y1 + LABEL_GAP * height
    near = page.where(aligned & (page.y1 > top) & (page.y0 < bottom))
    between = abs(first.box.y0 + first.box.y1 - value.box.y0 - value.box.y1) > 0.6 * height
    lines = [first]
    for chunk in near:
        if chunk is first or chunk.kind != "label" or on_one_row(chunk, first) or not page.stands_alone(chunk):
            continue
        upper, lower = sorted((chunk, first), key=lambda line: line.box.y0)
        close = lower.box.y0 - upper.box.y0 < CLOSE_LINES * pitch
        runs_on = lower.text[:1].islower() or upper.text.endswith((",", "&", "-", " and", " of", " AND", " the"))
        if close or between or runs_on:
            lines.append(chunk)
    return (*sorted(lines, key=lambda line: line.box.y0), *labels[1:])


def section_above(page: ChunkMap, label: Chunk) -> Path:
    """Return the nearest label without values above a row's label, with no running text between."""
    top, edge = label.box.y0 + 0.3 * label.height, label.box.x0 + 2 * label.letter_width
    above = page.where((page.y1 < top) & (page.x0 < edge) & (page.x1 > label.box.x0) & (page.y0 > top - 0.6))
    for chunk in reversed(above):
        if chunk.kind == "prose":
            break
        if chunk.kind == "label" and not page.has_values(chunk):
            return (chunk,)
    return ()


def _in_reading_order(labels: Sequence[Chunk]) -> list[Chunk]:
    """Return labels from left to right, those below one another from top to bottom."""
    left = {chunk.first: min(o.box.x0 for o in labels if horizontal_overlap(o.box, chunk.box) > 0) for chunk in labels}
    return sorted(labels, key=lambda chunk: (left[chunk.first], chunk.box.y0))
