"""Photos through Pillow: JPEG, PNG and WebP as documents of one page, with date, place and camera.

Knows Pillow; does not know what is in the picture. Sizes are those of the picture as a viewer shows it (EXIF
orientation applied).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import PageLensError, ReadError
from core.types import Document, Page, no_text
from ingest.exif import Facts, read_facts
from ingest.readers import Reading
from ingest.signatures import HEAD_BYTES, PhotoFormat, photo_format
from ingest.sources import unreadable
from ingest.titles import readable_name

MAX_PIXELS = 205_000_000  # phones make pictures of 200 million; decoded it is 0.6 GB

warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # on broken EXIF, once for each entry

_FORMATS: dict[PhotoFormat, type[ImageFile]] = {"JPEG": JpegImageFile, "PNG": PngImageFile, "WebP": WebPImageFile}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MONTHS = (
    "January February March April May June July August September October November December".split()  # of no locale
)


@contextmanager
def opened(path: Path, *, sha256: str, size: int) -> Iterator[Reading]:
    """Open a photo whose hash and size in bytes are known, and see that all of it can be decoded.

    Raises ReadError: damaged, too-large, unsupported, denied, vanished.
    """
    with _photo(path) as image:
        width, height = image.size
        image.draft("RGB", (width // 8, height // 8))  # JPEG is decoded whole but small
        image.load()
        facts = _facts(image)
    if facts.orientation >= 5:
        width, height = height, width
    name = readable_name(path.stem)
    document = Document(
        sha256=sha256,
        kind="photo",
        title=name,
        page_count=1,
        size=size,
        date=facts.taken,
        metadata=_metadata(facts, width, height),
    )
    page = Page(1, None, float(width), float(height), no_text(), caption=_caption(name, facts))
    yield Reading(document, lambda first: iter((page,) if first <= 1 else ()))


def render_photo(path: Path, *, longest: int) -> Image.Image:
    """Return the photo as a viewer shows it, RGB on white, its longer side at most `longest` pixels (never enlarged).

    Raises ReadError as `opened` does.
    """
    with _photo(path) as image:
        is_jpeg = isinstance(image, JpegImageFile)
        picture: Image.Image = image
        if not is_jpeg:
            picture = _flat(image)
        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)  # JPEG: decoded at about that size already
        turn = _TURNS.get(_facts(image).orientation)
        picture = _flat(picture)
        return picture if turn is None else picture.transpose(turn)


def render(path: Path, number: int, *, longest: int) -> Image.Image:
    """Return the photo, which is its page 1, its longer side at most `longest` pixels."""
    if number != 1:
        raise ReadError("damaged", f"expected page 1 of a photo, found page {number}")
    return render_photo(path, longest=longest)


@contextmanager
def _photo(path: Path) -> Iterator[ImageFile]:
    """Open the file with the reader its first bytes ask for; translate what Pillow raises meanwhile."""
    try:
        file = path.open("rb")
    except (OSError, ValueError) as exc:
        raise unreadable(exc) from exc
    with file:
        form = photo_format(file.read(HEAD_BYTES))
        file.seek(0)
        if form is None:
            raise ReadError("unsupported", "expected a JPEG, PNG or WebP picture, found another format")
        try:
            # Not Image.open: it would warn of pictures beyond 89 million pixels and refuse at 179.
            image = _FORMATS[form](file)
            _check(image)
            yield image
        except PageLensError:
            raise
        except (Image.DecompressionBombError, MemoryError) as exc:
            raise ReadError("too-large", f"expected at most {MAX_PIXELS} pixels: {exc}") from exc
        except Exception as exc:  # Pillow's readers raise SyntaxError, OSError, struct.error, ... on damage
            raise ReadError("damaged", f"expected a whole {form} picture: {exc or type(exc).__name__}") from exc


def _check(image: ImageFile) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ReadError("too-large", f"expected at most {MAX_PIXELS} pixels, found {width} x {height}: scale it down")


def _facts(image: ImageFile) -> Facts:
    try:
        facts = read_facts(image.getexif())
    except Exception:  # noqa: BLE001 - broken EXIF raises a dozen kinds in Pillow; the picture is good without
        facts = Facts()
    return facts


def _flat(image: Image.Image) -> Image.Image:
    """Return the picture in RGB: transparency on white, 16 bits a channel brought down to 8."""
    if image.mode.startswith(("I", "F")):
        deep = np.asarray(image).astype(np.float32)
        return Image.fromarray(np.clip(deep / 257 if deep.max() > 255 else deep, 0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _metadata(facts: Facts, width: int, height: int) -> dict[str, str | int | float | bool]:
    kept: dict[str, str | int | float | bool] = {"width": width, "height": height}
    if facts.latitude is not None and facts.longitude is not None:
        kept |= {"latitude": facts.latitude, "longitude": facts.longitude}
    for key in ("camera", "description", "artist", "copyright"):
        if words := getattr(facts, key):
            kept[key] = words
    return kept


def _caption(name: str, facts: Facts) -> str:
    date = in_words(facts.taken) if facts.taken else ""
    return ". ".join(part for part in (name, date, facts.camera, facts.description) if part)


def in_words(date: datetime) -> str:
    """Return a date as people write it: '3 May 2019'."""
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"
