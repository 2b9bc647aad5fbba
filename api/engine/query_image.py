"""An image to search by or to ask about, from a file or from bytes: read as indexed photos are, within limits."""

import tempfile
from pathlib import Path

from pagelens.api.engine.indexing import RenderImage
from pagelens.core.errors import ReadError, UsageError
from pagelens.core.types import ImageArray
from pagelens.ingest.files.walk import identify

MAX_SIDE = 1_600  # pixels of the longer side: enough for OCR
MAX_BYTES = 50_000_000  # of the file: more than phones and cameras make, less than what fills a server


def read_image(image: Path | str | bytes, render: RenderImage) -> ImageArray:
    """Return the image, read by `render`. Raises UsageError for a file that is no image, too large or unreadable."""
    if not isinstance(image, bytes):
        path = Path(image).expanduser()
        return _read_file(path, str(path), render)
    with tempfile.NamedTemporaryFile(suffix=".picture") as file:
        file.write(image)
        file.flush()
        return _read_file(Path(file.name), "the bytes given", render)


def _read_file(path: Path, name: str, render: RenderImage) -> ImageArray:
    try:
        kind = identify(path)
        if kind != "photo":
            raise UsageError(
                f"expected a picture like a JPEG, PNG or WebP, found another kind of file ({kind}): {name}"
            )
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UsageError(
                f"expected a picture of at most {MAX_BYTES // 10**6} MB, found {size / 1e6:.0f} MB: {name}. "
                "Scale it down."
            )
        return render(path, kind, 1, MAX_SIDE)
    except (ReadError, OSError) as exc:
        raise UsageError(f"expected a picture that can be read, found {name}: {exc}") from exc
