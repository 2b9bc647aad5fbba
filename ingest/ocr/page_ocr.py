"""OCR of pages: decides which pages need it, drops unlikely words, and merges the rest with the text layer.

The result for a page depends on that page alone, so pages may be processed in any process and in any order.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import ceil
from typing import Literal

import numpy as np

from pagelens.core.errors import ReadError
from pagelens.core.types import Box, ImageArray, Kind, Page, PageText, no_text
from pagelens.ingest.ocr.engines import Ocr
from pagelens.ingest.ocr.lost_blanks import split_glued_words
from pagelens.ingest.ocr.recognition import RecognisedWord, RecognitionError, TextRecogniser, UnreadTextError
from pagelens.ingest.readers.reader import OpenedDocument
from pagelens.ingest.text.layer_quality import (
    LAYER_DOUBTFUL,
    MIN_LINE_CHARACTERS,
    layer_problem,
    same_text,
    script_with_gaps,
    worst_line,
)
from pagelens.ingest.text.letter_pairs import pair_score
from pagelens.ingest.text.page_text import Word, assemble_text
from pagelens.ingest.text.usable_text import (
    FEW_WORDS,
    WHOLE_PAGE,
    WORDS_LOST,
    BoxArray,
    OcrNeed,
    bounding_box,
    has_undefined_characters,
    is_blank,
    needed_beside,
    needed_ocr,
    paint_over,
)

log = logging.getLogger(__name__)

Verdict = Literal["right", "wrong", "unknown"]
"""Whether the letters of a text layer are those that the page shows."""

MAX_PIXELS = 16_000_000  # of an image to be read: A1 at 150 dpi has 17 million
PHOTO_SIDE = 1600  # pixels of a photo's longer side

# Words with less confidence are dropped:
MIN_PAGE_CONFIDENCE = 0.5  # on a page
MIN_REST_CONFIDENCE = 0.8  # beside a text layer, where mostly icons and ornaments are left
MIN_PHOTO_CONFIDENCE = 0.85  # on a photo, where bricks and branches look like letters
MIN_PAGE_WORDS = 8  # an image with so many words shows a page; fewer may be misread patterns

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
            yield page if page.text.text else _with_ocr(page, opened, ocr, _read_photo)
        else:
            yield _with_ocr(page, opened, ocr, _read_page)


def _with_ocr(page: Page, opened: OpenedDocument, ocr: Ocr, read: Callable[[Page, OpenedDocument, Ocr], Page]) -> Page:
    try:
        return read(page, opened, ocr)
    except (RecognitionError, ReadError, MemoryError) as exc:
        log.info("page %d: %s", page.number, exc)
        problem = f"the text in its picture could not be read: {str(exc) or 'out of memory'}"
        return replace(page, problem="; ".join(filter(None, (page.problem, problem))))


def _read_photo(page: Page, opened: OpenedDocument, ocr: Ocr) -> Page:
    image = np.asarray(opened.render_page(page.number, PHOTO_SIDE))
    return replace(page, text=read_photo_text(ocr.recogniser, image))


def _read_page(page: Page, opened: OpenedDocument, ocr: Ocr) -> Page:
    page = with_glyphs_read(page, opened, ocr)
    bitmaps = opened.bitmap_boxes(page.number)
    read_all = ocr.settings.mode == "always" or WORDS_LOST in page.problem
    is_doubtful = LAYER_DOUBTFUL in page.problem and not read_all
    need: OcrNeed = "all" if read_all else needed_ocr(page.text, bitmaps)
    if need == "rest" and not len(bitmaps) and (opened.has_all_words or not opened.may_show_more_words(page.number)):
        need = "nothing"
    if need == "nothing" and not is_doubtful:
        return page
    side = longest_side(page.width, page.height, ocr.settings.dpi)
    image = paint_over(np.asarray(opened.render_page(page.number, side)), opened.struck_boxes(page.number))
    if is_doubtful and not has_undefined_characters(page.text.text):
        verdict = layer_verdict(page.text, image, ocr.recogniser)
        page = _without_problem(page, LAYER_DOUBTFUL) if verdict == "right" else page
        need = "all" if verdict == "wrong" else needed_beside(page.text, bitmaps)
    if need == "nothing":
        return page
    if need == "all":
        text = _read_all(page.text, image, ocr)
        page = _without_problem(page, LAYER_DOUBTFUL, WORDS_LOST) if text.source == "ocr" else page
        return replace(page, text=text)
    # A page with few words may show text as outlines anywhere, others in their bitmaps.
    has_few_words = len(page.text.spans) < FEW_WORDS and not opened.has_all_words
    region = WHOLE_PAGE if has_few_words else bounding_box(bitmaps)
    return replace(page, text=_read_rest(page.text, image, region, ocr))


def with_glyphs_read(page: Page, opened: OpenedDocument, ocr: Ocr) -> Page:
    """Return the page with the texts of its glyphs that have no Unicode value, as far as OCR of its script finds them.

    Raises RecognitionError.
    """
    script = script_with_gaps(page.text.text) if opened.read_glyphs else ""
    read_words = ocr.word_reader(script) if script else None
    return opened.read_glyphs(page.number, read_words) if opened.read_glyphs and read_words else page


def _without_problem(page: Page, *solved: str) -> Page:
    parts = [part for part in page.problem.split("; ") if part and not part.startswith(solved)]
    return replace(page, problem="; ".join(parts))


def layer_verdict(text: PageText, image: ImageArray, recogniser: TextRecogniser) -> Verdict:
    """Compare a doubtful text layer with its page image by one line. Raises RecognitionError.

    It is wrong where OCR reads another text with confidence, in letters that some language has, and the layer's own
    letters have none.
    """
    first, end = worst_line(text)
    if first == end:
        return "unknown"
    start, stop = int(text.spans[first, 0]), int(text.spans[end - 1, 1])
    words = recogniser.recognise(_cut(image, text.boxes[first:end]))
    reading = " ".join(word.text for word in words)
    if same_text(text.text[start:stop], reading):
        return "right"
    confidence = float(np.mean([word.confidence for word in words])) if words else 0.0
    is_readable = confidence >= MIN_REST_CONFIDENCE and sum(map(str.isalnum, reading)) >= MIN_LINE_CHARACTERS
    is_worse = pair_score(reading).is_unlikely() or not layer_problem(text.text)
    return "wrong" if is_readable and not is_worse else "unknown"


def _cut(image: ImageArray, boxes: BoxArray) -> ImageArray:
    """Return the part of the image with these boxes, with a margin of half their height."""
    height, width = image.shape[:2]
    box = bounding_box(boxes)
    margin = (box.y1 - box.y0) * height / 2
    left, top = max(0, int(box.x0 * width - margin)), max(0, int(box.y0 * height - margin))
    right, bottom = ceil(box.x1 * width + margin), ceil(box.y1 * height + margin)
    return np.ascontiguousarray(image[top:bottom, left:right])


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
    return _photo_words(_words_or_pattern(recogniser, image), image)


def read_page_or_photo_text(recogniser: TextRecogniser, image: ImageArray) -> PageText:
    """Return the text on an image of unknown kind, as of a page where many words are likely, else as of a photo. Raises
    RecognitionError."""
    words = _words_or_pattern(recogniser, image)
    likely = [word for word in words if word.confidence >= MIN_PAGE_CONFIDENCE]
    return _assembled(likely, image) if len(likely) >= MIN_PAGE_WORDS else _photo_words(words, image)


def _words_or_pattern(recogniser: TextRecogniser, image: ImageArray) -> list[RecognisedWord]:
    """Return the words on an image; none where its unread lines may be a pattern. Raises RecognitionError."""
    try:
        return recogniser.recognise(image)
    except UnreadTextError as exc:
        if exc.script:
            raise
        return []


def _photo_words(recognised: Sequence[RecognisedWord], image: ImageArray) -> PageText:
    words = [word for word in recognised if word.confidence >= MIN_PHOTO_CONFIDENCE]
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
    words = [word for word in _words_or_pattern(ocr.recogniser, part) if word.confidence >= MIN_REST_CONFIDENCE]
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
    without_confidence = (Word(*word[:7]) for word in split_glued_words(words))
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
