"""Finds words of a page that are not visible: without contrast, under an image, too small, or outside the page.

They are left out of the page's text, so that nothing is quoted that a reader cannot see. In doubt a word counts as
visible. An invisible OCR text layer over a scan counts as visible, since there is ink where its words stand.
Must be called with `pagelens.ingest.readers.mupdf.LOCK` held.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pagelens.ingest.readers.drawing_log import FAINT, LIGHT, Area, DrawingLog, log_drawing
from pagelens.ingest.readers.mupdf import pymupdf

Reason = Literal["of the colour behind them", "under a picture", "too small to read", "outside the page"]
Boxes = NDArray[np.float64]  # (n, 4) x0 y0 x1 y1 in points, as returned by `get_text`: before rotation

_MIN_REPORTED = 3  # hidden words of a page; fewer are left out without a message
_MIN_OUTSIDE = 12  # words outside the page; fewer may be printers' marks and are not counted
_INVISIBLE = 3  # PDF's text rendering mode (ISO 32000-1, 9.3.6)
_MIN_CONTRAST = 12  # of 255, in any channel; less is not visible. #f4f4f4 on white is 11
_DPI = 100
_MAX_PIXELS = 4_000_000  # of the rendered page
_MIN_WORD_PIXELS = 5  # height of a word on it; smaller words are not judged
_TINY = 1.5  # type size in points, and
_TINY_SHARE = 0.0025  # of the page's longer side (2 points on A4): text below both is too small
_SCAN_SHARE = 0.6  # of the page: a larger image drawn over text is a scan with its text layer below
_EDGE = 0.12  # of a word's shorter side: there may be ink of its neighbours at the upper and lower edge of its box
_COLOUR_DISTANCE = 40  # of 255 per channel: a pixel this close to a word's colour counts as its ink,
_MIN_INK = 0.04  # and a visible word's ink fills at least this share of its box
_MAX_PAIRS = 2_000_000  # of spans and fills that are compared; with more it is cheaper to render the page
_MAX_IMAGES = 200  # the last so many of a page are considered
_MOST_WORDS, _MIN_WORDS = 0.8, 10  # share of the words that are not under images, and their least number


@dataclass(slots=True)
class VisibleWords:
    """Which words of a page are visible, and how many are hidden for which reason."""

    mask: NDArray[np.bool_]  # (n_words,)
    hidden: Counter[Reason] = field(default_factory=Counter)

    def problem(self) -> str:
        """Return a message about the hidden words, "" for fewer than `_MIN_REPORTED` (a page number under a bar)."""
        total = self.hidden.total()
        if total < _MIN_REPORTED:
            return ""
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.hidden.items()))
        return f"{total} hidden words left out: {reasons}"


def find_visible_words(
    mupdf_page: Any, texts: Sequence[str], boxes: Boxes, displayed: Boxes, drawing: DrawingLog | None = None
) -> VisibleWords:
    """Return which of a page's words are visible; `boxes` (n, 4) before the page's rotation, `displayed` after it.

    `drawing`: what the page draws, where it is known.
    """
    result = VisibleWords(np.ones(len(texts), np.bool_))
    content = _PageContent(mupdf_page, drawing)
    outside = _words_outside(content)
    if outside >= _MIN_OUTSIDE:
        result.hidden["outside the page"] = outside
    if not len(texts):
        return result
    _hide(result, _too_small(mupdf_page, texts, boxes), "too small to read")
    covered = _under_images(content, boxes)
    if not covered and not _may_need_rendering(content):
        return result
    image = _RenderedPage(mupdf_page, displayed)
    under = [at for at, colour in covered.items() if _is_word(texts[at]) and not image.has_colour(at, colour)]
    doubtful = np.flatnonzero(result.mask & ~image.plain_ink()).tolist()
    blank = [at for at in doubtful if not image.has_ink(at, texts[at])]
    if blank and not covered and not _needs_rendering(content):
        return result
    if len(set(blank) - covered.keys()) > max(_MIN_WORDS, _MOST_WORDS * (len(texts) - len(covered))):
        under = list(covered)  # the whole text layer lies under what is displayed: ink over these is not theirs
    _hide(result, _mask(under, len(texts)), "under a picture")
    _hide(result, _mask(blank, len(texts)), "of the colour behind them")
    return result


class _PageContent:
    """What a page draws. MuPDF's own lists take longer to make than the log, and most pages need none of them."""

    def __init__(self, mupdf_page: Any, drawing: DrawingLog | None = None) -> None:
        self.page = mupdf_page
        self.log: DrawingLog = drawing or log_drawing(mupdf_page)

    @cached_property
    def spans(self) -> Sequence[dict[str, Any]]:
        """The texts with all their letters."""
        spans: Sequence[dict[str, Any]] = self.page.get_texttrace()
        return spans

    @cached_property
    def drawn(self) -> Sequence[tuple[str, Area]]:
        """The operations with their areas, in the drawing order."""
        drawn: Sequence[tuple[str, Area]] = self.page.get_bboxlog()
        return drawn


