"""Page pictures as files for a model: JPEG for photographs, PNG for flat drawings and text, whichever is smaller.

Made from pixels alone, so nothing of a photo's metadata (place, camera, time) goes with them. Knows no model.
"""

import io

import numpy as np
from PIL import Image

from pagelens.core.types import ImageArray
from pagelens.generate.llm.chat import MediaType, ImagePart

JPEG_QUALITY = 88  # small print stays readable
FLAT = 0.8  # of the pixels are like their left neighbour: worth trying as PNG
PIXELS_A_TOKEN = 750  # about, of the vision models of today (28 by 28 pixels is 784)


def encode_image(picture: ImageArray, *, longest: int) -> ImagePart:
    """Return a picture (height, width, 3) as a file, at most `longest` pixels on its longer side."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    if max(image.size) > longest:
        image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    data, media_type = _encoded(image, "JPEG"), _JPEG
    if np.mean((pixels[:, 1:] == pixels[:, :-1]).all(axis=2)) > FLAT:
        flat = _encoded(image, "PNG")
        data, media_type = (flat, _PNG) if len(flat) < len(data) else (data, media_type)
    return ImagePart(data, media_type, image.width, image.height)


_JPEG: MediaType = "image/jpeg"
_PNG: MediaType = "image/png"


def _encoded(image: Image.Image, form: str) -> bytes:
    stream = io.BytesIO()
    options = {"quality": JPEG_QUALITY} if form == "JPEG" else {"optimize": False, "compress_level": 6}
    image.save(stream, form, **options)
    return stream.getvalue()


def picture_tokens(width: int, height: int) -> int:
    """Return about how many tokens a picture is."""
    return max(1, round(width * height / PIXELS_A_TOKEN))
