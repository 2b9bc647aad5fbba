"""The lines of a page, and which of them continue in the next line.

Text extraction breaks lines at wide gaps, so a table row or a justified line may come in pieces: pieces that stand
side by side are joined here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pagelens.core.types import Box, PageText

WIDE_GAP = 5.0  # in letter widths; wider than in justified lines, narrower than between table columns
LONGEST_NUMBER = 40  # characters
_END = re.compile(r"[.!?…。！？:;][\"'”’»)\]]*$")
_OPEN_END_WORDS = frozenset("and or of the a an with to for in on by from as at".split())
_BULLET = re.compile("[•●○◦▪■□◆◇►▶➢➔✓✔‣⁃∙·*–—§o\uf020-\uf0ff-]$")  # with the private code points of symbol fonts
_ENUMERATOR = re.compile(r"[(\[]?(\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)\]]$")
_NUMBER = re.compile(r"[\W_]*\d[\d.,:/%\s-]*[^\w\s]*([a-zA-Z]{1,2}|%)?[^\w\s]*$")


@dataclass(frozen=True, slots=True)
class PageLine:
    """Words side by side: their range, text and bounding box; `block` is that of the first word."""

    first: int
    last: int  # exclusive
    words: Sequence[str]
    box: Box
    block: int
    columns: bool = False  # whether it has a wide gap, as table rows have

    @property
    def numbers(self) -> bool:
        """Return whether it has two or more words and at least half of them are numbers."""
        return len(self.words) > 1 and 2 * sum(map(is_number, self.words)) >= len(self.words)

    @property
    def letter_width(self) -> float:
        """Return the average width of a letter as a fraction of the page's width."""
        return (self.box.x1 - self.box.x0) / max(1, sum(map(len, self.words)) + len(self.words) - 1)


def group_words_into_lines(text: PageText) -> list[PageLine]:
    """Return the lines of a page in order. Every word is in one line."""
    lines: list[PageLine] = []
    for line in _text_lines(text):
        if lines and _side_by_side(lines[-1].box, line.box):
            lines[-1] = _join(lines[-1], line)
        else:
            lines.append(line)
    return lines


def group_paragraphs(lines: Sequence[PageLine]) -> list[list[PageLine]]:
    """Group lines into paragraphs. Headings, list items and table rows are groups of their own."""
    edges = _right_edges(lines)
    lists = _list_blocks(lines)
    grouped: list[list[PageLine]] = []
    for line in lines:
        if grouped and _continues(grouped[-1][-1], line, edges, lists):
            grouped[-1].append(line)
        else:
            grouped.append([line])
    return grouped


def is_number(word: str) -> bool:
    """Return whether a word is a number, with its signs and unit ("(1.9%)", "$3,400", "24x")."""
    return len(word) <= LONGEST_NUMBER and _NUMBER.match(word) is not None


def is_bullet(word: str) -> bool:
    """Return whether a word is a bullet of a list ("•", "–", a lone "o")."""
    return _BULLET.match(word) is not None


def is_marker(word: str) -> bool:
    """Return whether a word is a bullet or an enumerator ("•", "2.", "(b)", "iv)")."""
    return is_bullet(word) or _ENUMERATOR.match(word) is not None


def _text_lines(text: PageText) -> list[PageLine]:
    """Return the lines as the text breaks them; a blank line begins a new block."""
    lines: list[PageLine] = []
    spans: list[tuple[int, int]] = [(int(start), int(end)) for start, end in text.spans]
    first = block = 0
    for word in range(1, len(spans) + 1):
        between = text.text[spans[word - 1][1] : spans[word][0]] if word < len(spans) else "\n"
        if "\n" not in between:
            continue
        words = [text.text[start:end] for start, end in spans[first:word]]
        box = _bounding_box(text, first, word)
        lines.append(PageLine(first=first, last=word, words=words, box=box, block=block))
        first = word
        block += between.count("\n") > 1
    return lines


def _bounding_box(text: PageText, first: int, last: int) -> Box:
    boxes = text.boxes[first:last]
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _side_by_side(left: Box, right: Box) -> bool:
    """Return whether `right` stands on the same line as `left`, to the right of it."""
    overlap = min(left.y1, right.y1) - max(left.y0, right.y0)
    # Relative to the taller one: a label rotated by 90 degrees is beside many lines and on none of them.
    return overlap > 0.5 * max(left.y1 - left.y0, right.y1 - right.y0) and right.x0 >= left.x1 - 1e-3


def _join(left: PageLine, right: PageLine) -> PageLine:
    words = [*left.words, *right.words]
    gap = right.box.x0 - left.box.x1
    low = np.minimum(left.box, right.box)
    high = np.maximum(left.box, right.box)
    wide = gap > WIDE_GAP * max(left.letter_width, right.letter_width) and not is_marker(left.words[-1])
    box = Box(float(low[0]), float(low[1]), float(high[2]), float(high[3]))
    columns = left.columns or right.columns or wide
    return PageLine(first=left.first, last=right.last, words=words, box=box, block=left.block, columns=columns)


def _right_edges(lines: Sequence[PageLine]) -> dict[int, float]:
    """Return the right edge of each block."""
    edges: dict[int, float] = {}
    for line in lines:
        edges[line.block] = max(edges.get(line.block, 0.0), line.box.x1)
    return edges


def _list_blocks(lines: Sequence[PageLine]) -> set[int]:
    """Return the blocks in which no line ends or begins like running text; each of their lines is an item."""
    running: set[int] = set()
    blocks: set[int] = set()
    for before, line in zip([None, *lines], lines, strict=False):
        blocks.add(line.block)
        inside = before is not None and before.block == line.block
        if _END.search(line.words[-1]) or (inside and _starts_lower(line)):
            running.add(line.block)
    return blocks - running


def _continues(before: PageLine, line: PageLine, edges: dict[int, float], lists: set[int]) -> bool:
    """Return whether `line` continues the text of `before`."""
    if line.columns or before.columns or is_marker(line.words[0]):
        return False
    if before.block != line.block:
        open_end = _has_open_end(before) or (_starts_lower(line) and not _END.search(before.words[-1]))
        return open_end and _just_below(before.box, line.box)
    if _starts_lower(line) or _has_open_end(before):
        return True
    if line.block in lists:
        return False
    # Running text breaks a line where the next word does not fit; a word that would have fitted begins a new paragraph.
    room = edges[line.block] - before.box.x1
    return room < (len(line.words[0]) + 1) * line.letter_width or bool(_END.search(before.words[-1]))


def _has_open_end(line: PageLine) -> bool:
    """Return whether the line ends in a comma, a conjunction or the like, or within brackets."""
    text = " ".join(line.words)
    return (
        text.endswith((",", "-", "–", "&"))
        or line.words[-1].lower() in _OPEN_END_WORDS
        or text.rfind("(") > text.rfind(")")
    )


def _starts_lower(line: PageLine) -> bool:
    return line.words[0].lstrip("\"'“‘(")[:1].islower()


def _just_below(upper: Box, lower: Box) -> bool:
    """Return whether `lower` is the next line under `upper`, in about the same size."""
    height, other = upper.y1 - upper.y0, lower.y1 - lower.y0
    beside = min(upper.x1, lower.x1) > max(upper.x0, lower.x0)
    near = -0.5 * height < lower.y0 - upper.y1 < height
    return beside and near and 0.7 * height < other < 1.4 * height
