"""Words that a reader of the page cannot see: without contrast, under a picture, too small, outside the page.

They are no part of a page's text: what nobody sees is not to be quoted. Knows open pages of MuPDF, opens nothing; not
to be called without `pagelens.ingest.readers.mupdf.LOCK`. Where there is any doubt a word counts as seen: text recognised by OCR and
laid invisibly over its scan is seen, since ink stands at its place.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pagelens.ingest.readers.mupdf import pymupdf

Reason = Literal["of the colour behind them", "under a picture", "too small to read", "outside the page"]
Boxes = NDArray[np.float64]  # (n, 4) x0 y0 x1 y1, points; as `get_text` tells them: before rotation

_WORTH_TELLING = 3  # words of a page; fewer are left out all the same
_MARKS = 12  # words beside the page that printers' marks may have: they are told of from here on
_INVISIBLE = 3  # PDF's text render mode (ISO 32000-1, 9.3.6), as MuPDF tells it
_LIGHT = 0.75  # luminance 0..1 from which letters may vanish on paper
_FAINT = 0.1  # opacity below which letters may vanish anywhere
_CONTRAST = 12  # of 255, in any channel: what lies below cannot be told apart. #f4f4f4 on white is 11
_DPI = 100
_MOST_PIXELS = 4_000_000  # of the picture that is looked at
_LEAST_PIXELS = 5  # height of a word on it, below which it is not judged
_TINY = 1.5  # points of type, and
_TINY_SHARE = 0.0025  # of the page's longer side: 2 points on A4. Below both nobody reads it
_PICTURE_SHARE = 0.6  # of the page: a larger picture over text is a scan with its text below
_NEAR = 40  # of 255: a pixel this near a word's colour may be its ink,
_INK = 0.04  # and so much of its box at least is ink where it is seen
_MOST_PAIRS = 2_000_000  # of spans and fills that are compared; with more a look is cheaper
_MOST_PICTURES = 200  # of those on a page, the last
_MOSTLY, _OTHERS = 0.8, 10  # share of the words beside those under pictures, and their least number
_FILLS = ("fill-path", "fill-image", "fill-shade")


@dataclass(slots=True)
class Seen:
    """Which words are seen, and how many are not for which reason."""

    mask: NDArray[np.bool_]  # (n_words,)
    hidden: Counter[Reason] = field(default_factory=Counter)

    def said(self) -> str:
        """Return what is to be told of the page; empty where nothing is hidden, or a page number under a bar."""
        total = self.hidden.total()
        if total < _WORTH_TELLING:
            return ""
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(self.hidden.items()))
        return f"{total} hidden words left out: {why}"


def seen(leaf: Any, texts: Sequence[str], boxes: Boxes, shown: Boxes) -> Seen:
    """Return which of a page's words a reader sees: `boxes` (n, 4) before the page is turned, `shown` after."""
    result = Seen(np.ones(len(texts), np.bool_))
    spans = leaf.get_texttrace()
    outside = _words_outside(spans, leaf)
    if outside >= _MARKS:
        result.hidden["outside the page"] = outside
    if not len(texts):
        return result
    drawn = leaf.get_bboxlog()
    _hide(result, _too_small(leaf, texts, boxes), "too small to read")
    covered = _under_pictures(leaf, spans, drawn, boxes)
    if covered or _is_doubtful(spans, drawn):
        look = _Look(leaf, shown)
        under = [at for at, colour in covered.items() if _is_word(texts[at]) and not look.holds(at, colour)]
        blank = [at for at in np.flatnonzero(result.mask).tolist() if not look.shows(at, texts[at])]
        if len(set(blank) - covered.keys()) > max(_OTHERS, _MOSTLY * (len(texts) - len(covered))):
            under = list(covered)  # a page whose text lies under what is seen: ink over these is not theirs
        _hide(result, _mask(under, len(texts)), "under a picture")
        _hide(result, _mask(blank, len(texts)), "of the colour behind them")
    return result


class _Look:
    """A page's picture, and what stands on it at each word's place."""

    def __init__(self, leaf: Any, shown: Boxes) -> None:
        zoom = min(_DPI / 72, (_MOST_PIXELS / (leaf.rect.width * leaf.rect.height)) ** 0.5)
        picture = leaf.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False)
        self._pixels = np.frombuffer(picture.samples, np.uint8).reshape(picture.height, picture.width, 3)
        self._boxes = (shown * zoom).tolist()

    def shows(self, at: int, text: str) -> bool:
        """Say whether there is anything to see; a word too small on this picture is given the benefit of the doubt."""
        x0, y0, x1, y1 = self._boxes[at]
        if min(x1 - x0, y1 - y0) < _LEAST_PIXELS and max(x1 - x0, y1 - y0) < 2 * _LEAST_PIXELS:
            return True
        # The upper and lower edge of a word's box is where its neighbours' ink may be.
        part = self._part(at, trim=0.12 if _is_word(text) else 0)
        return not len(part) or int((part.max(0) - part.min(0)).max()) >= _CONTRAST

    def holds(self, at: int, colour: Sequence[float]) -> bool:
        """Say whether there is ink of a colour (0..1), as where a picture drawn over a word is cut out around it."""
        part = self._part(at, trim=0)
        if len(colour) != 3 or not len(part):
            return True
        near = (np.abs(part - np.array(colour) * 255) <= _NEAR).all(1)
        return bool(_INK <= near.mean() < 1)

    def _part(self, at: int, *, trim: float) -> NDArray[np.int16]:
        x0, y0, x1, y1 = self._boxes[at]
        edge = trim * min(x1 - x0, y1 - y0)
        rows = slice(max(0, int(y0 + edge)), max(0, int(y1 - edge) + 1))
        part = self._pixels[rows, max(0, int(x0 + edge)) : max(0, int(x1 - edge) + 1)]
        return part.reshape(-1, 3).astype(np.int16)


