"""Page images of a requested width, with highlighted evidence or a heat map, as JPEG or PNG."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.page_overlays import from_jpeg
from pagelens.core.types import PageRef

SIDES = (400, 800, 1_400, 2_000, 3_000)  # pixels of the longer side at which pages are rendered and cached
RENDERING = 1  # version of the rendering: increase it when images change, so that cached ones are fetched again

ImageFormat = Literal["jpeg", "png"]


@dataclass(frozen=True, slots=True)
class PageImageRequest:
    """A page image as requested: with a query its evidence is highlighted, with `heat_map` its heat map is shown."""

    width: int  # pixels
    format: ImageFormat
    query: str = ""
    heat_map: bool = False

    def etag(self, page: str, generation: int) -> str:
        """Return a hash that changes with the image. Only the evidence depends on the collection's generation."""
        parts = (RENDERING, page, self.width, self.format, self.query, self.heat_map, generation if self.query else 0)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def render_page_image(
    engine: Engine, ref: PageRef, image_request: PageImageRequest, *, page_width: float, page_height: float
) -> bytes:
    """Return the encoded image of a page. Only the ratio of `page_width` and `page_height` counts."""
    height = max(1, min(SIDES[-1], round(image_request.width * page_height / page_width)))
    longest = next((side for side in SIDES if side >= max(image_request.width, height)), SIDES[-1])
    if image_request.heat_map:
        data = engine.heat_map_image(ref, image_request.query, longest=longest)
    else:
        boxes = engine.evidence(ref, image_request.query) if image_request.query else []
        data = engine.page_image(ref, boxes=boxes, longest=longest)
    image = from_jpeg(data).resize((image_request.width, height), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    if image_request.format == "png":
        image.save(buffer, "PNG", compress_level=3)
    else:
        image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
