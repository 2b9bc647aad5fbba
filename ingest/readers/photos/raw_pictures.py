"""Opens cameras' raw pictures in TIFF (DNG, NEF, CR2, ARW, RW2 and their like) by their largest embedded preview.

The mosaic of the sensor is not developed here, as cameras and raw developers each do it in their own way. Where the
preview is small, the package `rawpy` develops it if it is installed. The metadata is that of the raw picture.
"""

import importlib.util
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from typing import BinaryIO, NamedTuple

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from pagelens.core.errors import ReadError

RAW_NOTE = "pagelens.raw"  # the key in an image's `info` of what was read in place of the raw picture
SMALL_PREVIEW = 1_000  # pixels of the longer side: below, the raw picture is developed where that is possible
MAX_RAW_PIXELS = 205_000_000

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _COLOURS = 256, 257, 258, 259, 262
_OFFSETS, _SAMPLES, _COUNTS, _SUB_DIRECTORIES = 273, 277, 279, 330
_JPEG_OFFSET, _JPEG_LENGTH, _PANASONIC_JPEG = 513, 514, 46
_XMP, _IPTC, _PHOTOSHOP_IPTC, _DNG_VERSION = 700, 33723, 0x0404, 50706
_MOSAIC, _LINEAR_RAW = 32803, 34892
_UNCOMPRESSED, _RGB = 1, 2
_CR2_MARK, _RW2 = b"CR\x02", b"IIU\0"
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I"}
_MAX_DIRECTORIES, _MAX_ENTRIES, _MAX_VALUES = 32, 1_000, 100_000
_MAX_METADATA = 8_000_000
_MAX_PREVIEW_BYTES = 100_000_000
_JPEG_HEAD = 400_000  # bytes searched for the size of a preview: its own EXIF and colour profile come first
_SIZED_MARKERS = (0xC0, 0xC1, 0xC2)  # frames that are pictures for people; 0xC3 is lossless, as sensors' data is stored


class _Entry(NamedTuple):
    type: int
    size: int  # number of values
    offset: int  # of the values in the file


class _Preview(NamedTuple):
    """An embedded preview; `chunks` are where its bytes are, as (offset, length)."""

    width: int
    height: int
    chunks: tuple[tuple[int, int], ...]
    is_jpeg: bool


_Directory = Mapping[int, _Entry]


def open_raw(file: BinaryIO) -> ImageFile | None:
    """Return the preview of a raw picture as an image with the raw picture's metadata; None for any other TIFF.

    The file must stay open. It is rewound. Raises ReadError: unsupported, where there is no preview that can be read.
    """
    tiff = _Tiff(file)
    directories = list(tiff.directories())
    if not _is_raw(tiff.head, tiff, directories):
        file.seek(0)
        return None
    width, height = _raw_size(tiff, directories)
    preview = max(_previews(tiff, directories), key=lambda one: one.width * one.height, default=None)
    image = None
    if preview is None or max(preview.width, preview.height) < min(SMALL_PREVIEW, max(width, height)):
        image = _developed(file, width, height)
    size = f" of {width} x {height} pixels" if width else ""
    if image is not None:
        note = f"a camera's raw picture{size}: developed by rawpy to {image.width} x {image.height}"
    elif preview is not None:
        image = _open_preview(file, preview)
        note = f"a camera's raw picture{size}: its embedded preview of {preview.width} x {preview.height} was read"
    else:
        raise ReadError(
            "unsupported",
            f"it is a camera's raw picture{size} without an embedded preview: pip install 'pagelens[raw]', or convert "
            "it to JPEG",
        )
    image.info[RAW_NOTE] = note
    _add_metadata(image, tiff, directories[0])
    file.seek(0)
    return image


class _Tiff:
    """The directories of a TIFF file (TIFF 6.0, section 2), read without trust in any number."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        file.seek(0)
        self.head = file.read(16)
        self._order = ">" if self.head.startswith(b"MM") else "<"

    def directories(self) -> Iterator[_Directory]:
        """Yield the directories of the chain and below them, each once."""
        waiting = [self._number(self.head[4:8], "I")]
        seen: set[int] = set()
        while waiting and len(seen) < _MAX_DIRECTORIES:
            offset = waiting.pop(0)
            if offset == 0 or offset in seen:
                continue
            seen.add(offset)
            directory, following = self._directory(offset)
            yield directory
            waiting += [following, *self.numbers(directory, _SUB_DIRECTORIES)]

    def numbers(self, directory: _Directory, tag: int) -> tuple[int, ...]:
        """Return an entry's whole numbers, () where it is absent or broken."""
        entry = directory.get(tag)
        if entry is None or entry.type not in _NUMBERS or entry.size > _MAX_VALUES:
            return ()
        content = self.content(directory, tag)
        form = f"{self._order}{entry.size}{_NUMBERS[entry.type]}"
        return struct.unpack(form, content) if struct.calcsize(form) == len(content) else ()

    def number(self, directory: _Directory, tag: int) -> int:
        """Return an entry's first number, 0 where it is absent or broken."""
        return next(iter(self.numbers(directory, tag)), 0)

    def content(self, directory: _Directory, tag: int) -> bytes:
        """Return an entry's bytes, b"" where it is absent or too long."""
        entry = directory.get(tag)
        size = _TYPE_SIZES.get(entry.type, 0) * entry.size if entry else 0
        return self.read(entry.offset, size) if entry and size <= _MAX_METADATA else b""

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the file; fewer at its end."""
        self.file.seek(offset)
        return self.file.read(size)

    def _directory(self, offset: int) -> tuple[_Directory, int]:
        count = self._number(self.read(offset, 2), "H")
        if not 0 < count <= _MAX_ENTRIES:
            return {}, 0
        content = self.read(offset + 2, 12 * count + 4)
        entries: dict[int, _Entry] = {}
        for at in range(0, 12 * count, 12):
            part = content[at : at + 12]
            if len(part) < 12:
                return entries, 0
            tag, form, number = struct.unpack(f"{self._order}HHI", part[:8])
            inside = _TYPE_SIZES.get(form, 0) * number <= 4
            entries[tag] = _Entry(form, number, offset + 10 + at if inside else self._number(part[8:], "I"))
        return entries, self._number(content[12 * count :], "I")

    def _number(self, content: bytes, form: str) -> int:
        size = struct.calcsize(form)
        return int(struct.unpack(self._order + form, content[:size])[0]) if len(content) >= size else 0


def _is_raw(head: bytes, tiff: _Tiff, directories: list[_Directory]) -> bool:
    if not directories:
        return False
    colours = {tiff.number(directory, _COLOURS) for directory in directories}
    return (
        head.startswith(_RW2)
        or head[8:11] == _CR2_MARK
        or _DNG_VERSION in directories[0]
        or bool(colours & {_MOSAIC, _LINEAR_RAW})
    )


def _raw_size(tiff: _Tiff, directories: list[_Directory]) -> tuple[int, int]:
    """Return width and height of the sensor's picture, (0, 0) where they are not stated."""
    sizes = (
        (tiff.number(directory, _WIDTH), tiff.number(directory, _HEIGHT))
        for directory in directories
        if tiff.number(directory, _COLOURS) in (_MOSAIC, _LINEAR_RAW)
    )
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


