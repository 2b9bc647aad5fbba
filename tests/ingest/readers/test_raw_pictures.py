"""Cameras' raw pictures in TIFF: the largest embedded preview is read and named, or they are refused."""

import struct
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pagelens.core.errors import ReadError
from pagelens.ingest.files.formats import describe
from pagelens.ingest.files.walk import identify
from pagelens.ingest.readers.photos import raw_pictures
from pagelens.ingest.readers.photos.photo_reader import open_document, render_page

MOSAIC, LINEAR_RAW = 32803, 34892
RED, BLUE = (200, 30, 30), (30, 30, 200)


def jpeg(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "JPEG")
    return buffer.getvalue()


class TiffBuilder:
    """Writes TIFF directories entry by entry, in either byte order."""

    def __init__(self, order: str = "<", head: bytes | None = None) -> None:
        self.order = order
        self.content = bytearray(head or (b"II*\0" if order == "<" else b"MM\0*") + bytes(4))

    def data(self, content: bytes) -> int:
        """Append bytes; return their offset."""
        self.content += bytes(len(self.content) % 2)
        self.content += content
        return len(self.content) - len(content)

    def directory(
        self,
        entries: Mapping[int, int | bytes | Sequence[int]],
        following: int = 0,
        short: Mapping[int, tuple[int, bytes]] | None = None,
    ) -> int:
        """Append a directory; return its offset. Bytes are texts, numbers are of 32 bits; `short` has entries of up to
        four bytes with their types."""
        packed = []
        for tag, value in sorted({**entries, **(short or {})}.items()):
            if short and tag in short:
                kind, content = short[tag]
                count = len(content) // (2 if kind == 3 else 1)
            elif isinstance(value, bytes):
                kind, count, content = 2, len(value) + 1, value + b"\0"
            else:
                numbers = [value] if isinstance(value, int) else list(value)
                kind, count, content = 4, len(numbers), struct.pack(f"{self.order}{len(numbers)}I", *numbers)
            if len(content) > 4:
                content = struct.pack(self.order + "I", self.data(content))
            packed.append(struct.pack(self.order + "HHI", tag, kind, count) + content.ljust(4, b"\0"))
        body = struct.pack(self.order + "H", len(packed)) + b"".join(packed)
        return self.data(body + struct.pack(self.order + "I", following))

    def write(self, path: Path, first: int) -> Path:
        self.content[4:8] = struct.pack(self.order + "I", first)
        path.write_bytes(self.content)
        return path


def mosaic(tiff: TiffBuilder, width: int, height: int, colours: int = MOSAIC) -> int:
    return tiff.directory({254: 0, 256: width, 257: height, 258: 16, 259: 34713, 262: colours, 273: 8, 279: 10})


