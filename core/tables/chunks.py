"""Chunks: words side by side with narrow gaps, the pieces of which tables and charts are made.

Each chunk is a value (a number with its sign and unit, a dash), a key (a year or a range, which names a row or a
column), running text, or a label.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class Chunk:
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
    pieces = (chunk for chunk in _line_chunks(text) if not _RULE.fullmatch(chunk.text))
    chunks = _join_pieces(pieces)
    chunks.sort(key=lambda chunk: (chunk.box.y0 + chunk.box.y1, chunk.box.x0))
    return _mark_prose([replace(chunk, kind=_kind(chunk.text)) for chunk in chunks])


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


def _line_chunks(text: PageText) -> list[Chunk]:
    """Return the chunks of each line of the text, cut at wide gaps."""
    chunks: list[Chunk] = []
    spans, boxes = text.spans.tolist(), text.boxes.tolist()
    words = [text.text[start:end] for start, end in spans]
    first = 0
    for word in range(1, len(spans) + 1):
        on_line = word < len(spans) and "\n" not in text.text[spans[word - 1][1] : spans[word][0]]
        if on_line and not _parts(boxes[word - 1], words[word - 1], boxes[word], words[word]):
            continue
        box = bounding_box(boxes[first:word])
        content = " ".join(words[first:word])
        if not _is_turned(box, content):
            chunks.append(Chunk(first, word, content, box))
        first = word
    return chunks


def _parts(left: Sequence[float], before: str, right: Sequence[float], after: str) -> bool:
    """Tell whether the gap between two words of a line parts chunks."""
    letters = (left[2] - left[0] + right[2] - right[0]) / max(1, len(before) + len(after))
    gap = right[0] - left[2]
    if gap > WORD_GAP * letters or gap < -4 * letters:
        return True
    in_brackets = after.startswith("(") and not before.startswith("(")  # "66.4% (0.8%)" is one value
    return gap > VALUE_GAP * letters and not in_brackets and is_numeral(before) and is_numeral(after)


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
    same_line = vertical_overlap(left.box, right.box) > 0.6 and 0.7 < left.height / max(right.height, 1e-6) < 1.4
    both_numbers = is_numeral(left.text.split()[-1]) and is_numeral(right.text.split()[0])
    limit = (VALUE_GAP if both_numbers else WORD_GAP) * min(left.letter_width, right.letter_width)
    return same_line and -0.5 * left.letter_width < gap < limit and not both_numbers


def _kind(text: str) -> ChunkKind:
    if _YEAR.fullmatch(text) or _RANGE.fullmatch(text):
        return "key"
    if len(text.split()) <= MAX_VALUE_WORDS and (_VALUE.fullmatch(text) or _EMPTY.fullmatch(text)):
        return "value"
    return "label"


def _mark_prose(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Make the lines of paragraphs running text: several long ones close below one another, with the same left edge.

    Two or three lines of medium length may be a label of a row or a column.
    """
    runs: list[list[int]] = []
    for index, chunk in enumerate(chunks):
        if chunk.kind not in ("label", "prose") or len(chunk.text) < MIN_LINE_LETTERS:
            continue
        run = next((run for run in reversed(runs) if _next_line(chunks[run[-1]], chunk)), None)
        if run is None:
            runs.append([index])
        else:
            run.append(index)
    values = [chunk for chunk in chunks if chunk.kind == "value"]
    prose = set()
    for run in runs:
        lines = [chunks[index] for index in run]
        letters = sum(len(line.text) for line in lines) / len(lines)
        least = PROSE_LETTERS if len(run) >= PROSE_LINES else SHORT_PROSE_LETTERS
        is_text = len(run) > 1 and letters >= least and _is_full(lines) and not _have_values(lines, values)
        if is_text or letters >= LINE_LETTERS:
            prose.update(run)
    return [replace(chunk, kind="prose") if index in prose else chunk for index, chunk in enumerate(chunks)]


def _is_full(lines: Sequence[Chunk]) -> bool:
    """Tell whether most lines are about as long as the longest near them."""
    widths = [line.box.x1 - line.box.x0 for line in lines]
    full = sum(width > (1 - RAGGED) * max(widths[max(0, at - 2) : at + 3]) for at, width in enumerate(widths))
    return full >= FULL_LINES * len(lines)


def _have_values(lines: Sequence[Chunk], values: Sequence[Chunk]) -> bool:
    """Tell whether most lines have a value on their row, right of them: they are the labels of a table."""
    rows = sum(
        any(value.box.x0 > line.box.x1 and vertical_overlap(value.box, line.box) > LEVEL for value in values)
        for line in lines
    )
    return rows >= LABELLED * len(lines)


def _next_line(upper: Chunk, lower: Chunk) -> bool:
    """Tell whether a chunk is the next line under another, in the same size."""
    gap = lower.box.y0 - upper.box.y1
    return (
        -0.6 * upper.height < gap < 0.9 * upper.height
        and lower.box.y0 > upper.box.y0 + 0.5 * upper.height
        and abs(lower.box.x0 - upper.box.x0) < 2.5 * upper.letter_width
        and 0.75 < lower.height / max(upper.height, 1e-6) < 1.33
    )
