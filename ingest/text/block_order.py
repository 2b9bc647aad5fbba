"""Puts the blocks of a page in reading order where a file draws them in another one.

The drawing order is kept unless a block stands above one that was drawn before it: then a block that is alone in the
wrong place (a running title, a page number) is moved, or all blocks are sorted by the reading order of their lines.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.ingest.text.page_text import Word
from pagelens.ingest.text.reading_order import reading_order
from pagelens.ingest.text.right_to_left import has_right_to_left

MAX_BLOCKS = 400  # of a page; a drawing or a map has more, and no reading order
MAX_LINES = 2_000
SHARED = 0.3  # of the narrower block's width: two blocks that have so much in common stand one above the other
WIDTH_SCALE = 1.4  # lines of a text layer are as high as their font, those of OCR as their letters
_TOUCH = 0.05  # of a line's height by which blocks one above the other overlap at most

Boxes = NDArray[np.float64]  # (n, 4) x0 y0 x1 y1


def in_reading_order(words: Sequence[Word], boxes: Boxes | None = None) -> Sequence[Word]:
    """Return the words of a page with their blocks in reading order; blocks stay whole, and lines within them.

    `boxes` (n, 4) are those of the words, if they are at hand.
    """
    if not words:
        return words
    blocks = np.array([word.block for word in words])
    starts = np.flatnonzero(np.diff(blocks, prepend=blocks[0] - 1))
    if not 1 < len(starts) <= MAX_BLOCKS:
        return words
    boxes = np.array([word[1:5] for word in words], np.float64) if boxes is None else boxes
    rects = _bounding_boxes(boxes, starts)
    wrong = _wrong_pairs(rects, float(np.median(boxes[:, 3] - boxes[:, 1])))
    if not wrong.any():
        return words
    lines = np.array([word.line for word in words])
    leftwards = 2 * sum(has_right_to_left(word.text) for word in words) > len(words)
    if not _is_upright(boxes, lines, leftwards=leftwards):
        return words
    order = _order_but_for_one(rects, wrong)
    if order is None:
        order = _order_by_lines(boxes, lines, starts, leftwards=leftwards)
    ends = [*starts[1:].tolist(), len(words)]
    return [word for block in order for word in words[starts[block] : ends[block]]]


def _bounding_boxes(boxes: Boxes, starts: NDArray[np.intp]) -> Boxes:
    low = np.minimum.reduceat(boxes[:, :2], starts, axis=0)
    return np.hstack((low, np.maximum.reduceat(boxes[:, 2:], starts, axis=0)))


def _wrong_pairs(rects: Boxes, height: float) -> NDArray[np.bool_]:
    """Return (n, n): whether the second block stands above the first one although it is drawn after it."""
    x0, y0, x1, y1 = rects.T
    shared = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    narrower = np.minimum((x1 - x0)[:, None], x1 - x0)
    is_above = (y1 <= y0[:, None] + _TOUCH * height) & (shared > SHARED * narrower)
    return np.asarray(np.triu(is_above, 1), np.bool_)


def _order_but_for_one(rects: Boxes, wrong: NDArray[np.bool_]) -> list[int] | None:
    """Return the order in which one block is moved, or None where that is not enough."""
    counts = np.concatenate((wrong.sum(0), wrong.sum(1)))
    place = int(counts.argmax())
    if counts[place] < wrong.sum():
        return None
    block = place % len(rects)
    order = list(range(len(rects)))
    others = np.delete(rects, block, axis=0)
    order.remove(block)
    if place < len(rects):  # drawn too late
        is_first = rects[block, 3] <= others[:, 1].min()
        order.insert(0 if is_first else int(np.flatnonzero(wrong[:, block])[0]), block)
    else:
        is_last = rects[block, 1] >= others[:, 3].max()
        order.insert(len(order) if is_last else int(np.flatnonzero(wrong[block])[-1]), block)
    return order


def _is_upright(boxes: Boxes, lines: NDArray[np.int64], *, leftwards: bool) -> bool:
    """Tell whether most words stand beside the one before, in their script's direction: not upside down or sideways."""
    steps = np.diff((boxes[:, :2] + boxes[:, 2:]) / 2, axis=0)[np.diff(lines) == 0]
    if not len(steps):
        return True
    across = -steps[:, 0] if leftwards else steps[:, 0]
    return bool(np.mean(across > np.abs(steps[:, 1])) > 0.5)


def _order_by_lines(boxes: Boxes, lines: NDArray[np.int64], starts: NDArray[np.intp], *, leftwards: bool) -> list[int]:
    """Return the blocks in the order in which the first line of each is read."""
    is_start = np.diff(lines, prepend=lines[0] - 1) != 0
    is_start[starts] = True
    line_starts = np.flatnonzero(is_start)
    if len(line_starts) > MAX_LINES:
        return list(range(len(starts)))
    rects = _bounding_boxes(boxes, line_starts)
    if leftwards:
        rects[:, [0, 2]] = -rects[:, [2, 0]]
    rects[:, [0, 2]] *= WIDTH_SCALE
    position = np.empty(len(rects), np.int64)
    position[[place.box for place in reading_order(rects)]] = np.arange(len(rects))
    return [int(block) for block in np.argsort(position[np.searchsorted(line_starts, starts)], kind="stable")]