def _is_word(text: str) -> bool:
    return any(map(str.isalnum, text))  # a dash has too little ink to judge by


def _hide(result: Seen, hidden: NDArray[np.bool_], reason: Reason) -> None:
    new = hidden & result.mask
    if new.any():
        result.hidden[reason] += int(new.sum())
        result.mask &= ~new


def _mask(places: Sequence[int], count: int) -> NDArray[np.bool_]:
    mask = np.zeros(count, np.bool_)
    mask[list(places)] = True
    return mask


def _words_outside(spans: Iterable[dict[str, Any]], leaf: Any) -> int:
    """Count words that were drawn wholly beside the page."""
    width, height = leaf.cropbox.width, leaf.cropbox.height
    count = 0
    for span in spans:
        x0, y0, x1, y1 = span["bbox"]
        if x1 < 0 or y1 < 0 or x0 > width or y0 > height:
            count += len("".join(chr(char[0]) for char in span["chars"]).split())
    return count


def _too_small(leaf: Any, texts: Sequence[str], boxes: Boxes) -> NDArray[np.bool_]:
    # A word's area is about 0.6 of its type size squared for each letter, whichever way it runs.
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    sizes = np.sqrt(areas / (0.6 * np.array([len(text) for text in texts], np.float64)))
    longest = max(leaf.rect.width, leaf.rect.height)
    return np.asarray((sizes < _TINY) & (sizes < _TINY_SHARE * longest), np.bool_)


def _under_pictures(
    leaf: Any, spans: Sequence[dict[str, Any]], drawn: Sequence[Any], boxes: Boxes
) -> dict[int, Sequence[float]]:
    """Return the words over which an opaque picture was drawn that is no scan of the page, each with its colour.

    Where a picture is cut out by a path is not told here.
    """
    over = [(at, np.array(box)) for at, (what, box) in enumerate(drawn) if what == "fill-image"][-_MOST_PICTURES:]
    if not over or not spans or over[-1][0] < spans[0]["seqno"]:
        return {}
    opaque = [np.array(info["bbox"]) for info in leaf.get_image_info() if not info["has-mask"]]
    area = leaf.rect.width * leaf.rect.height
    letters = _letters(spans)
    found: dict[int, Sequence[float]] = {}
    for at, box in over:
        is_scan = (box[2] - box[0]) * (box[3] - box[1]) >= _PICTURE_SHARE * area
        if is_scan or not any(np.abs(one - box).max() < 1 for one in opaque):
            continue
        for word in np.flatnonzero(_within(boxes, box)).tolist():
            inside = letters[((letters[:, :2] >= boxes[word, :2]) & (letters[:, :2] <= boxes[word, 2:])).all(1)]
            if len(inside) and (inside[:, 2] < at).all():
                found[word] = inside[0, 3:].tolist()
    return found


def _within(boxes: Boxes, outer: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((boxes[:, :2] >= outer[:2]).all(1) & (boxes[:, 2:] <= outer[2:]).all(1), np.bool_)


def _letters(spans: Iterable[dict[str, Any]]) -> NDArray[np.float64]:
    """Return (n_letters, 6): the middle x and y, the place in the order of drawing, the colour."""
    rows: list[tuple[float, ...]] = []
    for span in spans:
        colour = tuple(span["color"]) if len(span["color"]) == 3 else (0.0, 0.0, 0.0)
        for _, _, _, (x0, y0, x1, y1) in span["chars"]:
            rows.append(((x0 + x1) / 2, (y0 + y1) / 2, span["seqno"], *colour))
    return np.array(rows, np.float64).reshape(-1, 6)


def _is_doubtful(spans: Sequence[dict[str, Any]], drawn: Sequence[Any]) -> bool:
    """Say whether some letters may be of the colour behind them, so that it is worth a look."""
    fills = [box for what, box in drawn if what in _FILLS]
    if len(fills) * len(spans) > _MOST_PAIRS:
        return True
    for span in spans:
        if span["type"] == _INVISIBLE or span["opacity"] < _FAINT or _luminance(span["color"]) > _LIGHT:
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