def plain(tiff: TiffBuilder, width: int, height: int, colour: tuple[int, int, int]) -> dict[int, Any]:
    half = bytes(colour) * (width * height // 2)
    offsets = [tiff.data(half), tiff.data(half)]
    return {
        254: 1, 256: width, 257: height, 258: (8, 8, 8), 259: 1, 262: 2, 273: offsets, 277: 3, 279: [len(half)] * 2
    }  # fmt: skip


def make_dng(path: Path) -> Path:
    """A small plain preview in the first directory, a larger JPEG and the mosaic below it."""
    tiff = TiffBuilder()
    large = jpeg(300, 200, RED)
    preview = tiff.directory({254: 1, 256: 300, 257: 200, 259: 7, 262: 6, 273: tiff.data(large), 279: len(large)})
    below = [mosaic(tiff, 600, 400), preview]
    first = plain(tiff, 80, 60, BLUE) | {
        271: b"Pentax", 272: b"K-1", 306: b"2021:08:09 10:11:12", 330: below, 50706: 0x01040000
    }  # fmt: skip
    return tiff.write(path, tiff.directory(first))


def make_nef(path: Path) -> Path:
    """As DNG, with the JPEG where EXIF's thumbnails are, upright by its orientation, in the other byte order."""
    tiff = TiffBuilder(">")
    large = jpeg(300, 200, RED)
    preview = tiff.directory({254: 1, 513: tiff.data(large), 514: len(large)})
    first = plain(tiff, 80, 60, BLUE) | {271: b"NIKON CORPORATION", 272: b"NIKON D750", 330: [preview]}
    first[330] = [preview, mosaic(tiff, 600, 400)]
    first[274] = 8
    return tiff.write(path, tiff.directory(first))


def make_cr2(path: Path) -> Path:
    """A JPEG as the first directory's picture, a thumbnail after it, no mosaic that says so."""
    tiff = TiffBuilder(head=b"II*\0\x10\0\0\0CR\x02\0" + bytes(4))
    large, small = jpeg(300, 200, RED), jpeg(80, 60, BLUE)
    lossless = b"\xff\xd8\xff\xc3\x00\x0e\x0e" + struct.pack(">HH", 400, 600) + bytes(9)
    last = tiff.directory({259: 6, 273: tiff.data(lossless), 279: len(lossless)})
    second = tiff.directory({513: tiff.data(small), 514: len(small)}, last)
    first: dict[int, Any] = {
        256: 300,
        257: 200,
        259: 6,
        271: b"Canon",
        272: b"Canon EOS 6D",
        273: tiff.data(large),
        279: len(large),
    }
    return tiff.write(path, tiff.directory(first, second))


def make_rw2(path: Path) -> Path:
    """Panasonic's: another mark at the start, the JPEG as the value of an entry."""
    tiff = TiffBuilder(head=b"IIU\0" + bytes(4))
    large = jpeg(300, 200, RED)
    first = tiff.directory({271: b"Panasonic", 46: large})
    return tiff.write(path, first)


@pytest.fixture(autouse=True)
def _without_rawpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_pictures, "_developed", lambda *_: None)


@pytest.mark.parametrize(
    ("make", "name", "size", "camera"),
    [
        (make_dng, "a.dng", (300, 200), "Pentax K-1"),
        (make_nef, "a.NEF", (200, 300), "NIKON D750"),
        (make_cr2, "a.cr2", (300, 200), "Canon EOS 6D"),
        (make_rw2, "a.rw2", (300, 200), None),
        (make_dng, "a.tif", (300, 200), "Pentax K-1"),
    ],
)
def test_the_largest_preview_is_read_with_the_raw_pictures_metadata(
    tmp_path: Path, make: Callable[[Path], Path], name: str, size: tuple[int, int], camera: str | None
) -> None:
    path = make(tmp_path / name)
    assert identify(path) == "photo"
    with open_document(path, sha256="0" * 64, size=1) as opened:
        (page,) = opened.pages(1)
        assert (page.width, page.height) == size
        assert opened.document.metadata.get("camera") == camera
        assert "raw picture" in page.problem
        assert "preview of 300 x 200 was read" in page.problem
    assert render_page(path, 1, longest=100).getpixel((20, 20)) == pytest.approx(RED, abs=4)


def test_what_is_read_says_how_large_the_raw_picture_is(tmp_path: Path) -> None:
    with open_document(make_dng(tmp_path / "a.dng"), sha256="0" * 64, size=1) as opened:
        (page,) = opened.pages(1)
        assert "600 x 400" in page.problem
        assert str(opened.document.date) == "2021-08-09 10:11:12"


def test_a_small_plain_preview_is_better_than_none_and_named(tmp_path: Path) -> None:
    tiff = TiffBuilder()
    first = plain(tiff, 80, 60, BLUE) | {330: [mosaic(tiff, 320, 200)]}
    path = tiff.write(tmp_path / "a.arw", tiff.directory(first))
    with open_document(path, sha256="0" * 64, size=1) as opened:
        (page,) = opened.pages(1)
        assert page.problem == "a camera's raw picture of 320 x 200 pixels: its embedded preview of 80 x 60 was read"
    assert render_page(path, 1, longest=100).getpixel((20, 20)) == BLUE