def _previews(tiff: _Tiff, directories: list[_Directory]) -> Iterator[_Preview]:
    for directory in directories:
        places = [(tiff.number(directory, _JPEG_OFFSET), tiff.number(directory, _JPEG_LENGTH))]
        panasonic = directory.get(_PANASONIC_JPEG)
        if panasonic is not None:
            places.append((panasonic.offset, panasonic.size))
        strips = tuple(zip(tiff.numbers(directory, _OFFSETS), tiff.numbers(directory, _COUNTS), strict=False))
        if len(strips) == 1:
            places += strips
        for offset, length in places:
            size = _jpeg_size(tiff.read(offset, min(length, _JPEG_HEAD))) if 0 < length <= _MAX_PREVIEW_BYTES else None
            if size is not None:
                yield _Preview(*size, ((offset, length),), is_jpeg=True)
        width, height = tiff.number(directory, _WIDTH), tiff.number(directory, _HEIGHT)
        if _is_plain(tiff, directory) and sum(length for _, length in strips) == 3 * width * height:
            yield _Preview(width, height, strips, is_jpeg=False)


def _is_plain(tiff: _Tiff, directory: _Directory) -> bool:
    """Return whether a directory's picture is uncompressed RGB of 8 bits."""
    return (
        tiff.number(directory, _COMPRESSION) == _UNCOMPRESSED
        and tiff.number(directory, _COLOURS) == _RGB
        and tiff.number(directory, _SAMPLES) == 3
        and set(tiff.numbers(directory, _BITS)) == {8}
        and 0 < tiff.number(directory, _WIDTH) * tiff.number(directory, _HEIGHT) <= _MAX_PREVIEW_BYTES // 3
    )


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG for people, by its first bytes; None for a lossless one or anything else."""
    if not head.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker in _SIZED_MARKERS:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return (width, height) if width and height else None
        if marker == 0xDA or (0xC3 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            return None
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None


def _open_preview(file: BinaryIO, preview: _Preview) -> ImageFile:
    content = bytearray()
    for offset, length in preview.chunks:
        file.seek(offset)
        content += file.read(length)
    if preview.is_jpeg:
        return JpegImageFile(BytesIO(content))
    return _as_image_file(Image.frombytes("RGB", (preview.width, preview.height), bytes(content)))


def _developed(file: BinaryIO, width: int, height: int) -> ImageFile | None:
    """Return the raw picture developed, a large one in half its size; None without `rawpy` or where it cannot be."""
    if width * height > MAX_RAW_PIXELS or importlib.util.find_spec("rawpy") is None:
        return None
    import rawpy

    half = max(width, height) >= 2 * SMALL_PREVIEW
    file.seek(0)
    try:
        with rawpy.imread(file) as raw:
            pixels = raw.postprocess(half_size=half, use_camera_wb=True, output_bps=8, user_flip=0)
    except (rawpy.LibRawError, MemoryError, ValueError, OSError):
        return None
    return _as_image_file(Image.fromarray(pixels))


def _as_image_file(image: Image.Image) -> ImageFile:
    buffer = BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    buffer.seek(0)
    return PngImageFile(buffer)


def _add_metadata(image: ImageFile, tiff: _Tiff, first: _Directory) -> None:
    """Give the preview the raw picture's EXIF (with its orientation), XMP and IPTC; its own where those are broken."""
    exif = image.getexif()
    own = exif.tobytes() if len(exif) else b""
    try:
        tiff.file.seek(0)
        exif.load_from_fp(tiff.file)
    except Exception:  # noqa: BLE001 - broken EXIF raises a dozen types in Pillow
        with suppress(Exception):
            exif.load(own)
    if xmp := tiff.content(first, _XMP):
        image.info["xmp"] = xmp
    if iptc := tiff.content(first, _IPTC):
        image.info["photoshop"] = {_PHOTOSHOP_IPTC: iptc}
