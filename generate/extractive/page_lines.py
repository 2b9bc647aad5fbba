"""A page's lines as a reader sees them, and which of them run on into the next.

Readers of files break lines at wide gaps, so a table row or a justified line may come in pieces: pieces that stand
side by side are put together again here. Knows words and boxes; does not know sentences or questions.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pagelens.core.types import Box, PageText

WIDE_GAP = 5.0  # in letters: no justified line is spread that far, columns of a table are
LONGEST_NUMBER = 40  # characters
_END = re.compile(r"[.!?…。！？:;][\"'”’»)\]]*$")
_JOINERS = frozenset("and or of the a an with to for in on by from as at".split())
_BULLET = re.compile("[•●○◦▪■□◆◇►▶➢➔✓✔‣⁃∙·*–—§o\uf020-\uf0ff-]$")  # what symbol fonts call bullets too
_ENUMERATOR = re.compile(r"[(\[]?(\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)\]]$")
_NUMBER = re.compile(r"[\W_]*\d[\d.,:/%\s-]*[^\w\s]*([a-zA-Z]{1,2}|%)?[^\w\s]*$")


@dataclass(frozen=True, slots=True)
class Line:
    """Words side by side: their half-open range, their text, their hull; `block` is that of the first word."""

    first: int
    last: int  # half-open
    words: Sequence[str]
    box: Box
    block: int
    columns: bool = False  # a wide gap stands in it: a table's row

    @property
    def numbers(self) -> bool:
        """Say whether at least half of the words, of two or more, are numbers."""
        return len(self.words) > 1 and 2 * sum(map(is_number, self.words)) >= len(self.words)

    @property
    def letter(self) -> float:
        """Return the width of a letter, in fractions of the page's width."""
        return (self.box.x1 - self.box.x0) / max(1, sum(map(len, self.words)) + len(self.words) - 1)


def group_words_into_lines(text: PageText) -> list[Line]:
    """Return the lines of a page in order; together they hold every word once."""
    lines: list[Line] = []
    for line in _text_lines(text):
        if lines and _side_by_side(lines[-1].box, line.box):
            lines[-1] = _together(lines[-1], line)
        else:
            lines.append(line)
    return lines


def flows(lines: Sequence[Line]) -> list[list[Line]]:
    """Group lines into flows: what runs on from line to line. Headings, list items and rows are flows of their own."""
    edges = _right_edges(lines)
    lists = _list_blocks(lines)
    grouped: list[list[Line]] = []
    for line in lines:
        if grouped and _runs_on(grouped[-1][-1], line, edges, lists):
            grouped[-1].append(line)
        else:
            grouped.append([line])
    return grouped


def is_number(word: str) -> bool:
    """Say whether a word is a number, with its signs and unit ("(1.9%)", "$3,400", "24x")."""
    return len(word) <= LONGEST_NUMBER and _NUMBER.match(word) is not None


def is_bullet(word: str) -> bool:
    """Say whether a word only says that an item begins ("•", "–", a lone "o")."""
    return _BULLET.match(word) is not None


def is_marker(word: str) -> bool:
    """Say whether a word is a bullet or an enumerator ("•", "2.", "(b)", "iv)")."""
    return is_bullet(word) or _ENUMERATOR.match(word) is not None


def _text_lines(text: PageText) -> list[Line]:
    """Cut the words into lines where the text has a newline; a blank line begins a new block."""
    lines: list[Line] = []
    spans: list[tuple[int, int]] = [(int(start), int(end)) for start, end in text.spans]
    first = block = 0
    for word in range(1, len(spans) + 1):
        between = text.text[spans[word - 1][1] : spans[word][0]] if word < len(spans) else "\n"
        if "\n" not in between:
            continue
        words = [text.text[start:end] for start, end in spans[first:word]]
        lines.append(Line(first, word, words, _hull(text, first, word), block))
        first = word
        block += between.count("\n") > 1
    return lines


def _hull(text: PageText, first: int, last: int) -> Box:
    boxes = text.boxes[first:last]
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _side_by_side(left: Box, right: Box) -> bool:
    """Say whether `right` stands on the same line as `left`, to the right of it."""
    overlap = min(left.y1, right.y1) - max(left.y0, right.y0)
    # Against the taller one: a label turned by 90 degrees is beside many lines and on none.
    return overlap > 0.5 * max(left.y1 - left.y0, right.y1 - right.y0) and right.x0 >= left.x1 - 1e-3


def _together(left: Line, right: Line) -> Line:
    words = [*left.words, *right.words]
    gap = right.box.x0 - left.box.x1
    low = np.minimum(left.box, right.box)
    high = np.maximum(left.box, right.box)
    wide = gap > WIDE_GAP * max(left.letter, right.letter) and not is_marker(left.words[-1])
    box = Box(float(low[0]), float(low[1]), float(high[2]), float(high[3]))
    return Line(left.first, right.last, words, box, left.block, left.columns or right.columns or wide)


def _right_edges(lines: Sequence[Line]) -> dict[int, float]:
    """Return how far right each block reaches."""
    edges: dict[int, float] = {}
    for line in lines:
        edges[line.block] = max(edges.get(line.block, 0.0), line.box.x1)
    return edges


def _list_blocks(lines: Sequence[Line]) -> set[int]:
    """Return the blocks in which no line ends or begins as running text does: each line stands for itself."""
    running: set[int] = set()
    blocks: set[int] = set()
    for before, line in zip([None, *lines], lines, strict=False):
        blocks.add(line.block)
        inside = before is not None and before.block == line.block
        if _END.search(line.words[-1]) or (inside and _goes_on(line)):
            running.add(line.block)
    return blocks - running


def _runs_on(before: Line, line: Line, edges: dict[int, float], lists: set[int]) -> bool:
    """Say whether the words of `before` go on in `line`."""
    if line.columns or before.columns or is_marker(line.words[0]):
        return False
    if before.block != line.block:
        open_end = _left_open(before) or (_goes_on(line) and not _END.search(before.words[-1]))
        return open_end and _just_below(before.box, line.box)
    if _goes_on(line) or _left_open(before):
        return True
    if line.block in lists:
        return False
    # Running text breaks a line where the next word does not fit; one that would have fitted begins something new.
    room = edges[line.block] - before.box.x1
    return room < (len(line.words[0]) + 1) * line.letter or bool(_END.search(before.words[-1]))


def _left_open(line: Line) -> bool:
    """Say whether something must follow: the line ends in a comma, a joining word or within brackets."""
    text = " ".join(line.words)
    return (
        text.endswith((",", "-", "–", "&")) or line.words[-1].lower() in _JOINERS or text.rfind("(") > text.rfind(")")
    )


def _goes_on(line: Line) -> bool:
    return line.words[0].lstrip("\"'“‘(")[:1].islower()


def _just_below(upper: Box, lower: Box) -> bool:
    """Say whether `lower` is the next line under `upper`, set in about the same size."""
    height, other = upper.y1 - upper.y0, lower.y1 - lower.y0
    beside = min(upper.x1, lower.x1) > max(upper.x0, lower.x0)
    near = -0.5 * height < lower.y0 - upper.y1 < height
    return beside and near and 0.7 * height < other < 1.4 * height
