"""Chunks: words side by side with narrow gaps, the pieces of which tables and charts are made.

Each chunk is a value (a number with its sign and unit, a dash), a key (a year or a range, which names a row or a
column), running text, or a label.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import Box, PageText

WORD_GAP = 1.8  # in letter widths: words with a wider gap between them are two chunks
VALUE_GAP = 0.8  # the same between a number and a number
PROSE_LETTERS = 20  # average of the lines of a paragraph of at least `PROSE_LINES`
SHORT_PROSE_LETTERS = 56  # the same of two or three lines, which may be a label
LINE_LETTERS = 84  # of a line that is running text alone
PROSE_LINES = 4
MIN_LINE_LETTERS = 7
RAGGED = 0.35  # of a paragraph's width: lines that end before are not full
LEVEL = 0.7  # of the lower one's height, that a label and its value share
LABELLED = 0.6  # share of the lines that have a value, if they are labels
FULL_LINES = 0.6  # share of the lines of a paragraph that are full; labels of rows are of all lengths
MAX_VALUE_WORDS = 3  # "US$ 3.2 million"

ChunkKind = Literal["value", "key", "label", "prose"]

_NUMBER = r"\d+(?:[.,'’\u00a0\u202f]\d+)*"
_CURRENCY = r"(?:(?:US|S|A|C|HK)?\$|[€£¥₹]|Rs\.?|USD|EUR|GBP|INR|SGD|RM)"
_VALUE = re.compile(
    rf"[(<>≤≥≈~*]*\s?{_CURRENCY}?\s?[+\-–−±]?\s?{_CURRENCY}?\s?\.?{_NUMBER}\s?[)\]]?"
    rf"(?:\s?[/x×–-]\s?[$€£]?{_NUMBER})*\s?(?:[%‰°”\"+*†‡)]|pp|[a-z]{{1,2}})*"
    rf"(?:\s?[(±]\s?[+-]?{_NUMBER}\s?%?[)]?)?"
    r"(?:\s[(]?[A-Za-z%°/²³.&-]{1,12}[)]?){0,2}[*†‡]?",
    re.IGNORECASE,
)
_EMPTY = re.compile(r"[-–—‒―]{1,3}|n\.?/?a\.?|nil|none|\.{2,3}", re.IGNORECASE)
_YEAR = re.compile(
    r"(?:FY\s?)?['’]?(?:(?:19|20)\d\d(?:\s?[-–/]\s?(?:(?:19|20)?\d\d))?|[’']\d\d)[EFPep*]?"
    r"|\d{1,2}[./-]\d{1,2}[./-](?:(?:19|20)\d\d|\d\d)|\d{4}[.-]\d\d[.-]\d\d"
)
_RANGE = re.compile(
    rf"{_NUMBER}\s?[-–]\s?{_NUMBER}|[<>≤≥]?\s?\d+\s?\+|"
    rf"{_NUMBER} (?:and|or|&) (?:above|more|over|older|under|below|less)|"
    rf"[$€£]?{_NUMBER}[kKmM]?\s?[-–]\s?[$€£]?{_NUMBER}[kKmM]?"
)
_RULE = re.compile(r"[-–—_=.·•*■□▪●]{4,}|[■□▪●]")  # drawn with characters; the mark of a legend
_NUMERAL = re.compile(_NUMBER)


class Chunk(NamedTuple):
    """Words `first` to `last` (exclusive) of a page, side by side, with their text and bounding box."""

    first: int
    last: int
    text: str
    box: Box
    kind: ChunkKind = "label"

    @property
    def height(self) -> float:
        """Its height, as a fraction of the page's."""
        return self.box.y1 - self.box.y0

    @property
    def letter_width(self) -> float:
        """The average width of a letter, as a fraction of the page's width."""
        return (self.box.x1 - self.box.x0) / max(1, len(self.text))


Path = tuple[Chunk, ...]
"""Labels of a value, from the outermost to the nearest."""


def find_chunks(text: PageText) -> list[Chunk]:
    """Return the chunks of a page, from top to bottom; words turned by 90 degrees are left out."""
    return mark_prose(find_pieces(text))


