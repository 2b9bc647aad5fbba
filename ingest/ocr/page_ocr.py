"""Text from pictures, page by page: when it is wanted, what is kept of it, how it joins the text layer.

Knows engines as `TextRecogniser` only; does not know file formats. Each function depends on what it is given alone, so
pages may be read in any process and in any order.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import ceil

import numpy as np

from pagelens.core.errors import ReadError
from pagelens.core.types import Box, ImageArray, Kind, Page, PageText, no_text
from pagelens.ingest.ocr.engines import Ocr
from pagelens.ingest.ocr.recognition import RecognisedWord, RecognitionError, TextRecogniser
from pagelens.ingest.readers.registry import Sight
from pagelens.ingest.text.page_text import Word, assemble_text
from pagelens.ingest.text.usable_text import (
    FEW_WORDS,
    WHOLE,
    WORDS_LOST,
    Boxes,
    Need,
    hull,
    is_blank,
    need,
    painted_over,
)

log = logging.getLogger(__name__)

MAX_PIXELS = 16_000_000  # of a picture to be read: A1 at 150 dpi is 17 million
PHOTO_SIDE = 1600  # pixels of a photo's longer side
PAGE_FLOOR = 0.5  # a word of a page believed less is dropped
REST_FLOOR = 0.8  # ... beside a text layer, where icons and ornaments are what is mostly left
PHOTO_FLOOR = 0.85  # ... of a photo, where bricks and branches look like letters

_POINTS = 72  # per inch
_LEAST_REST = 3  # words; fewer beside a text layer are a logo
_OVERLAP = 0.5  # of a word's box on words of the layer, from which it is one of them


def add_recognised_text(pages: Iterable[Page], kind: Kind, sight: Sight, ocr: Ocr) -> Iterator[Page]:
    """Yield the pages of a document with the text that is written in their pictures.

    A page whose picture cannot be read stays as it was and says so in `problem`. Raises UsageError or WeightsError
    where the engine cannot be had.
    """
    for page in pages:
        if ocr.settings.mode == "never" or page.width * page.height <= 0:
            yield page
        elif kind == "photo":
            yield page if page.text.text else _replaced(page, sight, ocr, _photo_text)
        else:
            yield _replaced(page, sight, ocr, _page_text)


def _replaced(page: Page, sight: Sight, ocr: Ocr, read: Callable[[Page, Sight, Ocr], PageText]) -> Page:
    try:
        text = read(page, sight, ocr)
    except (RecognitionError, ReadError, MemoryError) as exc:
        log.info("page %d: %s", page.number, exc)
        problem = f"the text in its picture could not be read: {str(exc) or 'out of memory'}"
        return replace(page, problem="; ".join(filter(None, (page.problem, problem))))
    if text is page.text:
        return page
    is_cured = page.problem == WORDS_LOST and text.source == "ocr"
    return replace(page, text=text, problem="" if is_cured else page.problem)


def _photo_text(page: Page, sight: Sight, ocr: Ocr) -> PageText:
    return read_photo_text(ocr.recogniser, np.asarray(sight.draw(page.number, PHOTO_SIDE)))


def _page_text(page: Page, sight: Sight, ocr: Ocr) -> PageText:
    bitmaps = sight.pictures(page.number)
    is_whole = ocr.settings.mode == "always" or page.problem == WORDS_LOST
    wanted: Need = "all" if is_whole else need(page.text, bitmaps)
    if wanted == "nothing":
        return page.text
    side = longest_side(page.width, page.height, ocr.settings.dpi)
    picture = np.asarray(sight.draw(page.number, side))
    if wanted == "all":
        return _all(page.text, picture, ocr)
    where = WHOLE if len(page.text.spans) < FEW_WORDS else hull(bitmaps)  # the former may have outlines anywhere
    return _rest(page.text, picture, where, ocr)


def longest_side(width: float, height: float, dpi: int) -> int:
    """Return the longer side in pixels of a page of so many points, at most `MAX_PIXELS` in all."""
    scale = min(dpi / _POINTS, (MAX_PIXELS / (width * height)) ** 0.5)
    return max(1, round(float(scale * max(width, height))))


def read_image_text(recogniser: TextRecogniser, picture: ImageArray, *, floor: float = PAGE_FLOOR) -> PageText:
    """Return the text on a picture; words believed less than `floor` are dropped. Raises RecognitionError."""
    return _assembled([word for word in recogniser.recognise(picture) if word.confidence >= floor], picture)


def read_photo_text(recogniser: TextRecogniser, picture: ImageArray) -> PageText:
    """Return the text in a photo, none unless some word of two letters is surely one. Raises RecognitionError."""
    words = [word for word in recogniser.recognise(picture) if word.confidence >= PHOTO_FLOOR]
    if not any(sum(map(str.isalnum, word.text)) > 1 for word in words):
        return no_text()
    return _assembled(words, picture)


def _all(layer: PageText, picture: ImageArray, ocr: Ocr) -> PageText:
    """Return what is written on the picture; the layer where nothing is."""
    if is_blank(picture):
        return layer
    found = read_image_text(ocr.recogniser, picture)
    return found if found.text else layer


def _rest(layer: PageText, picture: ImageArray, where: Box, ocr: Ocr) -> PageText:
    """Return the layer's text with what else is written in the part of the picture that `where` encloses."""
    height, width = picture.shape[:2]
    left, top = int(where.x0 * width), int(where.y0 * height)
    part = painted_over(picture, layer.boxes)[top : ceil(where.y1 * height), left : ceil(where.x1 * width)]
    if is_blank(part):
        return layer
    words = [word for word in ocr.recogniser.recognise(part) if word.confidence >= REST_FLOOR]
    moved = [word._replace(x0=word.x0 + left, y0=word.y0 + top, x1=word.x1 + left, y1=word.y1 + top) for word in words]
    apart = _apart(moved, layer.boxes, picture)
    if len(apart) < _LEAST_REST:
        return layer
    return joined(layer, _assembled(apart, picture))


def joined(layer: PageText, recognised: PageText) -> PageText:
    """Return a layer's text followed by what was recognised beside it, in blocks of its own."""
    if not recognised.text:
        return layer
    return PageText(
        f"{layer.text}\n\n{recognised.text}",
        np.concatenate((layer.spans, recognised.spans + np.int32(len(layer.text) + 2))),
        np.concatenate((layer.boxes, recognised.boxes)),
        source="both",
        confidence=recognised.confidence,
    )


def _assembled(words: Sequence[RecognisedWord], picture: ImageArray) -> PageText:
    if not words:
        return no_text()
    height, width = picture.shape[:2]
    confidence = float(np.mean([word.confidence for word in words]))
    plain = (Word(*word[:7]) for word in words)
    return assemble_text(plain, width=width, height=height, source="ocr", confidence=confidence)


def _apart(words: Iterable[RecognisedWord], boxes: Boxes, picture: ImageArray) -> list[RecognisedWord]:
    """Return the words that do not stand on words of the layer, whose boxes are (n, 4), 0..1."""
    height, width = picture.shape[:2]
    known = boxes * np.array([width, height, width, height], np.float32)
    kept: list[RecognisedWord] = []
    for word in words:
        across = np.minimum(known[:, 2], word.x1) - np.maximum(known[:, 0], word.x0)
        down = np.minimum(known[:, 3], word.y1) - np.maximum(known[:, 1], word.y0)
        shared = float((np.maximum(across, 0) * np.maximum(down, 0)).sum())
        if shared < _OVERLAP * (word.x1 - word.x0) * (word.y1 - word.y0):
            kept.append(word)
    return kept
