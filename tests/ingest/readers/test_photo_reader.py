"""Photos read through Pillow: orientation, date, place, camera, damage."""

import struct
import zlib
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Page
from pagelens.ingest.readers.photos.exif import camera_name
from pagelens.ingest.readers.photos.photo_metadata import format_date
from pagelens.ingest.readers.photos.photo_reader import open_document, render_page
from tests.ingest.files import corners, noise
from tests.ingest.readers.photo_files import FORMATS, exif, write_photo, xmp


def read(path: Path) -> tuple[Document, Page]:
    with open_document(path, sha256="0" * 64, size=1) as opened:
        (page,) = opened.pages(1)
        assert list(opened.pages(2)) == []
        return opened.document, page


def code_of(path: Path) -> str:
    with pytest.raises(ReadError) as caught:
        read(path)
    with pytest.raises(ReadError):
        render_page(path, 1, longest=10)
    return caught.value.code


def exif_of_a_trip() -> Image.Exif:
    entries = exif(
        taken=datetime(2019, 5, 3, 18, 7, 9),
        camera=("Canon", "Canon EOS 5D"),
        lens="EF50mm f/1.8",
        caption="an old text",
    )
    entries[0x013B], entries[0x8298] = "Bob", "(c) Ann\0junk"
    entries.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 24.36), 3: "E", 4: (151.0, 12.0, 36.0)})
    return entries


@pytest.mark.parametrize("form", FORMATS)
def test_date_place_camera_and_words_are_kept(tmp_path: Path, form: str) -> None:
    path = tmp_path / "home" / "ann" / "Pictures" / "Australia 2019" / "100CANON" / "sydney_harbour.img"
    write_photo(
        path,
        form=form,
        exif=exif_of_a_trip(),
        xmp=xmp(title="Last ferry", caption="Fähre am Abend", keywords=["ferry", "harbour"], people=["Zoë"]),
    )
    document, page = read(path)
    assert (document.kind, document.page_count, document.title) == ("photo", 1, "Last ferry")
    assert document.date == datetime(2019, 5, 3, 18, 7, 9)
    assert document.metadata["latitude"] == pytest.approx(-33.8567667)  # Sydney Opera House
    assert document.metadata["longitude"] == pytest.approx(151.21)
    kept = {key: document.metadata[key] for key in document.metadata if key not in ("latitude", "longitude")}
    assert kept == {
        "width": 60,
        "height": 40,
        "camera": "Canon EOS 5D",
        "lens": "EF50mm f/1.8",
        "title": "Last ferry",
        "caption": "Fähre am Abend",
        "keywords": "ferry; harbour",
        "people": "Zoë",
        "creator": "Bob",
        "copyright": "(c) Ann",
        "place": "The Rocks",
        "city": "Sydney",
        "region": "New South Wales",
        "country": "Australia",
        "year": 2019,
        "month": "May",
    }
    assert page.caption == (
        "Last ferry. sydney harbour. Fähre am Abend. ferry, harbour. Zoë. "
        "The Rocks, Sydney, New South Wales, Australia. "
        "Friday 3 May 2019, autumn. Australia 2019. Canon EOS 5D. EF50mm f/1.8"
    )
    assert (page.text.text, page.text.source, page.width, page.height) == ("", "none", 60.0, 40.0)
    assert page.problem == ""


@pytest.mark.parametrize("form", [*FORMATS, "GIF", "BMP"])
def test_a_photo_about_which_nothing_is_known_is_found_by_its_name(tmp_path: Path, form: str) -> None:
    path = write_photo(tmp_path / "Pictures" / "blue_door.png", noise(9, 9), form=form)
    document, page = read(path)
    assert page.caption == document.title == "blue door"
    assert document.date is None
    assert document.metadata == {"width": 9, "height": 9}


