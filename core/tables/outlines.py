"""Outlines of a page's tables: the words of their labels and captions, and their boxes: what a query points at them by.

They are made when a page's vectors are, and stored: to find the tables of a page takes several times as long as to find
the best quote for a query on it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from typing import NamedTuple

from pagelens.core.tables.chunks import Chunk, is_numeral
from pagelens.core.tables.structure import Table, TableLayout, table_layout
from pagelens.core.types import Box, PageText

VERSION = 1  # raised with every change of the outlines; stored ones of another version are not used
MIN_CELLS = 3  # of a table
MIN_NUMBERS = 3  # words of a page with tables that are numbers


class TableOutline(NamedTuple):
    """A table: the different words of its labels, those of its caption, with a blank between them, and its box."""

    labels: str
    caption: str
    box: Box


def layout_with_tables(
    text: PageText, find_layout: Callable[[PageText], TableLayout] = table_layout
) -> TableLayout | None:
    """Return the layout of a page; None where it has too few numbers for a table with `MIN_CELLS` values."""
    if len(list(islice(filter(is_numeral, text.text.split()), MIN_NUMBERS))) < MIN_NUMBERS:
        return None
    layout = find_layout(text)
    return layout if layout.value_count >= MIN_CELLS else None


def outline_tables(text: PageText) -> list[TableOutline]:
    """Return the outlines of a page's tables with labels and at least `MIN_CELLS` values, from top to bottom.

    The page's layout is not kept.
    """
    layout = layout_with_tables(text, TableLayout) if len(text.spans) else None
    return outlines(layout.tables) if layout else []


def outlines(tables: Sequence[Table]) -> list[TableOutline]:
    """Return the outlines of the tables with labels and at least `MIN_CELLS` values, in order."""
    found = (
        TableOutline(_words(_labels(table)), _words(table.caption), table.box)
        for table in tables
        if sum(len(column.cells) for column in table.columns) >= MIN_CELLS
    )
    return [outline for outline in found if outline.labels]


def _labels(table: Table) -> Iterable[Chunk]:
    for column in table.columns:
        yield from column.header
        for cell in column.cells:
            yield from cell.row
            yield from cell.section


def _words(chunks: Iterable[Chunk]) -> str:
    """Return the different words of chunks, in order."""
    texts = dict.fromkeys(chunk.text for chunk in chunks)
    return " ".join(dict.fromkeys(chain.from_iterable(map(str.split, texts))))
