"""Decides whether a page's text layer is usable, and which part of the page image needs OCR."""

import unicodedata
from collections import Counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import Box, ImageArray, PageText
from pagelens.ingest.text.letter_pairs import pair_score
from pagelens.ingest.text.page_text import REPLACEMENT

OcrNeed = Literal["nothing", "rest", "all"]
"""What OCR has to read: nothing, what the text layer lacks, or all where the layer is missing or garbage."""

WORDS_LOST = "most of its words have no Unicode values in the file: only a picture of them"
"""The problem of a page most of whose text layer cannot be decoded; OCR can read the page instead."""

BoxArray = NDArray[np.float32]  # (n, 4) x0 y0 x1 y1, 0..1

WHOLE_PAGE = Box(0.0, 0.0, 1.0, 1.0)
_MIN_BITMAP_SHARE = 0.02  # share of the page that bitmaps cover at least if they may hold words
FEW_WORDS = 50  # a page with fewer words may show text as outlines, or be a scan with a header
_MAX_UNDEFINED = 0.2  # share of characters without a meaning from which a text layer is garbage
MIN_GARBAGE_PAIRS = 100  # letter pairs from which a text layer is garbage without a look at the page
GARBAGE_MARGIN = 0.5  # by which they must be less likely than those of a doubtful layer

_GRID = 64  # cells per side of the grid on which areas are measured
_MIN_INK_CONTRAST = 40  # grey levels between ink and paper
_MAX_BLANK_INK = 2e-4  # share of ink among the pixels of a blank image


def needed_ocr(text: PageText, bitmaps: BoxArray) -> OcrNeed:
    """Return what OCR has to read on a page with this text layer and with bitmaps at `bitmaps`."""
    if not text.text or is_garbage(text.text):
        return "all"
    return needed_beside(text, bitmaps)


def needed_beside(text: PageText, bitmaps: BoxArray) -> OcrNeed:
    """Return what OCR has to read beside a text layer that is right: nothing, or the rest."""
    if len(text.spans) < FEW_WORDS or covered_share(bitmaps) >= _MIN_BITMAP_SHARE:
        return "rest"
    return "nothing"


def is_garbage(text: str) -> bool:
    """Tell whether a text layer is garbage: undefined characters, or many letter pairs that no language has."""
    score = pair_score(text)
    has_no_language = score.pairs >= MIN_GARBAGE_PAIRS and score.is_unlikely(margin=GARBAGE_MARGIN)
    return has_no_language or has_undefined_characters(text)


def has_undefined_characters(text: str) -> bool:
    """Tell whether many characters of a text have no meaning: private ones, controls, U+FFFD."""
    counts = {char: count for char, count in Counter(text).items() if not char.isspace()}
    odd = sum(count for char, count in counts.items() if _is_undefined(char))
    return bool(counts) and odd >= _MAX_UNDEFINED * sum(counts.values())


def _is_undefined(char: str) -> bool:
    return char == REPLACEMENT or unicodedata.category(char) in ("Co", "Cn", "Cs", "Cc")


def covered_share(boxes: BoxArray) -> float:
    """Return the share of the page that the boxes cover, 0..1; overlaps count once."""
    grid = np.zeros((_GRID, _GRID), np.bool_)
    starts = np.floor(np.clip(boxes[:, :2], 0, 1) * _GRID).astype(int)
    ends = np.ceil(np.clip(boxes[:, 2:], 0, 1) * _GRID).astype(int)
    for (x0, y0), (x1, y1) in zip(starts.tolist(), ends.tolist(), strict=True):
        grid[y0:y1, x0:x1] = True
    return float(grid.mean())


def bounding_box(boxes: BoxArray) -> Box:
    """Return the part of the page that encloses all boxes; there must be at least one."""
    x0, y0 = np.clip(boxes[:, :2].min(0), 0, 1).tolist()
    x1, y1 = np.clip(boxes[:, 2:].max(0), 0, 1).tolist()
    return Box(x0, y0, x1, y1)


def is_blank(image: ImageArray) -> bool:
    """Tell whether an image holds one colour and next to nothing else."""
    grey = image[::2, ::2, 1].astype(np.int16)
    paper = np.median(grey)
    return bool(np.mean(np.abs(grey - paper) > _MIN_INK_CONTRAST) < _MAX_BLANK_INK)


def paint_over(image: ImageArray, boxes: BoxArray) -> ImageArray:
    """Return a copy in which each box is filled with the colour around it, so that OCR does not read what it holds."""
    copy = image.copy()
    height, width = image.shape[:2]
    for x0, y0, x1, y1 in (boxes * np.array([width, height, width, height], np.float32)).tolist():
        left, top = max(0, int(x0) - 1), max(0, int(y0) - 1)
        right, bottom = min(width, int(x1) + 2), min(height, int(y1) + 2)
        inside = image[top:bottom, left:right]
        edge = np.concatenate((inside[0], inside[-1], inside[:, 0], inside[:, -1]))
        copy[top:bottom, left:right] = np.median(edge, axis=0).astype(np.uint8)
    return copy