# Where the stored picture's red, green, blue and white quarters are seen, for each orientation (EXIF 2.32, 4.6.4).
SEEN = {1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "BRWG", 7: "WGBR", 8: "GWRB"}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_shown_as_it_was_held(tmp_path: Path, form: str, orientation: int) -> None:
    write_photo(tmp_path / "x", corners(80, 40), form=form, exif=exif(orientation=orientation))
    document, page = read(tmp_path / "x")
    size = (80, 40) if orientation < 5 else (40, 80)
    assert (page.width, page.height) == size
    assert (document.metadata["width"], document.metadata["height"]) == size
    picture = render_page(tmp_path / "x", 1, longest=1000)
    assert picture.size == size
    assert picture.mode == "RGB"
    width, height = size
    quarters = [picture.getpixel((x * width // 4, y * height // 4)) for y in (1, 3) for x in (1, 3)]
    assert "".join(colour_name(pixel) for pixel in quarters) == SEEN[orientation]


def colour_name(pixel: object) -> str:
    assert isinstance(pixel, tuple)
    high = tuple(value > 128 for value in pixel)
    return {(True, False, False): "R", (False, True, False): "G", (False, False, True): "B"}.get(high, "W")


def test_a_picture_is_made_smaller_but_never_larger(tmp_path: Path) -> None:
    noise(300, 200).save(tmp_path / "x.jpg")
    assert render_page(tmp_path / "x.jpg", 1, longest=150).size == (150, 100)
    assert render_page(tmp_path / "x.jpg", 1, longest=3000).size == (300, 200)
    with pytest.raises(ReadError, match="found page 2"):
        render_page(tmp_path / "x.jpg", 2, longest=10)


def test_cmyk_photos_are_read(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "x.jpg", quality=95)
    assert read(tmp_path / "x.jpg")[1].width == 16
    assert colour_name(render_page(tmp_path / "x.jpg", 1, longest=16).getpixel((8, 8))) == "R"


@pytest.mark.parametrize("form", [*FORMATS, "GIF", "BMP"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_a_truncated_picture_is_damaged(tmp_path: Path, form: str, kept: float) -> None:
    path = tmp_path / "x"
    noise(200, 150).save(path, form)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert code_of(path) == "damaged"


def png_without_pixels(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [
        (2**31 - 1, 2**31 - 1, "too-large"),
        (15000, 15000, "too-large"),
        (16320, 12240, "damaged"),  # the 200 megapixels of a phone are not too large, only their content is missing
    ],
)
def test_a_picture_too_large_to_decode_is_refused_before_that(
    tmp_path: Path, width: int, height: int, code: str
) -> None:
    (tmp_path / "x.png").write_bytes(png_without_pixels(width, height))
    assert code_of(tmp_path / "x.png") == code


def test_what_is_missing_or_no_picture_is_a_read_error(tmp_path: Path) -> None:
    assert code_of(tmp_path / "nowhere.jpg") == "vanished"
    (tmp_path / "x.jpg").write_bytes(b"BM is how this text begins, and no picture")
    assert code_of(tmp_path / "x.jpg") == "unsupported"
    (tmp_path / "y.jpg").write_bytes(b"\xff\xd8\xff")
    assert code_of(tmp_path / "y.jpg") == "damaged"


@pytest.mark.filterwarnings("ignore:.*EXIF")
@pytest.mark.parametrize(
    "content", [b"", b"Exif\0\0", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0" + bytes(range(256))]
)
def test_broken_exif_does_not_cost_the_photo(tmp_path: Path, content: bytes) -> None:
    noise(20, 10).save(tmp_path / "x.jpg", exif=content)
    document, page = read(tmp_path / "x.jpg")
    assert (document.date, page.width) == (None, 20.0)
    assert render_page(tmp_path / "x.jpg", 1, longest=100).size == (20, 10)


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(content=st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_whatever_stands_where_metadata_should_the_photo_is_read(tmp_path: Path, content: bytes) -> None:
    path = write_photo(
        tmp_path / "x.jpg", noise(9, 9), exif=b"Exif\0\0II*\0\x08\0\0\0" + content, xmp=content, iptc=content
    )
    assert read(path)[1].width == 9


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("form", [*FORMATS, "GIF", "BMP"])
def test_a_file_with_flipped_bits_is_read_or_is_a_read_error(tmp_path: Path, form: str) -> None:
    entries = exif_of_a_trip()
    path = write_photo(
        tmp_path / "x", noise(40, 30), form=form, exif=entries, xmp=xmp(title="a title", keywords=["a", "b"])
    )
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(30):
        content = bytearray(whole)
        for at in random.integers(0, min(len(content), 2_000), 3):
            content[at] ^= 1 << int(random.integers(8))
        path.write_bytes(content)
        for attempt in (lambda: read(path), lambda: render_page(path, 1, longest=20)):
            with suppress(ReadError):
                attempt()


@pytest.mark.parametrize(
    "place",
    [
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (51.0, 0.0), 3: "E", 4: (7.0, 0.0, 0.0)},
        {1: "N", 2: (51.0, 0.0, 0.0)},
    ],
)
def test_a_place_that_cannot_be_is_left_out(tmp_path: Path, place: dict[int, object]) -> None:
    entries = Image.Exif()
    entries.get_ifd(0x8825).update(place)
    noise(20, 10).save(tmp_path / "x.jpg", exif=entries)
    assert "latitude" not in read(tmp_path / "x.jpg")[0].metadata


def test_a_date_that_cannot_be_is_left_out(tmp_path: Path) -> None:
    entries = Image.Exif()
    entries.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"
    noise(20, 10).save(tmp_path / "x.jpg", exif=entries)
    assert read(tmp_path / "x.jpg")[0].date is None


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("Apple", "iPhone 12", "Apple iPhone 12"),
        ("Leica", "", "Leica"),
        ("", "X100", "X100"),
        ("", "", ""),
    ],
)
def test_a_camera_is_named_once(make: str, model: str, name: str) -> None:
    assert camera_name(make, model) == name


def test_dates_are_written_as_people_do() -> None:
    assert format_date(datetime(2019, 5, 3)) == "3 May 2019"
