"""Puts a block of a page in its place where a file draws it after blocks that stand below it, or before those above.

The drawing order is kept unless a block stands above one that was drawn before it, and moving a single block (a title
that is drawn last) mends that. Sorting all blocks of such pages mends more pages, but parts paragraphs that belong
together, and finds fewer pages (docs/LOG.md).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.ingest.text.page_text import Word
from pagelens.ingest.text.right_to_left import has_right_to_left

MAX_BLOCKS = 400  # of a page; a drawing or a map has more, and no reading order
SHARED = 0.3  # of the narrower block's width: two blocks that have so much in common stand one above the other
_TOUCH = 0.05  # of a line's height by which blocks one above the other overlap at most
MAX_RUNNING = 4  # running titles and page numbers of a page; more such lines are its text
# In units of a line's height:
SMALL = 1.2  # type of running titles at most
_LINE = 1.5  # in units of its own type: a block that is higher has several lines

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
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    if not height > 0 or not np.isfinite(boxes).all():
        return words
    above = _is_above(rects, height)
    running = _is_running(boxes, starts, rects, height)
    above[running] = above[:, running] = False
    wrong = np.tril(above)  # the first block stands above the second one although it is drawn after it
    if not wrong.any():
        return words
    leftwards = 2 * sum(has_right_to_left(word.text) for word in words) > len(words)
    if not _is_upright(boxes, np.array([word.line for word in words]), leftwards=leftwards):
        return words
    order = _order_but_for_one(rects, wrong)
    if order is None:
        return words
    ends = [*starts[1:].tolist(), len(words)]
    return [word for block in order for word in words[starts[block] : ends[block]]]


def _bounding_boxes(boxes: Boxes, starts: NDArray[np.intp]) -> Boxes:
    low = np.minimum.reduceat(boxes[:, :2], starts, axis=0)
    return np.hstack((low, np.maximum.reduceat(boxes[:, 2:], starts, axis=0)))


def _is_above(rects: Boxes, height: float) -> NDArray[np.bool_]:
    """Return (n, n): whether the first block stands above the second one."""
    x0, y0, x1, y1 = rects.T
    shared = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    narrower = np.minimum((x1 - x0)[:, None], x1 - x0)
    above = (y1[:, None] <= y0 + _TOUCH * height) & (shared > SHARED * narrower)
    np.fill_diagonal(above, False)
    return np.asarray(above, np.bool_)


def _is_running(boxes: Boxes, starts: NDArray[np.intp], rects: Boxes, height: float) -> NDArray[np.bool_]:
    """Return (n,): whether a block is a running title or a page number, which stays where it was drawn.

    Moved to the top they would begin the page's first passage. A line in larger type is a title of the page.
    """
    letters = np.maximum.reduceat(boxes[:, 3] - boxes[:, 1], starts)
    is_line = (rects[:, 3] - rects[:, 1] < _LINE * letters) & (letters <= SMALL * height)
    body = rects[~is_line]
    if not len(body):
        return np.zeros(len(rects), np.bool_)
    outside = (rects[:, 3] <= body[:, 1].min()) | (rects[:, 1] >= body[:, 3].max())
    running = np.asarray(is_line & outside, np.bool_)
    return running if running.sum() <= MAX_RUNNING else np.zeros(len(rects), np.bool_)


def _order_but_for_one(rects: Boxes, wrong: NDArray[np.bool_]) -> list[int] | None:
    """Return the order in which one block is moved, or None where that is not enough."""
    counts = np.concatenate((wrong.sum(1), wrong.sum(0)))
    place = int(counts.argmax())
    if counts[place] < wrong.sum():
        return None
    block = place % len(rects)
    order = list(range(len(rects)))
    others = np.delete(rects, block, axis=0)
    order.remove(block)
    if place < len(rects):  # drawn too late
        is_first = rects[block, 3] <= others[:, 1].min()
        order.insert(0 if is_first else int(np.flatnonzero(wrong[block])[0]), block)
    else:
        is_last = rects[block, 1] >= others[:, 3].max()
        order.insert(len(order) if is_last else int(np.flatnonzero(wrong[:, block])[-1]), block)
    return order


def _is_upright(boxes: Boxes, lines: NDArray[np.int64], *, leftwards: bool) -> bool:
    """Tell whether most words stand beside the one before, in their script's direction: not upside down or sideways."""
    steps = np.diff((boxes[:, :2] + boxes[:, 2:]) / 2, axis=0)[np.diff(lines) == 0]
    if not len(steps):
        return True
    across = -steps[:, 0] if leftwards else steps[:, 0]
    return bool(np.mean(across > np.abs(steps[:, 1])) > 0.5)
