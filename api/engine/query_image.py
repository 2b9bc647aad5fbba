"""An image to search by, from a file or from bytes: read as indexed photos are, and within the same limits."""

import tempfile
from pathlib import Path

from pagelens.api.engine.indexing import RenderImage
from pagelens.core.errors import ReadError, UsageError
from pagelens.core.types import ImageArray
from pagelens.ingest.files.walk import identify

MAX_SIDE = 1_600  # pixels of the longer side: enough for OCR


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
