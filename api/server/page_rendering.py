"""A page's picture as it is asked for: so wide, marked or heated by a query, as JPEG or PNG. Knows no HTTP."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.page_overlays import from_jpeg
from pagelens.core.types import PageRef

SIDES = (400, 800, 1_400, 2_000, 3_000)  # pixels of the longer side that pages are drawn and kept at
MADE = 1  # changes with how pictures are drawn

Format = Literal["jpeg", "png"]


@dataclass(frozen=True, slots=True)
class PageImageRequest:
    """What shall be seen."""

    width: int  # pixels
    format: Format
    query: str = ""
    heat: bool = False

    def tag(self, page: str, generation: int) -> str:
        """Return what changes when the picture does: a page never changes, what is marked on it may."""
        about = (MADE, page, self.width, self.format, self.query, self.heat, generation if self.query else 0)
        return hashlib.sha256(repr(about).encode()).hexdigest()[:32]


def draw(engine: Engine, ref: PageRef, wanted: PageImageRequest, *, width: float, height: float) -> bytes:
    """Return the picture of a page whose proportions are `width` by `height`."""
    tall = max(1, min(SIDES[-1], round(wanted.width * height / width)))
    longest = next((side for side in SIDES if side >= max(wanted.width, tall)), SIDES[-1])
    if wanted.heat:
        data = engine.heat_map_image(ref, wanted.query, longest=longest)
    else:
        boxes = engine.evidence(ref, wanted.query) if wanted.query else []
        data = engine.page_image(ref, boxes=boxes, longest=longest)
    picture = from_jpeg(data).resize((wanted.width, tall), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    if wanted.format == "png":
        picture.save(buffer, "PNG", compress_level=3)
    else:
        picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
