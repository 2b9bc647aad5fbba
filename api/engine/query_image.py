"""An image to search by, from a file or from bytes: read as indexed photos are, and within the same limits."""

import tempfile
from pathlib import Path

from pagelens.api.engine.indexing import RenderImage
from pagelens.core.errors import ReadError, UsageError
from pagelens.core.types import ImageArray
from pagelens.ingest.files.walk import identify
from pagelens.ingest.ocr.page_ocr import read_image_text, read_photo_text
from pagelens.ingest.ocr.recognition import TextRecogniser

MAX_SIDE = 1_600  # pixels of the longer side: enough for OCR
MIN_PAGE_WORDS = 8  # an image with so many words shows a page; fewer may be misread patterns


def read_words(recogniser: TextRecogniser, image: ImageArray) -> str:
    """Return the words in an image: of a page all that are likely, of a photo only those that are certain."""
    text = read_image_text(recogniser, image)
    return (text if len(text.spans) >= MIN_PAGE_WORDS else read_photo_text(recogniser, image)).text


def read_image(image: Path | str | bytes, render: RenderImage) -> ImageArray:
    """Return the image, read by `render`. Raises UsageError for a file that is no image or cannot be read."""
    if isinstance(image, bytes):
        with tempfile.NamedTemporaryFile(suffix=".picture") as file:
            file.write(image)
            file.flush()
            return read_image(Path(file.name), render)
    path = Path(image).expanduser()
    try:
        kind = identify(path)
        if kind != "photo":
            raise UsageError(f"expected a picture to search by, found a {kind} at {path}")
        return render(path, kind, 1, MAX_SIDE)
    except ReadError as exc:
        raise UsageError(f"expected a picture to search by, found {path}: {exc}") from exc
