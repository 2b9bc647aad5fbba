"""Rows of tables whose columns are known by their headers, over several pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pagelens.core.types import Box
from pagelens.generate.extraction.field_labels import column_labels, field_labels
from pagelens.generate.extraction.page_segments import Segment, SegmentWord, rows_of

EDGE = 0.8  # letters: edges that differ by less are aligned
ROW_GAP = 4.5  # heights of a row, after which a table has ended
NUMERIC = ("quantity", "unit_price", "amount", "debit", "credit", "balance", "tax_rate", "position")
_END = ("subtotal", "tax", "total", "opening_balance", "closing_balance", "carried", "iban", "page", "cash", "card")
_MIN_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row: the segment in each column; of a description on several lines all lines."""

    page: int  # from 0
    cells: Mapping[str, Segment]


@dataclass(slots=True)
class FoundTable:
    """Rows under one header, over pages, and the segments that belong to them, by page."""

    rows: list[FoundRow] = field(default_factory=list)
    used: dict[int, list[Segment]] = field(default_factory=dict)


def find_rows(pages: Sequence[Sequence[Segment]], columns: Sequence[str], needed: Sequence[str]) -> FoundTable:
    """Return the rows of the table that has these columns; `needed`: a header has one of them, a row too.

    A page without a header goes on with the columns of the page before, unless its table had ended there.
    """
    table = FoundTable()
    header: dict[str, Box] = {}
    for index, segments in enumerate(pages):
        rows = rows_of(segments)
        start = next((at for at, row in enumerate(rows) if _header(row, columns, needed)), None)
        if start is not None:
            found = _header(rows[start], columns, needed)
            header = {name: segment.box for name, segment in found.items()}
            table.used.setdefault(index, []).extend(rows[start])
            start += 1
        elif not header:
            continue
        ended = _read_rows(table, index, rows[start or 0 :], header, needed)
        if ended:
            header = {}
    return table


def _header(row: Sequence[Segment], columns: Sequence[str], needed: Sequence[str]) -> dict[str, Segment]:
    """Return the columns that a row names; empty unless it is a header."""
    names: dict[str, Segment] = {}
    for segment in (piece for whole in row for piece in _at_labels(whole, columns)):
        label = _whole_label(segment)
        free = [name for name in columns if name not in names and label in column_labels(name)]
        if free:
            names[free[0]] = segment
    if "tax_rate" not in names and any(segment.text.strip() == "%" for segment in row):
        names["tax_rate"] = next(segment for segment in row if segment.text.strip() == "%")
    enough = len(names) >= _MIN_COLUMNS and any(name in names for name in needed) and "description" in names
    return names if enough else {}


def _at_labels(segment: Segment, columns: Sequence[str]) -> list[Segment]:
    """Return a segment in pieces that are headers each ("Qty Unit price" where they stand close); itself if it is not
    made of headers."""
    known = frozenset().union(*(column_labels(name) for name in columns))
    if _whole_label(segment) in known:
        return [segment]
    for at in range(len(segment.words) - 1, 0, -1):
        first = _piece(segment, 0, at)
        if _whole_label(first) in known:
            rest = _at_labels(_piece(segment, at, len(segment.words)), columns)
            if all(_whole_label(piece) in known for piece in rest):
                return [first, *rest]
    return [segment]


def _whole_label(segment: Segment) -> str:
    label = segment.prefixes[-1] if len(segment.words) == len(segment.prefixes) else ""
    for code in ("eur", "usd", "gbp", "chf"):
        label = label.removesuffix(f" {code}")
    return label


