"""Finds the rows and columns of a sheet on a drawn page, by the row numbers and column letters printed beside them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from pagelens.core.types import Box, PageText
from pagelens.ingest.readers.office.workbook import cell_position

_TITLE = re.compile(r"Sheet (\d+):")
_LETTERS = re.compile(r"[A-Z]{1,3}")
_HEADING_HEIGHT = 1.276  # of the line of column letters, in heights of a letter's box: measured on LibreOffice 7.4
_LEVEL = 0.3  # of a box's height, by which boxes of one line differ at most
_MAX_ROW_DIGITS = 7


class _PlacedWord(NamedTuple):
    text: str
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def x(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def y(self) -> float:
        return (self.y0 + self.y1) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetGrid:
    """Where the rows and columns of a sheet stand on a page, in fractions of the page."""

    sheet: int  # the sheet's number
    rows: dict[int, tuple[float, float]]  # top and bottom of each row
    columns: dict[int, tuple[float, float]]  # left and right of each column
    headings: frozenset[int]  # indices of the words that are headings: the sheet's title, row numbers, letters
    title: tuple[int, ...]  # indices of the words of the sheet's title, in order

    def cell_box(self, row: int, first_column: int, last_column: int) -> Box | None:
        """Return the box of a cell, of several columns where it is merged; None where the row is not on the page."""
        if row not in self.rows:
            return None
        inside = [edges for column, edges in self.columns.items() if first_column <= column <= last_column]
        every = inside or list(self.columns.values())  # the column stands on another page: the whole row
        top, bottom = self.rows[row]
        left, right = min(x0 for x0, _ in every), max(x1 for _, x1 in every)
        return Box(max(0.0, left), max(0.0, top), min(1.0, right), min(1.0, bottom))


def find_grid(text: PageText, left_edge: float) -> SheetGrid | None:
    """Return the grid of a page, None where it has none. `left_edge` is that of the row numbers' column, 0..1."""
    title = _TITLE.search(text.text)
    if title is None:
        return None
    words = [
        _PlacedWord(text.text[start:end], *box)
        for (start, end), box in zip(text.spans.tolist(), text.boxes.tolist(), strict=True)
    ]
    first = next(index for index, (start, _) in enumerate(text.spans.tolist()) if start >= title.start())
    in_title = tuple(index for index, word in enumerate(words) if _is_level(word, words[first]))
    letters = _column_letters(words, words[first].y1)
    if not letters:
        return None
    numbers = _row_numbers(words, [words[index] for index in letters])
    if not numbers:
        return None
    center = words[numbers[0]].x
    row_sizes = _bands([(int(words[i].text), words[i].y) for i in numbers], _top(words[letters[0]]))
    column_sizes = _bands([(_column(words[i].text), words[i].x) for i in letters], 2 * center - left_edge)
    headings = frozenset((*in_title, *letters, *numbers))
    return SheetGrid(sheet=int(title[1]), rows=row_sizes, columns=column_sizes, headings=headings, title=in_title)


def _is_level(word: _PlacedWord, other: _PlacedWord) -> bool:
    return abs(word.y - other.y) <= _LEVEL * (other.y1 - other.y0)


def _column(letters: str) -> int:
    position = cell_position(f"{letters}1")
    return position[1] if position else 0


def _column_letters(words: Sequence[_PlacedWord], below: float) -> list[int]:
    """Return the column letters from left to right: the highest line of letters that follow each other."""
    found = [index for index, word in enumerate(words) if word.y > below and _LETTERS.fullmatch(word.text)]
    if not found:
        return []
    highest = words[min(found, key=lambda index: words[index].y)]
    line = sorted((index for index in found if _is_level(words[index], highest)), key=lambda index: words[index].x)
    columns = [_column(words[index].text) for index in line]
    return line if all(after > before for before, after in pairwise(columns)) else []


def _row_numbers(words: Sequence[_PlacedWord], letters: Sequence[_PlacedWord]) -> list[int]:
    """Return the row numbers from top to bottom: the numbers around the leftmost vertical line of numbers."""
    found = [
        index
        for index, word in enumerate(words)
        if word.text.isascii() and word.text.isdecimal() and len(word.text) <= _MAX_ROW_DIGITS
        and word.y > letters[0].y1 and word.x < letters[0].x
    ]  # fmt: skip
    if not found:
        return []
    leftmost = min((words[index] for index in found), key=lambda word: word.x)
    tolerance = 0.6 * (leftmost.x1 - leftmost.x0) / len(leftmost.text)
    line = sorted((index for index in found if abs(words[index].x - leftmost.x) <= tolerance), key=lambda i: words[i].y)
    rising: list[int] = []
    for index in line:
        if not rising or int(words[index].text) > int(words[rising[-1]].text):
            rising.append(index)
    return rising


def _top(letter: _PlacedWord) -> float:
    """Return the bottom of the line of column letters, where the first row begins."""
    return letter.y + _HEADING_HEIGHT / 2 * (letter.y1 - letter.y0)


def _bands(centers: Sequence[tuple[int, float]], start: float) -> dict[int, tuple[float, float]]:
    """Return where each row begins and ends: its number stands at half its height, and rows have no gaps."""
    bands: dict[int, tuple[float, float]] = {}
    for position, (number, center) in enumerate(centers):
        end = 2 * center - start
        following = centers[position + 1][1] if position + 1 < len(centers) else None
        if end <= center or (following is not None and end >= following):  # a number was not found
            end = (center + following) / 2 if following is not None else center + (center - start)
        bands[number] = (start, max(end, center))
        start = bands[number][1]
    return bands