class _RenderedPage:
    """A rendered page, to look for ink at the places of its words."""

    def __init__(self, mupdf_page: Any, displayed: Boxes) -> None:
        zoom = min(_DPI / 72, (_MAX_PIXELS / (mupdf_page.rect.width * mupdf_page.rect.height)) ** 0.5)
        self._pixmap = mupdf_page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False)  # holds the pixels
        memory = pymupdf.mupdf.fz_pixmap_samples_memoryview(self._pixmap.this)
        self._pixels = np.frombuffer(memory, np.uint8).reshape(self._pixmap.height, self._pixmap.width, 3)
        self._green = self._pixels[:, :, 1]
        self._scaled = displayed * zoom  # (n_words, 4) in pixels
        self._boxes = self._scaled.tolist()

    def plain_ink(self) -> NDArray[np.bool_]:
        """Return for each word whether the row of pixels in its middle has contrast: then `has_ink` is True, which
        looks at all rows and takes longer."""
        x0, y0, x1, y1 = self._scaled.T
        edge = _EDGE * np.minimum(x1 - x0, y1 - y0)
        height, width = self._green.shape
        row = ((y0 + y1) / 2).astype(np.int64)
        first = np.maximum((x0 + edge).astype(np.int64), 0)
        count = np.minimum((x1 - edge).astype(np.int64) + 1, width) - first
        inside = np.flatnonzero((row >= 0) & (row < height) & (count > 0))
        found = np.zeros(len(row), np.bool_)
        if not len(inside):
            return found
        row, first, count = row[inside], first[inside], count[inside]
        starts = np.cumsum(count) - count
        columns = np.arange(count.sum()) + np.repeat(first - starts, count)
        values = self._green[np.repeat(row, count), columns]
        contrast = np.maximum.reduceat(values, starts) - np.minimum.reduceat(values, starts)
        found[inside] = contrast >= _MIN_CONTRAST
        return found

    def has_ink(self, at: int, text: str) -> bool:
        """Tell whether word `at` has contrast; True for a word that is too small on this image to be judged."""
        x0, y0, x1, y1 = self._boxes[at]
        if min(x1 - x0, y1 - y0) < _MIN_WORD_PIXELS and max(x1 - x0, y1 - y0) < 2 * _MIN_WORD_PIXELS:
            return True
        rows, columns = self._place(at, trim=_EDGE if _is_word(text) else 0)
        green = self._green[rows, columns]
        if not green.size or int(green.max()) - int(green.min()) >= _MIN_CONTRAST:  # one channel says it of most words
            return True
        part = self._pixels[rows, columns].reshape(-1, 3).astype(np.int16)
        return int((part.max(0) - part.min(0)).max()) >= _MIN_CONTRAST

    def has_colour(self, at: int, colour: Sequence[float]) -> bool:
        """Tell whether word `at` has ink of a colour (0..1), as where an image over it is cut out around the word."""
        part = self._pixels[self._place(at, trim=0)].reshape(-1, 3).astype(np.int16)
        if len(colour) != 3 or not len(part):
            return True
        near = (np.abs(part - np.array(colour) * 255) <= _COLOUR_DISTANCE).all(1)
        return bool(_MIN_INK <= near.mean() < 1)

    def _place(self, at: int, *, trim: float) -> tuple[slice, slice]:
        """Return the rows and columns of word `at`, without a share of its edges."""
        x0, y0, x1, y1 = self._boxes[at]
        edge = trim * min(x1 - x0, y1 - y0)
        rows = slice(max(0, int(y0 + edge)), max(0, int(y1 - edge) + 1))
        return rows, slice(max(0, int(x0 + edge)), max(0, int(x1 - edge) + 1))


def _is_word(text: str) -> bool:
    return any(map(str.isalnum, text))  # a dash has too little ink to judge by


def _hide(result: VisibleWords, hidden: NDArray[np.bool_], reason: Reason) -> None:
    new = hidden & result.mask
    if new.any():
        result.hidden[reason] += int(new.sum())
        result.mask &= ~new


def _mask(positions: Sequence[int], count: int) -> NDArray[np.bool_]:
    mask = np.zeros(count, np.bool_)
    mask[list(positions)] = True
    return mask


def _words_outside(content: _PageContent) -> int:
    """Count the words drawn entirely outside the page."""
    width, height = content.page.cropbox.width, content.page.cropbox.height
    if content.log.is_within(width, height):
        return 0
    count = 0
    for span in content.spans:
        x0, y0, x1, y1 = span["bbox"]
        if x1 < 0 or y1 < 0 or x0 > width or y0 > height:
            count += len("".join(chr(char[0]) for char in span["chars"]).split())
    return count