def _read_rows(
    table: FoundTable, page: int, rows: Sequence[Sequence[Segment]], header: Mapping[str, Box], needed: Sequence[str]
) -> bool:
    """Add the rows below a header; return whether the table ended before the page did."""
    bottom: float | None = None
    for row in rows:
        height = max(segment.height for segment in row)
        top = min(segment.box.y0 for segment in row)
        if bottom is not None and top - bottom > ROW_GAP * height:
            return False  # a footer: the next page may go on
        kind = _ending(row)
        if kind == "page":
            continue
        if kind == "carried":
            table.used.setdefault(page, []).extend(row)
            continue
        if kind:
            if kind == "opening_balance":
                continue
            return True
        cells = _cells(row, header)
        if "description" in cells and any(name in cells for name in needed):
            table.rows.append(FoundRow(page, cells))
        elif set(cells) == {"description"} and table.rows and table.rows[-1].page == page and bottom is not None:
            table.rows[-1] = _with_more_text(table.rows[-1], cells["description"])
        elif bottom is not None:
            return False
        else:
            continue
        table.used.setdefault(page, []).extend(row)
        bottom = max(segment.box.y1 for segment in row)
    return False


def _ending(row: Sequence[Segment]) -> str:
    """Return the field whose label a row begins with, of those that end a table."""
    first = row[0]
    for name in _END:
        certain, uncertain = field_labels(name)
        length = first.label_length(certain | uncertain)
        if length and (length == len(first.words) or name in ("subtotal", "tax", "total", "iban", "page")):
            return name
    return ""


def _cells(row: Sequence[Segment], header: Mapping[str, Box]) -> dict[str, Segment]:
    """Return the segments of a row by column; numbers at the end of a text go to the columns they stand under."""
    cells: dict[str, Segment] = {}
    for segment in (piece for whole in row for piece in _cut_at_columns(whole, header)):
        name = _column_of(segment, header)
        if name in cells:
            whole = Segment([*cells[name].words, *segment.words], _around(cells[name].box, segment.box))
            cells[name] = whole
        else:
            cells[name] = segment
    return cells


def _cut_at_columns(segment: Segment, header: Mapping[str, Box]) -> Iterator[Segment]:
    """Yield a segment in pieces: words close to one another may stand in two columns.

    A piece begins where a header of texts does, and a number that ends where a header of numbers does is one.
    """
    near = EDGE * segment.letter_width
    first = 0
    for at in range(1, len(segment.words)):
        token = segment.words[at]
        begins = any(abs(token.x0 - box.x0) < near for name, box in header.items() if name not in NUMERIC)
        is_number = _is_numeric([token]) and not _is_numeric([segment.words[at - 1]])
        ends = is_number and any(abs(token.x1 - box.x1) < near for name, box in header.items() if name in NUMERIC)
        if begins or ends:
            yield _piece(segment, first, at)
            first = at
    yield _piece(segment, first, len(segment.words))


def _piece(segment: Segment, first: int, last: int) -> Segment:
    tokens = segment.words[first:last]
    return Segment(tokens, Box(tokens[0].x0, segment.box.y0, tokens[-1].x1, segment.box.y1))


def _column_of(segment: Segment, header: Mapping[str, Box]) -> str:
    """Return the column whose header is best aligned with a segment; a text is in a column of texts."""
    numeric = _is_numeric(segment.words)
    names = [name for name in header if numeric or name not in NUMERIC] or list(header)
    return min(names, key=lambda name: _misalignment(segment.box, header[name]))


def _is_numeric(tokens: Sequence[SegmentWord]) -> bool:
    letters = sum(char.isalpha() for token in tokens for char in token.text)
    return any(char.isdigit() for token in tokens for char in token.text) and letters <= 4 and len(tokens) <= 4


def _misalignment(cell: Box, header: Box) -> float:
    """Return how far a cell's left edges, right edges or centres are apart, the least of the three."""
    centres = abs(cell.x0 + cell.x1 - header.x0 - header.x1) / 2
    return min(abs(cell.x0 - header.x0), abs(cell.x1 - header.x1), centres)


def _with_more_text(row: FoundRow, more: Segment) -> FoundRow:
    first = row.cells["description"]
    whole = Segment([*first.words, *more.words], _around(first.box, more.box))
    return FoundRow(row.page, {**row.cells, "description": whole})


def _around(first: Box, second: Box) -> Box:
    return Box(min(first.x0, second.x0), min(first.y0, second.y0), max(first.x1, second.x1), max(first.y1, second.y1))
