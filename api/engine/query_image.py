"""A picture to search by: a file, or bytes that came over a wire, read as carefully as any photo."""

import tempfile
from pathlib import Path

import numpy as np

from pagelens.core.errors import ReadError, UsageError
from pagelens.core.types import ImageArray
from pagelens.ingest.files.walk import identify
from pagelens.ingest.ocr.page_ocr import read_image_text, read_photo_text
from pagelens.ingest.ocr.recognition import TextRecogniser
from pagelens.ingest.readers import registry

LONGEST = 1_600  # pixels: enough to read what is written in it
PAGE_WORDS = 8  # so many words in a picture are a part of a page; fewer may be bricks and branches


def read_screenshot(recogniser: TextRecogniser, picture: ImageArray) -> str:
    """Return the words in a picture: all that are likely where there are many, as on a page; else only sure ones."""
    text = read_image_text(recogniser, picture)
    return (text if len(text.spans) >= PAGE_WORDS else read_photo_text(recogniser, picture)).text


def read_picture(image: Path | str | bytes) -> ImageArray:
    """Return the picture. Raises UsageError for what is no picture, or cannot be read."""
    if isinstance(image, bytes):
        with tempfile.NamedTemporaryFile(suffix=".picture") as file:
            file.write(image)
            file.flush()
            return read_picture(Path(file.name))
    path = Path(image).expanduser()
    try:
        kind = identify(path)
        if kind != "photo":
            raise UsageError(f"expected a picture to search by, found a {kind} at {path}")
        return np.asarray(registry.load(kind).render(path, 1, longest=LONGEST).convert("RGB"))
    except ReadError as exc:
        raise UsageError(f"expected a picture to search by, found {path}: {exc}") from exc
