"""Parts columns that a file draws row by row, and line numbers and side notes in the margin of running text.

Words come in the order in which the file draws them. Where it draws pieces side by side, row after row, they are a
table, unless an empty vertical band has running text on both sides: lines that fill their column and run on from one
to the next. Pages whose pieces are drawn one column after the other are left as they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pagelens.ingest.text.page_text import Word
from pagelens.ingest.text.right_to_left import has_right_to_left

MIN_ROWS = 3  # rows that two columns of running text have side by side
MIN_NUMBERS = 4  # line numbers in a margin
MIN_NOTE = 2  # lines of a side note
# In units of a line's height, which is about 1.2 times its type size:
MIN_GUTTER = 0.6  # white space between two columns
MIN_LENGTH = 7.0  # length of a line of running text
MAX_DISTANCE = 0.9  # between the middles of two lines side by side
LEVEL = 0.12  # the same of two lines on one baseline
PARAGRAPH = 1.6  # distance of two lines in units of the usual one, from which a new block begins

MIN_LONG = 0.5  # share of a column's lines that are as long as running text
MIN_FULL = 0.5  # share that fill the column's width,
_FULL = 0.75  # to this share of it
MIN_FULL_UNCASED = 0.7  # share that fill it in scripts without capital letters
MIN_RUNNING = 0.25  # share that begin in the middle of a sentence, with a small letter
MAX_NUMBERS = 0.3  # share of words that are numbers
NOTE_WIDTH = 0.5  # of the widest column: side notes and line numbers are narrower, columns wider
MAX_NOTES = 0.7  # lines of side notes for each line of text
MIN_WORDS = 1.5  # words in a line of a side note
_SMALL_TYPE = 0.93  # of the height of the running text: side notes are smaller, or not level with it

_Kind = Literal["text", "numbers", "note", "other"]


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Pieces of lines in drawing order: words without wide gaps between them."""

    words: Sequence[Word]
    bounds: NDArray[np.intp]  # (n + 1,) the first word of each, and the end
    boxes: NDArray[np.float64]  # (n, 4)

    def texts(self, at: int) -> list[str]:
        """Return the words of a piece."""
        return [word.text for word in self.words[self.bounds[at] : self.bounds[at + 1]]]


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """Consecutive pieces, from `first` to before `last`, and the bands they stand in, from left to right."""

    first: int
    last: int
    bands: Sequence[NDArray[np.intp]]
    kinds: Sequence[_Kind]


def part_columns(words: Sequence[Word], boxes: NDArray[np.float64] | None = None) -> Sequence[Word]:
    """Return the words of a page with columns that were drawn row by row as blocks one after the other.

    `boxes` (n, 4) are those of the words, if they are at hand.
    """
    lines = _lines_side_by_side(words, np.array([word[1:5] for word in words]) if boxes is None else boxes)
    if lines is None:
        return words
    regions = list(_regions(lines, 0, len(lines.boxes)))
    if not regions:
        return words
    result: list[Word] = []
    done = 0
    numbers = _Numbers(max(word.block for word in words), max(word.line for word in words))
    for region in regions:
        result += words[done : lines.bounds[region.first]]
        for band in _in_order(lines, region):
            result += _column(lines, band, numbers)
        done = int(lines.bounds[region.last])
    return [*result, *words[done:]]


@dataclass(slots=True)
class _Numbers:
    """The last number of a block and of a line that is in use."""

    block: int
    line: int


