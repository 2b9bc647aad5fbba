"""Decodes image files to pixels as a viewer shows them: upright, sRGB, 8 bits, on white; with bounded memory.

A file is decoded by the plugin for the format of its first bytes, whatever its name.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from pagelens.core.errors import PageLensError, ReadError
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.files.formats import HEAD_BYTES, PhotoFormat, photo_format
from pagelens.ingest.readers.photos.colours import full_scale, on_white, screen_mode, to_srgb
from pagelens.ingest.readers.photos.png_texts import LAST_CHANGE, last_change, with_bounded_texts
from pagelens.ingest.readers.photos.raw_pictures import RAW_NOTE, open_raw

MAX_PIXELS = 205_000_000  # phones make images of 200 million; decoded it is 0.6 GB
MAX_JPEG_PIXELS = 1_000_000_000  # a larger baseline JPEG than MAX_PIXELS is decoded at 1/2, 1/4 or 1/8
MAX_FILE_BYTES = 1_000_000_000  # several plugins read the whole file into memory

_FORMATS: dict[PhotoFormat, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "HEIC": HeifImageFile,
    "AVIF": AvifImageFile,
}
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_SUBFILE, _REDUCED, _MASK = 254, 1, 4  # TIFF 6.0, NewSubfileType: bits of previews and masks
_BAND_ROWS = 512  # rows that are converted at a time

warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # one for each broken EXIF entry
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # limits are checked here


@contextmanager
def open_image(path: Path) -> Iterator[ImageFile]:
    """Open an image file; exceptions of Pillow's plugins within the block are raised as ReadError.

    Raises ReadError: damaged, too-large, unsupported, denied, vanished.
    """
    try:
        file = path.open("rb")
        size = path.stat().st_size
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    with file:
        image_format = photo_format(file.read(HEAD_BYTES))
        file.seek(0)
        if image_format is None:
            raise ReadError("unsupported", f"expected a picture ({', '.join(_FORMATS)}), found another format")
        if size > MAX_FILE_BYTES:
            raise ReadError("too-large", f"expected a picture of at most {MAX_FILE_BYTES} bytes, found {size}")
        with translate_pillow_errors(image_format):
            last_change_of = last_change(file) if image_format == "PNG" else b""
            # Not Image.open: it would warn of pictures beyond 89 million pixels and refuse at 179.
            raw = open_raw(file) if image_format == "TIFF" else None
            image = raw or _FORMATS[image_format](with_bounded_texts(file) if image_format == "PNG" else file)
            if image_format == "PNG":
                image.info[LAST_CHANGE] = last_change_of
            _require_bounded(image)  # before any metadata is read: Pillow decodes a PNG to look for EXIF at its end
            yield image


@contextmanager
def translate_pillow_errors(image_format: str) -> Iterator[None]:
    """Turn whatever Pillow's plugins raise into ReadError: damaged, too-large."""
    try:
        yield
    except PageLensError:
        raise
    except (Image.DecompressionBombError, MemoryError) as exc:
        raise ReadError("too-large", f"expected at most {MAX_PIXELS} pixels: {exc}") from exc
    except Exception as exc:  # plugins raise SyntaxError, OSError, struct.error, ... on damage
        raise ReadError("damaged", f"expected a whole {image_format} picture: {exc or type(exc).__name__}") from exc


def page_frames(image: ImageFile) -> list[int]:
    """Return the indices (from 0) of the pictures that are pages: of a TIFF all but previews and masks, else one."""
    if not isinstance(image, TiffImageFile):
        return [image.tell()]
    kept: list[int] = []
    at = 0
    while True:
        try:
            image.seek(at)
        except EOFError:
            return kept or [0]
        kind = image.tag_v2.get(_SUBFILE, 0)
        if not (isinstance(kind, int) and kind & (_REDUCED | _MASK)):
            kept.append(at)
        at += 1


def describe_unread(image: ImageFile) -> str:
    """Return a message about the part of the file that is not read, "" where all of it is."""
    width, height = image.size
    if RAW_NOTE in image.info:
        return str(image.info[RAW_NOTE])
    if width * height > MAX_PIXELS:
        return f"{width} x {height} pixels: read in reduced size"
    count = getattr(image, "n_frames", 1)
    if isinstance(image, TiffImageFile) or count <= 1:
        return ""
    if isinstance(image, HeifImageFile):
        return f"holds {count} pictures: only the main one was read"
    return f"an animation of {count} frames: only the first was read"


def check_decodable(image: ImageFile) -> None:
    """Decode the picture (a JPEG in small) to check that it is complete. Raises ReadError and what Pillow raises."""
    _decode(image, 1)


def orientation(image: ImageFile) -> int:
    """Return the EXIF orientation (1 to 8) still to be applied; 1 for a TIFF, which Pillow transposes itself."""
    if isinstance(image, TiffImageFile):
        return 1
    try:
        value = image.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - broken EXIF raises a dozen types in Pillow; the image is usable without
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def displayed_size(image: ImageFile) -> tuple[int, int]:
    """Return width and height as displayed. Must be called before the picture is decoded."""
    width, height = image.size
    return (height, width) if orientation(image) >= 5 else (width, height)


def displayed_image(image: ImageFile, *, longest: int) -> Image.Image:
    """Return the picture as displayed, RGB, its longer side at most `longest` pixels (never enlarged).

    Raises ReadError: too-large, and what Pillow raises.
    """
    transposition = _TRANSPOSITIONS.get(orientation(image))
    profile = image.info.get("icc_profile")
    _decode(image, 2 * longest)
    picture = _reduced(image, 2 * longest)
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    picture = on_white(to_srgb(picture, profile if isinstance(profile, bytes) else b""))
    return picture if transposition is None else picture.transpose(transposition)


def _decode(image: ImageFile, longest: int) -> None:
    """Decode the picture; a JPEG at the smallest of its scales whose longer side has at least `longest` pixels."""
    _require_bounded(image)  # a later picture of a file may be larger than its first
    width, height = image.size
    if isinstance(image, JpegImageFile):
        smaller = next(divisor for divisor in (1, 2, 4, 8) if width * height <= divisor**2 * MAX_PIXELS)
        scale = min(1 / smaller, longest / max(width, height))
        image.draft("RGB", (max(1, int(width * scale)), max(1, int(height * scale))))
    image.load()


def _require_bounded(image: ImageFile) -> None:
    width, height = image.size
    is_baseline = isinstance(image, JpegImageFile) and not image.info.get("progressive")
    # A progressive JPEG is decoded to coefficients in full before it can be scaled down.
    limit = MAX_JPEG_PIXELS if is_baseline else MAX_PIXELS
    if width * height > limit:
        raise ReadError("too-large", f"expected at most {limit} pixels, found {width} x {height}: scale it down")


def _reduced(image: Image.Image, longest: int) -> Image.Image:
    """Return the decoded picture in a mode that can be resized well.

    A picture far larger than `longest` is averaged down in bands, which bounds the additional memory.
    """
    width, height = image.size
    factor = max(width, height) // longest
    white = full_scale(image) if image.mode.startswith(("I", "F")) else 255.0
    if factor < 2:
        return screen_mode(image, white)
    rows = max(1, _BAND_ROWS // factor) * factor
    target: Image.Image | None = None
    for top in range(0, height, rows):
        band = screen_mode(image.crop((0, top, width, min(top + rows, height))), white).reduce(factor)
        if target is None:
            target = Image.new(band.mode, (-(-width // factor), -(-height // factor)))
        target.paste(band, (0, top // factor))
    assert target is not None
    return target