def find_pieces(text: PageText) -> list[Chunk]:
    """Return the chunks of a page, from top to bottom, with running text still among the labels."""
    chunks = _join_pieces(chunk for chunk in _line_chunks(text) if not _RULE.fullmatch(chunk.text))
    chunks.sort(key=lambda chunk: (chunk.box.y0 + chunk.box.y1, chunk.box.x0))
    return [_of_kind(chunk, _kind(chunk.text)) for chunk in chunks]


def mark_prose(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return the chunks of a page with running text marked as prose, where it was among the labels."""
    prose = set(_prose(chunks))
    return [_of_kind(chunk, "prose") if place in prose else chunk for place, chunk in enumerate(chunks)]


def vertical_overlap(first: Box, second: Box) -> float:
    """Return the height that two boxes share, as a share of the lower one; negative if they share none."""
    shared = min(first.y1, second.y1) - max(first.y0, second.y0)
    return shared / max(1e-6, min(first.y1 - first.y0, second.y1 - second.y0))


def horizontal_overlap(first: Box, second: Box) -> float:
    """Return the width that two boxes share, as a share of the narrower one; negative if they share none."""
    shared = min(first.x1, second.x1) - max(first.x0, second.x0)
    return shared / max(1e-6, min(first.x1 - first.x0, second.x1 - second.x0))


def bounding_box(boxes: Sequence[Sequence[float]]) -> Box:
    """Return the box around boxes (x0, y0, x1, y1), at least one."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


def is_numeral(word: str) -> bool:
    """Tell whether a word has a number in it and hardly anything else ("52,300", "(1.9%)", "$3")."""
    return _NUMERAL.search(word) is not None and sum(map(str.isalpha, word)) <= 2


def _line_chunks(text: PageText) -> Iterator[Chunk]:
    """Yield the chunks of each line of the text, cut at wide gaps."""
    if not len(text.spans):
        return
    spans, content = text.spans.tolist(), text.text
    words = [content[start:end] for start, end in spans]
    boxes = text.boxes.astype(np.float64)
    breaks = ["\n" in content[left[1] : right[0]] for left, right in pairwise(spans)]
    firsts = [0, *(1 + np.flatnonzero(np.array(breaks, bool) | _wide_gaps(words, boxes))).tolist()]
    corners = np.hstack((np.minimum.reduceat(boxes[:, :2], firsts), np.maximum.reduceat(boxes[:, 2:], firsts)))
    for first, last, corner in zip(firsts, [*firsts[1:], len(words)], corners.tolist(), strict=True):
        chunk = Chunk(first, last, " ".join(words[first:last]), Box(*corner))
        if not _is_turned(chunk.box, chunk.text):
            yield chunk


def _wide_gaps(words: Sequence[str], boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether the gap between two words of a line parts chunks: (n_words - 1,)."""
    left, right = boxes[:-1], boxes[1:]
    lengths = np.array([len(word) for word in words], np.float64)
    letters = (left[:, 2] - left[:, 0] + right[:, 2] - right[:, 0]) / np.maximum(1, lengths[:-1] + lengths[1:])
    gaps = right[:, 0] - left[:, 2]
    wide = (gaps > WORD_GAP * letters) | (gaps < -4 * letters)
    for place in np.flatnonzero((gaps > VALUE_GAP * letters) & ~wide).tolist():
        before, after = words[place], words[place + 1]
        in_brackets = after.startswith("(") and not before.startswith("(")  # "66.4% (0.8%)" is one value
        wide[place] = not in_brackets and is_numeral(before) and is_numeral(after)
    return wide


def _is_turned(box: Box, words: str) -> bool:
    return len(words) > 3 and box.y1 - box.y0 > 3 * (box.x1 - box.x0)


def _join_pieces(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Join pieces of consecutive text lines that stand side by side with a word's gap ("Total" and "revenue")."""
    combined: list[Chunk] = []
    for chunk in chunks:
        last = combined[-1] if combined else None
        if last is not None and last.last == chunk.first and _side_by_side(last, chunk):
            box = bounding_box([last.box, chunk.box])
            combined[-1] = Chunk(last.first, chunk.last, f"{last.text} {chunk.text}", box)
        else:
            combined.append(chunk)
    return combined


def _side_by_side(left: Chunk, right: Chunk) -> bool:
    gap = right.box.x0 - left.box.x1
    if not -0.5 * left.letter_width < gap < WORD_GAP * min(left.letter_width, right.letter_width):
        return False
    same_line = vertical_overlap(left.box, right.box) > 0.6 and 0.7 < left.height / max(right.height, 1e-6) < 1.4
    return same_line and not (is_numeral(left.text.split()[-1]) and is_numeral(right.text.split()[0]))


def _kind(text: str) -> ChunkKind:
    if _YEAR.fullmatch(text) or _RANGE.fullmatch(text):
        return "key"
    if len(text.split()) <= MAX_VALUE_WORDS and (_VALUE.fullmatch(text) or _EMPTY.fullmatch(text)):
        return "value"
    return "label"


def _of_kind(chunk: Chunk, kind: ChunkKind) -> Chunk:
    return chunk if kind == chunk.kind else Chunk(chunk.first, chunk.last, chunk.text, chunk.box, kind)


def _prose(chunks: Sequence[Chunk]) -> Iterator[int]:
    """Yield the places of lines of paragraphs, from top to bottom: several long ones close below one another, with the
    same left edge. Two or three lines of medium length may be a label of a row or a column."""
    values = [chunk for chunk in chunks if chunk.kind == "value"]
    lines_of = [
        index for index, chunk in enumerate(chunks) if chunk.kind == "label" and len(chunk.text) >= MIN_LINE_LETTERS
    ]
    for run in _paragraphs(chunks, lines_of):
        lines = [chunks[index] for index in run]
        letters = sum(len(line.text) for line in lines) / len(lines)
        least = PROSE_LETTERS if len(run) >= PROSE_LINES else SHORT_PROSE_LETTERS
        is_text = len(run) > 1 and letters >= least and _is_full(lines) and not _have_values(lines, values)
        if is_text or letters >= LINE_LETTERS:
            yield from run


def _is_full(lines: Sequence[Chunk]) -> bool:
    """Tell whether most lines are about as long as the longest near them."""
    widths = [line.box.x1 - line.box.x0 for line in lines]
    full = sum(width > (1 - RAGGED) * max(widths[max(0, at - 2) : at + 3]) for at, width in enumerate(widths))
    return full >= FULL_LINES * len(lines)


def _have_values(lines: Sequence[Chunk], values: Sequence[Chunk]) -> bool:
    """Tell whether most lines have a value on their row, right of them: they are the labels of a table."""
    rows = sum(
        any(
            value.box.x0 > line.box.x1 and value.box.y0 < line.box.y1 and vertical_overlap(value.box, line.box) > LEVEL
            for value in values
        )
        for line in lines
    )
    return rows >= LABELLED * len(lines)


def _paragraphs(chunks: Sequence[Chunk], places: Sequence[int]) -> list[list[int]]:
    """Return the places of chunks in runs: each chunk is the next line, in the same size, under the one before it."""
    runs: list[list[int]] = []
    ends: list[
        tuple[float, float, float, float, float]
    ] = []  # x0, y0, y1, height, letter width of each run's last line
    for place in places:
        lower = chunks[place]
        (x0, y0, _, y1), height = lower.box, lower.height
        end = (x0, y0, y1, height, lower.letter_width)
        for run in range(len(runs) - 1, -1, -1):
            upper_x0, upper_y0, upper_y1, upper_height, letter_width = ends[run]
            if (
                -0.6 * upper_height < y0 - upper_y1 < 0.9 * upper_height
                and y0 > upper_y0 + 0.5 * upper_height
                and abs(x0 - upper_x0) < 2.5 * letter_width
                and 0.75 < height / max(upper_height, 1e-6) < 1.33
            ):
                runs[run].append(place)
                ends[run] = end
                break
        else:
            runs.append([place])
            ends.append(end)
    return runs