def _lines_side_by_side(words: Sequence[Word], boxes: NDArray[np.float64]) -> _Lines | None:
    """Return the pieces of a page's lines; None where too few stand side by side, as on most pages."""
    if len(words) < 2 * MIN_NUMBERS or not np.isfinite(boxes).all():
        return None
    x0, y0, x1, y1 = boxes.T
    heights = y1 - y0
    lower = np.minimum(heights[1:], heights[:-1])
    gaps = np.maximum(x0[1:] - x1[:-1], x0[:-1] - x1[1:])
    distances = np.abs(np.diff(y0 + y1)) / 2
    beside = (distances < MAX_DISTANCE * lower) & (gaps > MIN_GUTTER * lower)
    if np.count_nonzero(beside) < 2 * MIN_NOTE - 1:
        return None
    is_end = beside | (distances > lower / 2)
    bounds = np.concatenate(([0], np.flatnonzero(is_end) + 1, [len(words)]))
    firsts = bounds[:-1]
    rects = np.stack(
        (
            np.minimum.reduceat(x0, firsts),
            np.minimum.reduceat(y0, firsts),
            np.maximum.reduceat(x1, firsts),
            np.maximum.reduceat(y1, firsts),
        ),
        1,
    )
    return _Lines(words, bounds, rects)


def _regions(lines: _Lines, start: int, end: int) -> Iterator[_Region]:
    """Yield the regions of columns among the pieces [start, end), in order."""
    found = _region(lines, start, end)
    if found is None:
        return
    yield from _regions(lines, start, found.first)
    yield found
    yield from _regions(lines, found.last, end)


def _region(lines: _Lines, start: int, end: int) -> _Region | None:
    """Return the region with the most rows that a common gutter parts, or None."""
    boxes = lines.boxes[start:end]
    if len(boxes) < 2 * MIN_NOTE:
        return None
    pairs, gutters = _candidates(lines, start, end)
    tried: set[tuple[int, int]] = set()
    while len(pairs) >= MIN_NOTE:
        middles = gutters.mean(1)
        covers = (gutters[:, 0] < middles[:, None]) & (middles[:, None] < gutters[:, 1])  # (gutters, pairs)
        x = float(middles[covers.sum(1).argmax()])
        spanning = (boxes[:, 0] < x) & (boxes[:, 2] > x)
        covered = (gutters[:, 0] < x) & (x < gutters[:, 1])
        segments = np.cumsum(spanning)[pairs[covered]]
        segment = int(np.bincount(segments).argmax())
        inside = covered & (np.cumsum(spanning)[pairs] == segment)
        first, last = _extent(boxes, spanning, pairs[inside])
        if (first, last) not in tried:
            tried.add((first, last))
            region = _checked(lines, start + first, start + last)
            if region is not None:
                return region
        pairs, gutters = pairs[~inside], gutters[~inside]
    return None


