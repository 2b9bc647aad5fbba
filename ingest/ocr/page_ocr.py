"""OCR of pages: decides which pages need it, drops unlikely words, and merges the rest with the text layer.

The result for a page depends on that page alone, so pages may be processed in any process and in any order.
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
from pagelens.ingest.readers.reader import OpenedDocument
from pagelens.ingest.text.page_text import Word, assemble_text
from pagelens.ingest.text.usable_text import (
    FEW_WORDS,
    WHOLE_PAGE,
    WORDS_LOST,
    BoxArray,
    OcrNeed,
    bounding_box,
    is_blank,
    needed_ocr,
    paint_over,
)

log = logging.getLogger(__name__)

MAX_PIXELS = 16_000_000  # of an image to be read: A1 at 150 dpi has 17 million
PHOTO_SIDE = 1600  # pixels of a photo's longer side

# Words with less confidence are dropped:
MIN_PAGE_CONFIDENCE = 0.5  # on a page
MIN_REST_CONFIDENCE = 0.8  # beside a text layer, where mostly icons and ornaments are left
MIN_PHOTO_CONFIDENCE = 0.85  # on a photo, where bricks and branches look like letters

_POINTS_PER_INCH = 72
_MIN_REST_WORDS = 3  # fewer words beside a text layer are a logo
_MAX_OVERLAP = 0.5  # share of a word's box on words of the text layer from which it is one of them


def add_recognised_text(pages: Iterable[Page], kind: Kind, opened: OpenedDocument, ocr: Ocr) -> Iterator[Page]:
    """Yield the pages of a document with the text that OCR found on their images.

    A page whose image cannot be read stays as it was and says so in `problem`. Raises UsageError or WeightsError where
    the engine cannot be loaded.
    """
    for page in pages:
        if ocr.settings.mode == "never" or page.width * page.height <= 0:
            yield page
        elif kind == "photo":
            yield page if page.text.text else _with_ocr(page, opened, ocr, _photo_text)
        else:
            yield _with_ocr(page, opened, ocr, _page_text)


def _with_ocr(
    page: Page, opened: OpenedDocument, ocr: Ocr, read: Callable[[Page, OpenedDocument, Ocr], PageText]
) -> Page:
    try:
        text = read(page, opened, ocr)
    except (RecognitionError, ReadError, MemoryError) as exc:
        log.info("page %d: %s", page.number, exc)
        problem = f"the text in its picture could not be read: {str(exc) or 'out of memory'}"
        return replace(page, problem="; ".join(filter(None, (page.problem, problem))))
    if text is page.text:
        return page
    is_solved = page.problem == WORDS_LOST and text.source == "ocr"
    return replace(page, text=text, problem="" if is_solved else page.problem)


def _photo_text(page: Page, opened: OpenedDocument, ocr: Ocr) -> PageText:
    return read_photo_text(ocr.recogniser, np.asarray(opened.render_page(page.number, PHOTO_SIDE)))


def _page_text(page: Page, opened: OpenedDocument, ocr: Ocr) -> PageText:
    bitmaps = opened.bitmap_boxes(page.number)
    read_all = ocr.settings.mode == "always" or page.problem == WORDS_LOST
    need: OcrNeed = "all" if read_all else needed_ocr(page.text, bitmaps)
    if need == "nothing":
        return page.text
    side = longest_side(page.width, page.height, ocr.settings.dpi)
    image = np.asarray(opened.render_page(page.number, side))
    if need == "all":
        return _read_all(page.text, image, ocr)
    # A page with few words may show text as outlines anywhere, others in their bitmaps.
    has_few_words = len(page.text.spans) < FEW_WORDS and not opened.has_all_words
    region = WHOLE_PAGE if has_few_words else bounding_box(bitmaps)
    return _read_rest(page.text, image, region, ocr)


def longest_side(width: float, height: float, dpi: int) -> int:
    """Return the longer side in pixels of a page of `width` by `height` points, with `MAX_PIXELS` in all at most."""
    scale = min(dpi / _POINTS_PER_INCH, (MAX_PIXELS / (width * height)) ** 0.5)
    return max(1, round(float(scale * max(width, height))))


def read_image_text(
    recogniser: TextRecogniser, image: ImageArray, *, min_confidence: float = MIN_PAGE_CONFIDENCE
) -> PageText:
    """Return the text on an image without words of less than `min_confidence`. Raises RecognitionError."""
    return _assembled([word for word in recogniser.recognise(image) if word.confidence >= min_confidence], image)


def read_photo_text(recogniser: TextRecogniser, image: ImageArray) -> PageText:
    """Return the text on a photo: none unless there is a sure word of two letters. Raises RecognitionError."""
    words = [word for word in recogniser.recognise(image) if word.confidence >= MIN_PHOTO_CONFIDENCE]
    if not any(sum(map(str.isalnum, word.text)) > 1 for word in words):
        return no_text()
    return _assembled(words, image)


def _read_all(layer: PageText, image: ImageArray, ocr: Ocr) -> PageText:
    """Return the text on the image; the text layer where OCR finds none."""
    if is_blank(image):
        return layer
    recognised = read_image_text(ocr.recogniser, image)
    return recognised if recognised.text else layer


def _read_rest(layer: PageText, image: ImageArray, region: Box, ocr: Ocr) -> PageText:
    """Return the text layer with what else is written in a region of the image."""
    height, width = image.shape[:2]
    left, top = int(region.x0 * width), int(region.y0 * height)
    part = paint_over(image, layer.boxes)[top : ceil(region.y1 * height), left : ceil(region.x1 * width)]
    if is_blank(part):
        return layer
    words = [word for word in ocr.recogniser.recognise(part) if word.confidence >= MIN_REST_CONFIDENCE]
    shifted = [
        word._replace(x0=word.x0 + left, y0=word.y0 + top, x1=word.x1 + left, y1=word.y1 + top) for word in words
    ]
    new_words = _outside(shifted, layer.boxes, image)
    if len(new_words) < _MIN_REST_WORDS:
        return layer
    return append_text(layer, _assembled(new_words, image))


def append_text(layer: PageText, recognised: PageText) -> PageText:
    """Return a text layer followed by recognised text, in blocks of its own."""
    if not recognised.text:
        return layer
    return PageText(
        text=f"{layer.text}\n\n{recognised.text}",
        spans=np.concatenate((layer.spans, recognised.spans + np.int32(len(layer.text) + 2))),
        boxes=np.concatenate((layer.boxes, recognised.boxes)),
        source="both",
        confidence=recognised.confidence,
    )


def _assembled(words: Sequence[RecognisedWord], image: ImageArray) -> PageText:
    if not words:
        return no_text()
    height, width = image.shape[:2]
    confidence = float(np.mean([word.confidence for word in words]))
    without_confidence = (Word(*word[:7]) for word in words)
    return assemble_text(without_confidence, width=width, height=height, source="ocr", confidence=confidence)


def _outside(words: Iterable[RecognisedWord], boxes: BoxArray, image: ImageArray) -> list[RecognisedWord]:
    """Return the words that do not overlap with words of the text layer, whose boxes are (n, 4), 0..1."""
    height, width = image.shape[:2]
    known = boxes * np.array([width, height, width, height], np.float32)
    kept: list[RecognisedWord] = []
    for word in words:
        across = np.minimum(known[:, 2], word.x1) - np.maximum(known[:, 0], word.x0)
        down = np.minimum(known[:, 3], word.y1) - np.maximum(known[:, 1], word.y0)
        shared = float((np.maximum(across, 0) * np.maximum(down, 0)).sum())
        if shared < _MAX_OVERLAP * (word.x1 - word.x0) * (word.y1 - word.y0):
            kept.append(word)
    return kept
