"""The lists of a page: a line that introduces items, and the items, however long they are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pagelens.core.tables.chunks import Chunk, bounding_box, find_chunks, horizontal_overlap, vertical_overlap
from pagelens.core.types import PageText
from pagelens.generate.page_lines import is_bullet, is_marker
from pagelens.generate.sentences import Sentence, split_sentences

MIN_ITEMS = 2
MAX_FURTHER = 3  # sentences of an item after its first; more are running text behind the list
ITEM_GAP = 1.8  # of the gap between the first two items: items without marks end before a wider one
MAX_SHIFT = 2  # letters between the left edges of a column's lines
MAX_GAP = 1.6  # heights of a line between two lines of a column
HEAD_GAP = 5  # the same between a column and the label that heads it
ASIDE = 0.3  # what a distance to the side counts of one in height
HALF = 0.5  # of the lower one's height, that two chunks side by side share

_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"[^\W\d_]+")
Span = tuple[int, int]
"""Start and end (exclusive) in a page's text."""


@dataclass(frozen=True, slots=True)
class PageList:
    """A list: the line that introduces it, and its items."""

    heading: Span
    items: Sequence[Span]


@dataclass(frozen=True, slots=True)
class _Line:
    span: Span
    shape: str
    words: Sequence[str]
    marker: str  # a bullet, or the form of a number or letter ("9.", "a)"); "" of other lines
    top: float
    foot: float


def find_lists(text: PageText) -> list[PageList]:
    """Return the lists of a page in order. An item has a bullet or a number, or is a short line of its own."""
    lines = [_line(text, sentence) for sentence in split_sentences(text)]
    lists: list[PageList] = []
    end = 0  # of the last list: an item of it introduces nothing
    for index, line in enumerate(lines[:-1]):
        introduces = line.shape in ("heading", "item") and line.span[0] >= end
        if not line.marker and (introduces or line.words[-1].endswith(":")):
            items = _items(lines[index + 1 :])
            if len(items) >= MIN_ITEMS:
                lists.append(PageList(line.span, items))
                end = items[-1][1]
    return lists


def _line(text: PageText, sentence: Sentence) -> _Line:
    words = text.text[sentence.start : sentence.end].split()
    boxes = text.boxes_of(sentence.start, sentence.end)
    return _Line(
        span=(sentence.start, sentence.end),
        shape=sentence.shape,
        words=words,
        marker=_marker(words[0]),
        top=min(box.y0 for box in boxes),
        foot=max(box.y1 for box in boxes),
    )


def _items(lines: Sequence[_Line]) -> list[Span]:
    marker = lines[0].marker
    items: list[Span] = []
    further = 0
    widest = float("inf")
    for before, line in zip([None, *lines], lines, strict=False):
        gap = line.top - before.foot if before else 0.0
        if len(items) == 1 and gap > 0:
            widest = ITEM_GAP * gap
        if line.marker == marker and (marker or (line.shape == "item" and gap <= widest)):
            items.append(line.span)
            further = 0
        elif marker and further < MAX_FURTHER and (line.marker or not _introduces(line)):
            items[-1] = items[-1][0], line.span[1]
            further += not line.marker
        else:
            break
    return items


def _introduces(line: _Line) -> bool:
    return line.shape in ("heading", "row") or line.words[-1].endswith(":")


def _marker(word: str) -> str:
    if is_bullet(word):
        return word
    return _LETTERS.sub("a", _DIGITS.sub("9", word)) if is_marker(word) else ""


def find_column_lists(text: PageText) -> list[PageList]:
    """Return the columns of text that stand side by side: each line of a column, below the one that heads it."""
    chunks = find_chunks(text)
    lists: list[PageList] = []
    listed: set[int] = set()
    for chunk in chunks:
        if chunk.kind != "label" or chunk.first in listed:
            continue
        below = _column_below(chunk, chunks)
        if len(below) < MIN_ITEMS or not any(_beside(item, other) for item in below for other in chunks):
            continue
        head = _head([chunk, *below], chunks)
        items = below if head is None else [chunk, *below]
        lists.append(PageList(_span(text, head or chunk), [_span(text, item) for item in items]))
        listed.update(item.first for item in items)
    return lists


def _column_below(head: Chunk, chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return the chunks below another, each close below the one before, with the same left edge."""
    column, last = [], head
    for chunk in chunks:
        gap = chunk.box.y0 - last.box.y1
        aligned = abs(chunk.box.x0 - head.box.x0) < MAX_SHIFT * head.letter_width
        if chunk.first == head.first or not aligned or gap < -0.5 * last.height:
            continue
        if gap > MAX_GAP * last.height or chunk.kind == "prose":
            break
        column.append(chunk)
        last = chunk
    return column


def _head(column: Sequence[Chunk], chunks: Sequence[Chunk]) -> Chunk | None:
    """Return the label above a column, or above and left of it, that stands apart from it; None if there is none."""
    box = bounding_box([chunk.box for chunk in column])

    def distance(chunk: Chunk) -> float:
        aside = 0.0 if horizontal_overlap(chunk.box, box) > 0 else max(0.0, box.x0 - chunk.box.x1)
        return ASIDE * aside + box.y0 - chunk.box.y1

    reach = HEAD_GAP * column[0].height
    above = [
        chunk for chunk in chunks if box.y0 - chunk.box.y1 >= 0 and distance(chunk) < reach and chunk.box.x0 < box.x1
    ]
    head = min(above, key=distance, default=None)
    return head if head is not None and head.kind == "label" else None


def _beside(chunk: Chunk, other: Chunk) -> bool:
    return other is not chunk and vertical_overlap(chunk.box, other.box) > HALF


def _span(text: PageText, chunk: Chunk) -> Span:
    return int(text.spans[chunk.first, 0]), int(text.spans[chunk.last - 1, 1])
