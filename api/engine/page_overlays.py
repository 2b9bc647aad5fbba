"""Evidence drawn on a page image: highlighted boxes, or a heat map."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from pagelens.core.types import Box

HIGHLIGHT = (255, 236, 110)
FRAME = (214, 120, 0)
HEAT = (255, 90, 60)


def draw_boxes(image: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """Return the image (RGB) with `boxes` (0..1) in yellow with an orange frame; the text in them stays readable."""
    width, height = image.size
    paper = Image.new("RGB", image.size, "white")
    marker = ImageDraw.Draw(paper)
    grow = max(1.0, height / 500)
    frames = [
        (box.x0 * width - grow, box.y0 * height - grow, box.x1 * width + grow, box.y1 * height + grow) for box in boxes
    ]
    for frame in frames:
        marker.rectangle(frame, fill=HIGHLIGHT)
    marked = ImageChops.multiply(image.convert("RGB"), paper)  # dark text stays dark, as under a text marker
    pen = ImageDraw.Draw(marked)
    for frame in frames:
        pen.rectangle(frame, outline=FRAME, width=max(1, round(height / 700)))
    return marked


def overlay_heat_map(image: Image.Image, heat: NDArray[np.float32]) -> Image.Image:
    """Return the image (RGB) with a heat map over it, pale to red; `heat` is (height, width) in 0..1."""
    strength = Image.fromarray(np.asarray(np.clip(heat, 0, 1) * 255, np.uint8)).resize(image.size)
    hot = ImageChops.multiply(image.convert("RGB"), Image.new("RGB", image.size, HEAT))
    cold = Image.blend(image.convert("RGB"), Image.new("RGB", image.size, "white"), 0.35)
    return Image.composite(hot, cold, strength)


def to_jpeg(image: Image.Image) -> bytes:
    """Return the image as JPEG bytes, without metadata."""
    buffer = BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def from_jpeg(data: bytes) -> Image.Image:
    """Return the image (RGB) from JPEG bytes."""
    return Image.open(BytesIO(data)).convert("RGB")