def _candidates(lines: _Lines, start: int, end: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the pieces that stand beside the next one, and the white space between them; none where they are too few.

    Both are long, or one is and the other is a number or may be a line of a side note.
    """
    boxes = lines.boxes[start:end]
    heights = boxes[:, 3] - boxes[:, 1]
    lower = np.minimum(heights[1:], heights[:-1])
    low = np.minimum(boxes[1:, 2], boxes[:-1, 2])
    high = np.maximum(boxes[1:, 0], boxes[:-1, 0])
    distances = np.abs(np.diff(boxes[:, 1] + boxes[:, 3])) / 2
    is_long = _are_long(boxes)
    is_pair = (high - low > MIN_GUTTER * lower) & (is_long[1:] | is_long[:-1]) & (distances < MAX_DISTANCE * lower)
    is_uneven = (lower < _SMALL_TYPE * np.maximum(heights[1:], heights[:-1])) | (distances > LEVEL * lower)
    widths = boxes[:, 2] - boxes[:, 0]
    is_left_wider = widths[:-1] > widths[1:]
    is_narrow = np.minimum(widths[1:], widths[:-1]) < NOTE_WIDTH * np.maximum(widths[1:], widths[:-1])
    is_text = is_long[1:] & is_long[:-1] & ~(is_narrow & is_uneven)
    chosen: dict[str, list[int]] = {"text": [], "numbers": [], "note": []}
    for at in np.flatnonzero(is_pair).tolist():
        if is_text[at]:
            chosen["text"].append(at)
            continue
        short = lines.texts(start + at + int(is_left_wider[at]))
        if len(short) == 1 and short[0].isdigit():
            chosen["numbers"].append(at)
        elif is_uneven[at] and (len(short) > 1 or len(short[0]) > 1):
            chosen["note"].append(at)
    least = {"text": MIN_ROWS, "numbers": MIN_NUMBERS, "note": MIN_NOTE}
    pairs = np.array(sorted(at for kind, found in chosen.items() if len(found) >= least[kind] for at in found), np.intp)
    return pairs, np.stack((low[pairs], high[pairs]), 1)


def _are_long(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(boxes[:, 2] - boxes[:, 0] >= MIN_LENGTH * (boxes[:, 3] - boxes[:, 1]), np.bool_)


def _extent(boxes: NDArray[np.float64], spanning: NDArray[np.bool_], pairs: NDArray[np.intp]) -> tuple[int, int]:
    """Return the range of pieces from the first pair to the last one, and on to the end of their lines' paragraph."""
    first, last = int(pairs[0]), int(pairs[-1]) + 2
    pitch = float(np.median(boxes[first:last, 3] - boxes[first:last, 1])) * PARAGRAPH
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    while last < len(boxes) and not spanning[last] and 0 <= middles[last] - middles[last - 1] < pitch:
        last += 1
    while first > 0 and not spanning[first - 1] and 0 <= middles[first] - middles[first - 1] < pitch:
        first -= 1
    return first, last


def _checked(lines: _Lines, first: int, last: int) -> _Region | None:
    """Return the region of columns in a range of pieces, or None where they are a table or the like."""
    bands = _bands(lines.boxes[first:last])
    if len(bands) < 2:
        return None
    bands = [band + first for band in bands]
    widths = [float(np.ptp(lines.boxes[band][:, [0, 2]])) for band in bands]
    wide = [band for band, width in zip(bands, widths, strict=True) if width > NOTE_WIDTH * max(widths)]
    columns = [band for band in wide if _is_running_text(lines, band)]
    if not columns or len(columns) < len(wide):
        return None
    kinds: list[_Kind] = [
        "text" if width > NOTE_WIDTH * max(widths) else _kind(lines, band, columns)
        for band, width in zip(bands, widths, strict=True)
    ]
    if "other" in kinds:
        return None
    if len(columns) > 1 and (_are_cells(lines, columns) or _changes(columns) < 2 * MIN_ROWS - 1):
        return None
    return _Region(first, last, bands, kinds)


def _changes(bands: Sequence[NDArray[np.intp]]) -> int:
    """Return how often the drawing order changes from one band to another."""
    numbers = np.concatenate([np.full(len(band), number) for number, band in enumerate(bands)])
    return int(np.count_nonzero(np.diff(numbers[np.argsort(np.concatenate(bands))])))


def _bands(boxes: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Part pieces wherever there is an empty vertical band, from left to right."""
    order = np.argsort(boxes[:, 0], kind="stable")
    rights = np.maximum.accumulate(boxes[order, 2])
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    cuts = np.flatnonzero(boxes[order[1:], 0] - rights[:-1] > MIN_GUTTER * height) + 1
    return [np.sort(band) for band in np.split(order, cuts)]


def _is_running_text(lines: _Lines, band: NDArray[np.intp]) -> bool:
    boxes = lines.boxes[band]
    if len(band) < MIN_ROWS or np.mean(_are_long(boxes)) < MIN_LONG:
        return False
    left, right = float(boxes[:, 0].min()), float(boxes[:, 2].max())
    if has_right_to_left(lines.texts(int(band[0]))[0]):
        is_full = boxes[:, 0] < right - _FULL * (right - left)
    else:
        is_full = boxes[:, 2] > left + _FULL * (right - left)
    texts = [lines.texts(int(at)) for at in band]
    words = [word for text in texts for word in text]
    if sum(map(_is_number, words)) > MAX_NUMBERS * len(words):
        return False
    if not any(word.lower() != word.upper() for word in words):
        return bool(np.mean(is_full) >= MIN_FULL_UNCASED)
    running = sum(text[0][:1].islower() for text in texts)
    return bool(np.mean(is_full) >= MIN_FULL and running >= MIN_RUNNING * len(band))


def _is_number(word: str) -> bool:
    return word.strip("().,:;%$€£+-–").replace(",", "").replace(".", "").isdigit()


def _kind(lines: _Lines, band: NDArray[np.intp], columns: Sequence[NDArray[np.intp]]) -> _Kind:
    """Return what a band beside running text is."""
    if _are_line_numbers(lines, band):
        return "numbers"
    return "note" if _is_note(lines, band, columns) else "other"


def _are_line_numbers(lines: _Lines, band: NDArray[np.intp]) -> bool:
    """Tell whether each piece is one number, and all follow one another in steps of 1, 5 or the like."""
    texts = [lines.texts(int(at)) for at in band]
    if len(band) < MIN_NUMBERS or any(len(text) > 1 or not (text[0].isascii() and text[0].isdigit()) for text in texts):
        return False
    steps = np.diff([int(text[0][:9]) for text in texts])
    return bool(steps[0] > 0 and (steps == steps[0]).all())


def _is_note(lines: _Lines, band: NDArray[np.intp], columns: Sequence[NDArray[np.intp]]) -> bool:
    """Tell whether a band holds side notes: running words in smaller type than the text, or not level with it."""
    texts = [lines.texts(int(at)) for at in band]
    column = np.concatenate(columns)
    is_small = MIN_NOTE <= len(band) <= MAX_NOTES * len(column)
    if not is_small or _changes([band, column]) < 2 * MIN_NOTE - 1 or sum(map(len, texts)) < MIN_WORDS * len(texts):
        return False
    if not any(text[0][0].islower() for text in texts):
        return False
    notes, text = lines.boxes[band], lines.boxes[column]
    if not (notes[:, 0].min() > text[:, 2].max() or notes[:, 2].max() < text[:, 0].min()):
        return False
    heights = np.median(notes[:, 3] - notes[:, 1]), np.median(text[:, 3] - text[:, 1])
    if heights[0] < _SMALL_TYPE * heights[1]:
        return True
    distances = np.abs((notes[:, 1] + notes[:, 3])[:, None] - (text[:, 1] + text[:, 3])).min(1) / 2
    return bool(np.median(distances) > LEVEL * heights[1])


def _are_cells(lines: _Lines, columns: Sequence[NDArray[np.intp]]) -> bool:
    """Tell whether columns are those of a table of long texts: its rows are parted in all columns at once."""
    middles = [(lines.boxes[band, 1] + lines.boxes[band, 3]) / 2 for band in columns]
    pitch = float(np.median(np.concatenate([np.diff(column) for column in middles])))
    breaks = [{round(float(at) / pitch, 1) for at in column[1:][np.diff(column) > 1.25 * pitch]} for column in middles]
    shared = [at for at in breaks[0] if all(any(abs(at - other) < 0.5 for other in column) for column in breaks[1:])]
    return len(shared) > 1 and 2 * len(shared) > max(map(len, breaks))


def _in_order(lines: _Lines, region: _Region) -> Iterator[NDArray[np.intp]]:
    """Yield a region's columns in reading order, then what stands in the margins."""
    bands = list(zip(region.bands, region.kinds, strict=True))
    text = "".join(word for at in region.bands[0] for word in lines.texts(int(at)))
    if has_right_to_left(text):
        bands.reverse()
    yield from (band for band, kind in bands if kind == "text")
    yield from (band for band, kind in bands if kind != "text")


def _column(lines: _Lines, band: NDArray[np.intp], numbers: _Numbers) -> Iterator[Word]:
    """Yield the words of a column with new numbers of blocks and lines."""
    middles = (lines.boxes[band, 1] + lines.boxes[band, 3]) / 2
    distances = np.diff(middles)
    usual = float(np.median(distances[distances > 0])) if (distances > 0).any() else np.inf
    numbers.block += 1
    for at, distance in zip(band.tolist(), [0.0, *distances.tolist()], strict=True):
        numbers.line += 1
        numbers.block += distance > PARAGRAPH * usual
        for word in lines.words[lines.bounds[at] : lines.bounds[at + 1]]:
            yield word._replace(block=numbers.block, line=numbers.line)
