"""Evidence drawn on a page picture: a marker's yellow over the words, a thin frame round them; heat in red."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from pagelens.core.types import Box

MARKER = (255, 236, 110)
FRAME = (214, 120, 0)
HEAT = (255, 90, 60)


def draw_marks(picture: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """Return the picture (RGB) with `boxes` (0..1) marked; what is under a mark stays readable."""
    width, height = picture.size
    paper = Image.new("RGB", picture.size, "white")
    marker = ImageDraw.Draw(paper)
    grow = max(1.0, height / 500)
    frames = [
        (box.x0 * width - grow, box.y0 * height - grow, box.x1 * width + grow, box.y1 * height + grow) for box in boxes
    ]
    for frame in frames:
        marker.rectangle(frame, fill=MARKER)
    marked = ImageChops.multiply(picture.convert("RGB"), paper)  # as ink does: dark stays dark
    pen = ImageDraw.Draw(marked)
    for frame in frames:
        pen.rectangle(frame, outline=FRAME, width=max(1, round(height / 700)))
    return marked


def draw_heat(picture: Image.Image, heat: NDArray[np.float32]) -> Image.Image:
    """Return the picture (RGB), paler where it is cold and red where it is hot; `heat` is (height, width) in 0..1."""
    strength = Image.fromarray(np.asarray(np.clip(heat, 0, 1) * 255, np.uint8)).resize(picture.size)
    hot = ImageChops.multiply(picture.convert("RGB"), Image.new("RGB", picture.size, HEAT))
    cold = Image.blend(picture.convert("RGB"), Image.new("RGB", picture.size, "white"), 0.35)
    return Image.composite(hot, cold, strength)


def to_jpeg(picture: Image.Image) -> bytes:
    """Return the picture as JPEG bytes, without metadata."""
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def from_jpeg(data: bytes) -> Image.Image:
    """Return the picture that `to_jpeg` wrote."""
    return Image.open(BytesIO(data)).convert("RGB")