@pytest.mark.parametrize("colours", [MOSAIC, LINEAR_RAW])
def test_a_raw_picture_without_a_preview_is_refused_with_what_to_do(tmp_path: Path, colours: int) -> None:
    tiff = TiffBuilder()
    path = tiff.write(tmp_path / "a.dng", mosaic(tiff, 320, 200, colours))
    with pytest.raises(ReadError, match="raw picture of 320 x 200 pixels without an embedded preview") as got:
        render_page(path, 1, longest=100)
    assert got.value.code == "unsupported"


@pytest.mark.parametrize(
    ("preview", "raw", "is_developed"),
    [
        ((999, 600), (6000, 4000), True),
        ((1000, 600), (6000, 4000), False),
        ((300, 200), (300, 200), False),
        ((80, 60), (320, 200), True),
    ],
)
def test_only_a_raw_picture_with_a_small_preview_is_developed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    preview: tuple[int, int],
    raw: tuple[int, int],
    is_developed: bool,
) -> None:
    sizes: list[tuple[int, int]] = []
    monkeypatch.setattr(raw_pictures, "_developed", lambda _, width, height: sizes.append((width, height)))
    tiff = TiffBuilder()
    content = jpeg(*preview, RED)
    below = mosaic(tiff, *raw)
    first: dict[int, Any] = {254: 1, 271: b"Canon", 513: tiff.data(content), 514: len(content), 330: below}
    with open_document(tiff.write(tmp_path / "a.dng", tiff.directory(first)), sha256="0" * 64, size=1):
        assert sizes == ([raw] if is_developed else [])


def test_a_raw_picture_is_developed_by_rawpy_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rawpy", reason="needs the extra 'raw'")
    monkeypatch.undo()
    tiff = TiffBuilder()
    sensor = b"".join(struct.pack("<H", 60_000 if x % 2 == y % 2 == 0 else 2_000) for y in range(64) for x in range(96))
    pattern = int.from_bytes(bytes([0, 1, 1, 2]), "little")  # red, green, green, blue
    first: dict[int, Any] = {
        254: 0, 256: 96, 257: 64, 258: 16, 259: 1, 262: MOSAIC, 271: b"Canon", 272: b"Made here",
        273: tiff.data(sensor), 274: 6, 277: 1, 278: 64, 279: len(sensor), 50706: 0x00000401,
    }  # fmt: skip
    bytes_of = {33421: (3, struct.pack("<HH", 2, 2)), 33422: (1, pattern.to_bytes(4, "little"))}
    path = tiff.write(tmp_path / "a.dng", tiff.directory(first, short=bytes_of))
    with open_document(path, sha256="0" * 64, size=1) as opened:
        (page,) = opened.pages(1)
        assert page.problem == "a camera's raw picture of 96 x 64 pixels: developed by rawpy to 96 x 64"
        assert (page.width, page.height) == (64, 96), "turned upright, once"
    pixel = render_page(path, 1, longest=100).getpixel((30, 50))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 2 * max(pixel[1:])


def test_formats_of_raw_pictures_that_are_not_read_are_named() -> None:
    for head in (b"\0\0\0\x18ftypcrx \0\0\0\1", b"FUJIFILMCCD-RAW 0201", b"IIRO\x08\0\0\0"):
        assert describe(head) == "a camera's raw picture"


@pytest.mark.parametrize("cut", [9, 20, 60, 200, 1_000])
def test_a_raw_picture_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    path = make_nef(tmp_path / "a.nef")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - cut])
    with pytest.raises(ReadError):
        render_page(path, 1, longest=100)


def test_directories_that_refer_to_each_other_are_read_once(tmp_path: Path) -> None:
    tiff = TiffBuilder()
    path = tiff.write(tmp_path / "a.dng", tiff.directory({50706: 1, 330: [8, 8]}, following=8))
    with pytest.raises(ReadError, match="without an embedded preview"):
        render_page(path, 1, longest=100)


def test_an_ordinary_tiff_keeps_its_size_and_has_no_problem(tmp_path: Path) -> None:
    Image.new("RGB", (90, 70), RED).save(tmp_path / "a.tif")
    with open_document(tmp_path / "a.tif", sha256="0" * 64, size=1) as opened:
        (page,) = opened.pages(1)
        assert (page.width, page.height, page.problem) == (90.0, 70.0, "")