def _too_small(mupdf_page: Any, texts: Sequence[str], boxes: Boxes) -> NDArray[np.bool_]:
    # A word's area is about 0.6 of its type size squared for each letter, whichever way it runs.
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    sizes = np.sqrt(areas / (0.6 * np.array([len(text) for text in texts], np.float64)))
    longest = max(mupdf_page.rect.width, mupdf_page.rect.height)
    return np.asarray((sizes < _TINY) & (sizes < _TINY_SHARE * longest), np.bool_)


def _under_images(content: _PageContent, boxes: Boxes) -> dict[int, Sequence[float]]:
    """Return the words over which an opaque image was drawn that is not a scan of the page, each with its colour.

    Images that are clipped by a path are included although they may not cover the word.
    """
    area = content.page.rect.width * content.page.rect.height
    over = [np.array(box) for box in content.log.images[-_MAX_IMAGES:]]
    over = [box for box in over if not _is_scan(box, area) and _within(boxes, box).any()]
    logged = np.array(content.log.opaque, np.float64).reshape(-1, 4)
    if not any(_is_one_of(box, logged) for box in over):  # MuPDF's facts of images take longer
        return {}
    opaque = np.array([info["bbox"] for info in content.page.get_image_info() if not info["has-mask"]]).reshape(-1, 4)
    letters = _letters(content.spans)
    covered: dict[int, Sequence[float]] = {}
    images = [(at, np.array(box)) for at, (operation, box) in enumerate(content.drawn) if operation == "fill-image"]
    for at, box in images[-_MAX_IMAGES:]:
        if _is_scan(box, area) or not _is_one_of(box, opaque):
            continue
        for word in np.flatnonzero(_within(boxes, box)).tolist():
            inside = letters[((letters[:, :2] >= boxes[word, :2]) & (letters[:, :2] <= boxes[word, 2:])).all(1)]
            if len(inside) and (inside[:, 2] < at).all():
                covered[word] = inside[0, 3:].tolist()
    return covered


def _is_scan(box: NDArray[np.float64], area: float) -> bool:
    return bool((box[2] - box[0]) * (box[3] - box[1]) >= _SCAN_SHARE * area)


def _is_one_of(box: NDArray[np.float64], boxes: Boxes) -> bool:
    return bool((np.abs(boxes - box).max(axis=1) < 1).any())


def _within(boxes: Boxes, outer: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((boxes[:, :2] >= outer[:2]).all(1) & (boxes[:, 2:] <= outer[2:]).all(1), np.bool_)


def _letters(spans: Iterable[dict[str, Any]]) -> NDArray[np.float64]:
    """Return (n_letters, 6): x and y of the centre, position in the drawing order, red, green, blue."""
    rows: list[tuple[float, ...]] = []
    for span in spans:
        colour = tuple(span["color"]) if len(span["color"]) == 3 else (0.0, 0.0, 0.0)
        for _, _, _, (x0, y0, x1, y1) in span["chars"]:
            rows.append(((x0 + x1) / 2, (y0 + y1) / 2, span["seqno"], *colour))
    return np.array(rows, np.float64).reshape(-1, 6)


def _may_need_rendering(content: _PageContent) -> bool:
    """Tell whether `_needs_rendering` may be True; looks at single letters only where fills touch no ink of texts."""
    log = content.log
    if log.may_vanish or len(log.fills) * len(log.texts) > _MAX_PAIRS:
        return True
    return bool(log.fills) and (_overlap(log.fills, log.texts) or _needs_rendering(content))


def _overlap(areas: Sequence[Area], others: Sequence[Area]) -> bool:
    """Tell whether one of the areas overlaps with one of the others."""
    left, top, right, bottom = np.array(others).reshape(-1, 4).T
    return any(((x0 < right) & (y0 < bottom) & (x1 > left) & (y1 > top)).any() for x0, y0, x1, y1 in areas)


def _needs_rendering(content: _PageContent) -> bool:
    """Tell whether some letters may have the colour of what is behind them, so that the page must be rendered."""
    spans, fills = content.spans, content.log.fills
    if len(fills) * len(spans) > _MAX_PAIRS:
        return True
    for span in spans:
        if span["type"] == _INVISIBLE or span["opacity"] < FAINT or _luminance(span["color"]) > LIGHT:
            return True
        x0, y0, x1, y1 = span["bbox"]
        if any(a < x1 and b < y1 and c > x0 and d > y0 for a, b, c, d in fills):
            return True
    return False


def _luminance(colour: Sequence[float]) -> float:
    if len(colour) != 3:
        return float(colour[0]) if len(colour) == 1 else 0.0
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue
