"""Tables and charts of a page: columns of values, each value with the labels of its row and the path of its headers.

Values stand in one column if they are aligned below one another; columns belong to one table if they share rows. It
serves charts whose labels are text too: a bar's value has its label beside it or below it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pagelens.core.caching import LRUCache
from pagelens.core.tables.captions import find_caption
from pagelens.core.tables.chunk_map import ChunkMap, on_one_row
from pagelens.core.tables.chunks import Chunk, Path, bounding_box, find_pieces, mark_prose
from pagelens.core.tables.columns import ValueColumn, group_columns, row_pitch
from pagelens.core.tables.headers import find_headers
from pagelens.core.tables.row_labels import label_below, label_beside, labels_left, section_above, whole_label
from pagelens.core.types import Box, PageText

CACHED_WORDS = 200_000  # of the pages whose layouts are kept

_SECTION_NUMBER = re.compile(r"\d+(\.\d+)*\.?")


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


class TableLayout:
    """The tables of a page, and what shows without them whether it can have any; each is made when first asked for."""

    def __init__(self, text: PageText) -> None:
        self.word_count = len(text.spans)
        self._pieces = find_pieces(text)
        self.value_count = sum(chunk.kind == "value" for chunk in self._pieces)

    @cached_property
    def chunks(self) -> Sequence[Chunk]:
        """The chunks, from top to bottom."""
        return mark_prose(self._pieces)

    @cached_property
    def tables(self) -> Sequence[Table]:
        """The tables, from top to bottom."""
        return _tables(self.chunks)

    @cached_property
    def label_words(self) -> frozenset[str]:
        """The words outside running text: each label of a table is made of some."""
        return frozenset(word for chunk in self.chunks if chunk.kind != "prose" for word in chunk.text.split())


def table_layout(text: PageText) -> TableLayout:
    """Return what a page has of tables."""
    return _LAYOUTS.get(_PageKey(text), lambda: TableLayout(text))


def find_tables(text: PageText) -> Sequence[Table]:
    """Return the tables of a page, from top to bottom."""
    return table_layout(text).tables if len(text.spans) else ()


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


_LAYOUTS: LRUCache[TableLayout] = LRUCache(CACHED_WORDS, weigh=lambda layout: layout.word_count)


def _tables(chunks: Sequence[Chunk]) -> tuple[Table, ...]:
    page = ChunkMap(chunks)
    groups = [part for group in group_columns(page) for part in _side_by_side(page, group)]
    tables = [_table(page, group) for group in groups]
    return tuple(sorted((table for table in tables if _has_labels(table)), key=lambda table: table.box[1::-1]))


def _has_labels(table: Table) -> bool:
    cells = [cell for column in table.columns for cell in column.cells]
    numbered = len(cells) == 1 and _SECTION_NUMBER.fullmatch(cells[0].value.text) is not None
    return not numbered and any(cell.row or cell.column for cell in cells)


def _side_by_side(page: ChunkMap, columns: list[ValueColumn]) -> list[list[ValueColumn]]:
    """Return columns in two groups if their headers repeat: they are two tables that share rows."""
    if len(columns) < 2:
        return [columns]
    names = [header[-1].text if header else "" for header in find_headers(page, columns)]
    half = len(names) // 2
    repeated = all(names) and names[:half] == names[half:]
    has_own_labels = repeated and all(page.label_before(value) for value in columns[half])
    return [columns[:half], columns[half:]] if has_own_labels else [columns]


def _table(page: ChunkMap, columns: Sequence[ValueColumn]) -> Table:
    """Return the table of columns of values.

    Where nothing stands left of most values of the first column, its values are the labels of the rows ("2019",
    "20 to 29").
    """
    columns, keys = _row_keys(page, columns)
    members = {value.first for column in columns for value in column}
    headers = find_headers(page, columns)
    made = []
    for column, header in zip(columns, headers, strict=True):
        pitch = row_pitch(column)
        made.append(Column(header, [_cell(page, value, header, members, keys, pitch) for value in column]))
    cells = [cell for column in made for cell in column.cells]
    box = bounding_box([chunk.box for cell in cells for chunk in (cell.value, *cell.row, *cell.column)])
    return Table(made, find_caption(page, box), box)


def _row_keys(page: ChunkMap, columns: Sequence[ValueColumn]) -> tuple[Sequence[ValueColumn], list[Chunk]]:
    if len(columns) < 2:
        return columns, []
    members = {value.first for column in columns for value in column}
    first, *others = columns
    if [value.text.rstrip(".)") for value in first] == [str(place) for place in range(1, len(first) + 1)]:
        return others, []  # the rows are numbered
    without = sum(not labels_left(page, value, members) for value in first)
    return (others, first) if 2 * without > len(first) > 1 else (columns, [])


def _cell(page: ChunkMap, value: Chunk, header: Path, members: set[int], keys: Sequence[Chunk], pitch: float) -> Cell:
    left = labels_left(page, value, members) or tuple(key for key in keys if on_one_row(key, value))
    if left:
        return Cell(value, whole_label(page, left, value, pitch), section_above(page, left[0]), header)
    return Cell(value, label_beside(page, value) or label_below(page, value), (), header)
