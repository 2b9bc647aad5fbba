"""Headers of the columns of a table: above each column, in order above bars, and over several columns."""

from collections.abc import Sequence

from pagelens.core.tables.chunk_map import ChunkMap, on_one_row
from pagelens.core.tables.chunks import Chunk, Path, bounding_box
from pagelens.core.tables.columns import ValueColumn
from pagelens.core.types import Box

HEADER_GAP = 3.0  # in heights: from a header to the header below it
FIRST_HEADER_GAP = 5.5  # in heights: from a header to the first value below it, with group labels between
MAX_HEADERS = 5
HEADER_LETTERS = 12  # that a header may begin left of the values of its table
BESIDE = 0.125  # of the page's width: from the values of bars to the header farthest out


def find_headers(page: ChunkMap, columns: Sequence[ValueColumn]) -> list[Path]:
    """Return the path of headers of each column, from top to bottom."""
    return _with_spanning(page, _own_headers(page, columns), columns)


def _own_headers(page: ChunkMap, columns: Sequence[ValueColumn]) -> list[Path]:
    """Return the headers above each column alone.

    Where values do not stand below their headers, as on bars, the line above them names them in order.
    """
    whole = bounding_box([value.box for column in columns for value in column])
    headers = [_above(page, column, whole) for column in columns]
    nearest = [header[-1].first for header in headers if header]
    if len(columns) < 2 or len(set(nearest)) == len(columns):
        return headers
    top = min((column[0] for column in columns), key=lambda chunk: chunk.box.y0)
    first_row = [column[0] for column in columns if on_one_row(column[0], top)]
    low, high = top.box.y0 - HEADER_GAP * top.height, top.box.y0 + 0.3 * top.height
    above = [chunk for chunk in page.where((page.y1 > low) & (page.y1 < high)) if chunk.kind in ("label", "key")]
    left, right = whole.x0 - BESIDE, whole.x1 + BESIDE
    for last in sorted((chunk for chunk in above if left < chunk.box.x1 < right), key=lambda chunk: -chunk.box.y1):
        line = [
            chunk
            for chunk in (last, *page.on_row(last))
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


def _with_spanning(page: ChunkMap, headers: list[Path], columns: Sequence[ValueColumn]) -> list[Path]:
    """Return the headers with those of the line above that span columns, each over the middle of its own."""
    if len(columns) < 2 or not all(headers):
        return headers
    lowest = [header[-1] for header in headers]
    extent = bounding_box([header.box for header in lowest])
    height = max(header.height for header in lowest)
    band = (page.y1 > extent.y0 - HEADER_GAP * height) & (page.y1 < extent.y0 + 0.3 * height)
    inside = (page.x1 > extent.x0) & (page.x0 < extent.x1)
    above = [chunk for chunk in page.where(band & inside) if chunk.kind in ("label", "key")]
    last = max(above, key=lambda chunk: chunk.box.y1, default=None)
    if last is None or page.names_values(last):
        return headers
    line = [chunk for chunk in above if chunk is last or on_one_row(chunk, last)]
    spanned: dict[int, list[int]] = {}
    for place, header in enumerate(lowest):
        spanned.setdefault(min(line, key=lambda chunk: abs(_middle(chunk) - _middle(header))).first, []).append(place)
    over = {chunk.first: chunk for chunk in line}
    if len(line) >= len(columns) or len(spanned) < len(line):
        return headers
    for first, places in spanned.items():
        boxes = bounding_box([lowest[place].box for place in places])
        if not boxes.x0 <= _middle(over[first]) <= boxes.x1:
            return headers
    above_of = {place: over[first] for first, places in spanned.items() for place in places}
    return [
        (*(chunk for chunk in header[:-1] if not on_one_row(chunk, last)), above_of[place], header[-1])
        for place, header in enumerate(headers)
    ]


def _above(page: ChunkMap, column: Sequence[Chunk], table: Box) -> Path:
    """Return the path of headers above a column of values; a line over the whole table is none."""
    top, extent = column[0], bounding_box([value.box for value in column])
    found: list[Chunk] = []
    width = table.x1 - table.x0
    edge, height, limit = top.box.y0, top.height, top.box.y0 + 0.3 * top.height
    overlapping = page.where((page.y1 < limit) & (page.x1 > extent.x0) & (page.x0 < extent.x1))
    for chunk in sorted(overlapping, key=lambda chunk: -chunk.box.y1):
        gap = HEADER_GAP if found else FIRST_HEADER_GAP
        too_far = edge - chunk.box.y1 > gap * max(height, chunk.height)
        if too_far or len(found) == MAX_HEADERS or chunk.kind in ("prose", "value") or page.names_values(chunk):
            break
        covers = chunk.box.x1 - chunk.box.x0 > 1.5 * (extent.x1 - extent.x0) and chunk.box.x1 > table.x1 - 0.2 * width
        if chunk.box.x0 < table.x0 - HEADER_LETTERS * chunk.letter_width or (
            covers and chunk.box.x0 < table.x0 + 0.2 * width and width > 1.5 * (extent.x1 - extent.x0)
        ):
            break
        found.append(chunk)
        edge = chunk.box.y0
    return tuple(reversed(found))


def _middle(chunk: Chunk) -> float:
    return (chunk.box.x0 + chunk.box.x1) / 2
