"""Pictures as the model libraries want them. Knows no model."""

from PIL import Image

from pagelens.core.errors import UsageError
from pagelens.core.types import ImageArray

LONGEST = 100  # times the shorter side; a model's own resizing fails at 200, or makes gigabytes of a hairline


def as_image(picture: ImageArray) -> Image.Image:
    """Return a picture for PIL; one longer than 100 times its width is widened to that, so fractions of it stay right.

    Raises UsageError for what is no (height, width, 3) array of bytes with at least one pixel.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != "uint8" or picture.size == 0:
        raise UsageError(f"expected a picture as (height, width, 3) bytes, found {picture.shape} of {picture.dtype}")
    height, width = picture.shape[:2]
    image = Image.fromarray(picture)
    wanted = (max(width, -(-height // LONGEST)), max(height, -(-width // LONGEST)))
    return image if wanted == (width, height) else image.resize(wanted)
