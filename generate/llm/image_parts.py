"""Encodes page images as files for a model: JPEG for photographs, PNG for drawings and text if that is smaller.

Files are made from pixels alone, so a photo's metadata (place, camera, time) is never sent.
"""

import io

import numpy as np
from PIL import Image

from pagelens.core.types import ImageArray, PageText
from pagelens.generate.llm.chat import ImagePart, MediaType

JPEG_QUALITY = 88  # small print stays readable
FLAT_SHARE = 0.8  # PNG is tried if more than this share of the pixels equal their left neighbour
PIXELS_PER_TOKEN = 750  # about, in current vision models (28 by 28 pixels is 784)
READABLE = 12.0  # pixels from the top to the bottom of a word's box: print of 6 points on A4 at 1,400 pixels has 12
SHARPER = 1.6
JPEG: MediaType = "image/jpeg"
PNG: MediaType = "image/png"


def sharp_side(text: PageText, side: int) -> int:
    """Return the longer side in pixels for the image of a page with this text: `side`, or up to `SHARPER` times it if
    the page's print would be smaller than `READABLE` pixels. The page's height is taken for its longer side."""
    if not len(text.boxes):
        return side
    height = float(np.median(text.boxes[:, 3] - text.boxes[:, 1])) * side
    return round(side * min(SHARPER, max(1.0, READABLE / max(height, 1.0))))


def encode_image(pixels: ImageArray, *, max_side: int) -> ImagePart:
    """Return an image (height, width, 3) as a file, scaled down to at most `max_side` pixels on its longer side."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if max(image.size) > max_side:
        image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    scaled = np.asarray(image)
    data, media_type = _compress(image, "JPEG"), JPEG
    if image.width > 1 and np.mean((scaled[:, 1:] == scaled[:, :-1]).all(axis=2)) > FLAT_SHARE:
        png = _compress(image, "PNG")
        data, media_type = (png, PNG) if len(png) < len(data) else (data, media_type)
    return ImagePart(data, media_type, image.width, image.height)


def _compress(image: Image.Image, file_format: str) -> bytes:
    stream = io.BytesIO()
    options = {"quality": JPEG_QUALITY} if file_format == "JPEG" else {"optimize": False, "compress_level": 6}
    image.save(stream, file_format, **options)
    return stream.getvalue()


def image_tokens(width: int, height: int) -> int:
    """Return the approximate number of tokens of an image of this size in pixels."""
    return max(1, round(width * height / PIXELS_PER_TOKEN))
