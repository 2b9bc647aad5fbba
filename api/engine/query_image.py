"""An image to search by or to ask about, from a file or from bytes: read as indexed photos are, within limits."""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pagelens.api.engine.indexing import RenderImage
from pagelens.core.errors import ReadError, UsageError, WeightsError
from pagelens.core.types import DEFAULT_TEXT_SHARE, ImageArray, ImageIdentity, Query
from pagelens.ingest.files.walk import identify
from pagelens.ingest.ocr.recognition import RecognitionError
from pagelens.ingest.readers.photos.perceptual_hash import perceptual_hash

logger = logging.getLogger(__name__)

ImageSource: TypeAlias = Path | str | bytes
"""A picture's file, or its bytes."""

MAX_SIDE = 1_600  # pixels of the longer side: enough for OCR
MAX_BYTES = 50_000_000  # of the file: more than phones and cameras make, less than what fills a server
MAX_IMAGES = 10  # of one query


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """How the pictures of a query are used."""

    not_like: Sequence[ImageSource] = ()  # pictures that results shall not be like
    text_share: float | None = None  # the weight of words against pictures, 0 to 1; None: DEFAULT_TEXT_SHARE
    not_itself: bool = False  # whether the query's pictures, and copies of them, are left out of the results

    def __bool__(self) -> bool:
        return bool(self.not_like) or self.text_share is not None or self.not_itself


NO_IMAGE_OPTIONS = ImageOptions()


def listed_images(image: ImageSource | Sequence[ImageSource] | None) -> list[ImageSource]:
    """Return the pictures of a query as a list."""
    if image is None:
        return []
    return [image] if isinstance(image, Path | str | bytes) else list(image)


def make_query(
    text: str,
    images: Sequence[ImageSource],
    options: ImageOptions,
    *,
    render: RenderImage,
    read_words: Callable[[ImageArray], str],
) -> tuple[Query, str]:
    """Return the query, and why the words on its picture were not read: "" if they were, or need not be.

    The words on a picture are searched for where it is the only one. Raises UsageError for options that do not fit the
    query, and for a picture that cannot be read.
    """
    require_fitting(bool(text), len(images), options)
    if not images:
        return Query(text), ""
    pixels = [read_image(image, render) for image in images]
    words, problem = _read_words(pixels[0], read_words) if len(pixels) == 1 else ("", "")
    query = Query(
        text=text,
        image=pixels[0],
        image_text=words,
        text_share=DEFAULT_TEXT_SHARE if options.text_share is None else options.text_share,
        further_images=pixels[1:],
        unlike_images=[read_image(image, render) for image in options.not_like],
        left_out=[_identity(*pair) for pair in zip(images, pixels, strict=True)] if options.not_itself else (),
    )
    return query, problem


def require_fitting(has_text: bool, image_count: int, options: ImageOptions) -> None:
    """Raise UsageError for options that a query without pictures, or without words, cannot use."""
    if options and not image_count:
        raise UsageError("expected a picture (image) with not-like, text-share or not-itself, found none")
    if image_count + len(options.not_like) > MAX_IMAGES:
        raise UsageError(
            f"expected at most {MAX_IMAGES} pictures in a query, found {image_count + len(options.not_like)}"
        )
    if options.text_share is not None and not 0 <= options.text_share <= 1:
        raise UsageError(f"expected a text-share from 0 (the picture alone) to 1, found {options.text_share:g}")
    if options.text_share is not None and not has_text:
        raise UsageError("expected words and a picture with text-share, found no words")


def _read_words(pixels: ImageArray, read_words: Callable[[ImageArray], str]) -> tuple[str, str]:
    """Return the words on a picture, and why they were not read."""
    try:
        return read_words(pixels), ""
    except (RecognitionError, ReadError, WeightsError) as exc:
        logger.warning("the words in the query's image are not read: %s", exc)
        return "", str(exc)


def _identity(image: ImageSource, pixels: ImageArray) -> ImageIdentity:
    data = image if isinstance(image, bytes) else Path(image).expanduser().read_bytes()
    return ImageIdentity(hashlib.sha256(data).hexdigest(), perceptual_hash(pixels))


def read_image(image: ImageSource, render: RenderImage) -> ImageArray:
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
