"""Pixels as a viewer shows them, worked out by hand; files of many pictures; pictures too large; files that lie."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from pagelens.core.errors import ReadError
from pagelens.core.types import Page
from pagelens.ingest.files.formats import find_format, photo_format
from pagelens.ingest.readers.photos.photo_reader import open_document, render_page
from pagelens.ingest.readers.photos.pixels import MAX_PIXELS, displayed_image, open_image
from tests.ingest.files import noise
from tests.ingest.readers.photo_files import write_photo

WHITE, RED = (255, 255, 255), (255, 0, 0)


def pages_of(path: Path) -> list[Page]:
    with open_document(path, sha256="0" * 64, size=1) as opened:
        assert opened.document.page_count == len(list(opened.pages(1)))
        return list(opened.pages(1))


def code_of(path: Path) -> str:
    with pytest.raises(ReadError) as caught:
        pages_of(path)
    return caught.value.code


def shown(path: Path, at: tuple[int, int] = (4, 4)) -> tuple[int, ...]:
    pixel = render_page(path, 1, longest=64).getpixel(at)
    assert isinstance(pixel, tuple)
    return pixel


# --- modes, one pixel value each ---


@pytest.mark.parametrize(
    ("form", "mode", "value", "expected"),
    [
        ("PNG", "1", 1, WHITE),
        ("PNG", "L", 200, (200, 200, 200)),
        ("PNG", "LA", (0, 0), WHITE),
        ("PNG", "LA", (0, 128), (127, 127, 127)),  # 255 * (1 - 128 / 255)
        ("PNG", "RGBA", (255, 0, 0, 0), WHITE),
        ("PNG", "RGBA", (255, 0, 0, 51), (255, 204, 204)),  # 51 is a fifth
        ("PNG", "I;16", 65535, WHITE),
        ("PNG", "I;16", 32896, (128, 128, 128)),  # 32896 / 257
        ("PNG", "I;16", 200, (1, 1, 1)),  # nearly black, and shown so
        ("TIFF", "1", 1, WHITE),
        ("TIFF", "I;16", 32896, (128, 128, 128)),
        ("TIFF", "I;16B", 32896, (128, 128, 128)),
        ("TIFF", "F", 0.5, (128, 128, 128)),  # floats from 0 to 1
        ("TIFF", "F", 128.0, (128, 128, 128)),  # or to 255
        ("TIFF", "I", 32896, (128, 128, 128)),
        ("TIFF", "CMYK", (0, 255, 255, 0), RED),
        ("TIFF", "LAB", (255, 128, 128), WHITE),
        ("TIFF", "YCbCr", (76, 85, 255), (254, 0, 0)),  # BT.601 red, as JPEG has it
        ("TIFF", "RGBA", (255, 0, 0, 51), (255, 204, 204)),
        ("BMP", "RGB", RED, RED),
        ("BMP", "1", 0, (0, 0, 0)),
        ("GIF", "L", 77, (77, 77, 77)),
    ],
)
def test_every_kind_of_pixel_becomes_rgb_on_white(
    tmp_path: Path, form: str, mode: str, value: float | tuple[int, ...], expected: tuple[int, int, int]
) -> None:
    write_photo(tmp_path / "x", Image.new(mode, (8, 8), value), form=form)
    assert shown(tmp_path / "x") == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("bits", "order"), [(0x8080, "<"), (0xFFFF, ">"), (0x40FF, "<")])
def test_a_tiff_of_16_bits_a_channel_keeps_the_upper_eight(tmp_path: Path, bits: int, order: str) -> None:
    (tmp_path / "x.tif").write_bytes(tiff_of_16_bits(bits, order))
    assert shown(tmp_path / "x.tif", (0, 0)) == (bits >> 8, 0, 255)


def tiff_of_16_bits(red: int, order: str) -> bytes:
    """Return a TIFF of one pixel, 16 bits a channel: red as given, no green, all blue (TIFF 6.0, section 2)."""
    short, long = 3, 4
    forms = {short: f"{order}HHIH2x", long: f"{order}HHII"}
    entries = [(256, short, 1), (257, short, 1), (259, short, 1), (262, short, 2), (273, long, 128)]
    entries += [(277, short, 3), (278, short, 1), (279, long, 6)]
    fields = [struct.pack(forms[kind], tag, kind, 1, value) for tag, kind, value in entries]
    fields.insert(2, struct.pack(f"{order}HHII", 258, short, 3, 122))  # bits of each channel, at 122
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(fields))
    end = struct.pack(f"{order}I3H", 0, 16, 16, 16)
    return head + b"".join(fields) + end + struct.pack(f"{order}3H", red, 0, 0xFFFF)


def test_a_palette_with_a_transparent_colour_becomes_rgb_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.paste(1, (0, 0, 4, 8))
    for form in ("PNG", "GIF"):
        image.save(tmp_path / form, form, transparency=0)
        assert shown(tmp_path / form, (1, 1)) == (200, 0, 0)
        assert shown(tmp_path / form, (6, 6)) == WHITE


@pytest.mark.parametrize("form", ["WEBP", "AVIF", "HEIF"])
def test_transparency_of_new_formats_shows_white(tmp_path: Path, form: str) -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 255))
    image.paste((0, 0, 255, 0), (0, 0, 64, 32))
    write_photo(tmp_path / "x", image, form=form, quality=95)
    assert shown(tmp_path / "x", (32, 8)) == pytest.approx(WHITE, abs=4)
    assert shown(tmp_path / "x", (32, 56)) == pytest.approx(RED, abs=12)


# --- colour profiles ---


def swapped_profile() -> bytes:
    """Return the sRGB profile with the names of red and green exchanged: it shows green where a file says red."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for at in range(132, 132 + 12 * int.from_bytes(profile[128:132], "big"), 12):
        name = bytes(profile[at : at + 4])
        profile[at : at + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(name, name)
    return bytes(profile)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_an_embedded_profile_says_what_the_colours_are(tmp_path: Path, form: str) -> None:
    image = Image.new("RGB", (64, 64), (200, 40, 40))
    write_photo(tmp_path / "plain", image, form=form)
    write_photo(tmp_path / "profiled", image, form=form, icc_profile=swapped_profile())
    assert shown(tmp_path / "plain", (32, 32)) == pytest.approx((200, 40, 40), abs=6)
    assert shown(tmp_path / "profiled", (32, 32)) == pytest.approx((40, 200, 40), abs=6)


def test_a_profile_counts_for_transparent_and_for_palette_pictures_too(tmp_path: Path) -> None:
    image = Image.new("RGBA", (8, 8), (200, 40, 40, 255))
    image.paste((200, 40, 40, 0), (0, 0, 8, 4))
    image.save(tmp_path / "x.png", icc_profile=swapped_profile())
    assert shown(tmp_path / "x.png", (4, 1)) == WHITE
    assert shown(tmp_path / "x.png", (4, 6)) == pytest.approx((40, 200, 40), abs=2)
    image.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE).save(
        tmp_path / "p.png", icc_profile=swapped_profile()
    )
    assert shown(tmp_path / "p.png") == pytest.approx((40, 200, 40), abs=2)


def test_a_grey_picture_may_have_the_profile_of_a_colour_space(tmp_path: Path) -> None:
    Image.new("L", (8, 8), 90).save(tmp_path / "x.png", icc_profile=swapped_profile())
    assert shown(tmp_path / "x.png") == pytest.approx((90, 90, 90), abs=2)


def test_srgb_stays_what_it_is(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    noise(32, 32).save(tmp_path / "x.png", icc_profile=profile)
    decoded = np.asarray(render_page(tmp_path / "x.png", 1, longest=32)).astype(int)
    assert np.abs(decoded - np.asarray(noise(32, 32))).max() <= 1


@pytest.mark.parametrize("profile", [b"x", b"\0" * 500, swapped_profile()[:300]])
def test_a_broken_profile_does_not_cost_the_photo(tmp_path: Path, profile: bytes) -> None:
    write_photo(tmp_path / "x.jpg", Image.new("RGB", (8, 8), (200, 40, 40)), icc_profile=profile)
    assert shown(tmp_path / "x.jpg") == pytest.approx((200, 40, 40), abs=4)


def test_a_profile_of_other_colours_is_left_aside(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    Image.new("RGB", (8, 8), (200, 40, 40)).save(tmp_path / "x.png", icc_profile=lab)
    assert shown(tmp_path / "x.png") == (200, 40, 40)


# --- many pictures in a file ---


def test_a_tiff_of_many_pictures_is_a_document_of_many_pages(tmp_path: Path) -> None:
    images = [Image.new("RGB", (20 + 10 * number, 30), (50 * number, 0, 0)) for number in range(4)]
    images[0].save(tmp_path / "fax.tif", save_all=True, append_images=images[1:], compression="tiff_lzw")
    pages = pages_of(tmp_path / "fax.tif")
    assert [(page.number, page.width, page.problem) for page in pages] == [
        (1, 20, ""),
        (2, 30, ""),
        (3, 40, ""),
        (4, 50, ""),
    ]
    assert [page.caption.startswith("fax") for page in pages] == [True] * 4
    with open_document(tmp_path / "fax.tif", sha256="0" * 64, size=1) as opened:
        assert [page.number for page in opened.pages(3)] == [3, 4]
    assert [render_page(tmp_path / "fax.tif", number, longest=99).getpixel((5, 5)) for number in (1, 4)] == [
        (0, 0, 0),
        (150, 0, 0),
    ]
    with pytest.raises(ReadError, match="from 1 to 4"):
        render_page(tmp_path / "fax.tif", 5, longest=9)


def test_previews_and_masks_in_a_tiff_are_no_pages(tmp_path: Path) -> None:
    kinds = [0, 1, 0, 4]
    images = [noise(16, 16, seed) for seed in range(4)]
    for image, kind in zip(images, kinds, strict=True):
        image.encoderinfo = {"tiffinfo": {254: kind}}
    images[0].save(tmp_path / "x.tif", save_all=True, append_images=images[1:], tiffinfo={254: 0})
    assert len(pages_of(tmp_path / "x.tif")) == 2
    second = np.asarray(render_page(tmp_path / "x.tif", 2, longest=16))
    assert np.array_equal(second, np.asarray(images[2]))


def test_a_broken_picture_of_a_tiff_costs_no_other(tmp_path: Path) -> None:
    images = [noise(64, 64, seed) for seed in range(3)]
    stream = io.BytesIO()
    images[0].save(stream, "TIFF", save_all=True, append_images=images[1:], compression="tiff_adobe_deflate")
    content = bytearray(stream.getvalue())
    with Image.open(io.BytesIO(content)) as image:
        image.seek(1)
        at = image.tag_v2[273][0]  # type: ignore[attr-defined]
    content[at : at + 400] = bytes(400)
    (tmp_path / "x.tif").write_bytes(content)
    pages = pages_of(tmp_path / "x.tif")
    assert [bool(page.problem) for page in pages] == [False, True, False]
    assert "TIFF" in pages[1].problem
    with pytest.raises(ReadError):
        render_page(tmp_path / "x.tif", 2, longest=64)
    assert np.array_equal(np.asarray(render_page(tmp_path / "x.tif", 3, longest=64)), np.asarray(images[2]))


def test_a_tiff_whose_pictures_go_round_in_a_circle_ends(tmp_path: Path) -> None:
    images = [noise(8, 8, seed) for seed in range(3)]
    images[0].save(tmp_path / "x.tif", save_all=True, append_images=images[1:])
    content = bytearray((tmp_path / "x.tif").read_bytes())
    at = int.from_bytes(content[4:8], "little")
    for _ in range(2):
        at = at + 2 + 12 * int.from_bytes(content[at : at + 2], "little")
        at = int.from_bytes(content[at : at + 4], "little")
    last = at + 2 + 12 * int.from_bytes(content[at : at + 2], "little")
    content[last : last + 4] = content[4:8]
    (tmp_path / "x.tif").write_bytes(content)
    assert len(pages_of(tmp_path / "x.tif")) == 3


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_an_animation_the_first_frame_is_read_and_that_is_said(tmp_path: Path, form: str) -> None:
    first, others = (
        Image.new("RGB", (64, 64), "red"),
        [Image.new("RGB", (64, 64), "blue"), Image.new("RGB", (64, 64), "lime")],
    )
    options = {"lossless": True} if form == "WEBP" else {}
    first.save(tmp_path / "x", form, save_all=True, append_images=others, **options)
    [page] = pages_of(tmp_path / "x")
    assert page.problem == "an animation of 3 frames: only the first was read"
    assert shown(tmp_path / "x", (32, 32)) == pytest.approx(RED, abs=6)


def test_of_a_heic_of_many_pictures_the_main_one_is_read_and_that_is_said(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
    first.save(tmp_path / "x.heic", "HEIF", save_all=True, append_images=[second], primary_index=1)
    [page] = pages_of(tmp_path / "x.heic")
    assert page.problem == "holds 2 pictures: only the main one was read"
    assert shown(tmp_path / "x.heic", (32, 32)) == pytest.approx((0, 0, 255), abs=8)


# --- too large ---


def empty_jpeg(width: int, height: int, *, progressive: bool = False) -> bytes:
    """Return a JPEG whose header claims a size, with a part of the content of a small one."""
    stream = io.BytesIO()
    Image.new("L", (64, 64)).save(stream, "JPEG", progressive=progressive)
    content = bytearray(stream.getvalue())
    at = content.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content[:-30])


@pytest.mark.parametrize(
    ("width", "height", "progressive", "code"),
    [
        (30_000, 30_000, False, "damaged"),  # decoded at an eighth: only its content is missing
        (30_000, 30_000, True, "too-large"),  # all coefficients of a progressive one would be held in memory
        (40_000, 40_000, False, "too-large"),
        (16_000, 12_000, True, "damaged"),
    ],
)
def test_how_large_a_jpeg_may_be(tmp_path: Path, width: int, height: int, progressive: bool, code: str) -> None:
    (tmp_path / "x.jpg").write_bytes(empty_jpeg(width, height, progressive=progressive))
    tracemalloc.start()
    assert code_of(tmp_path / "x.jpg") == code
    with pytest.raises(ReadError):
        render_page(tmp_path / "x.jpg", 1, longest=100_000)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_a_jpeg_of_a_quarter_of_a_gigapixel_is_decoded_in_small_and_that_is_said(tmp_path: Path) -> None:
    side = 15_500
    Image.new("L", (side, side), 77).save(tmp_path / "x.jpg", quality=5)
    [page] = pages_of(tmp_path / "x.jpg")
    assert (page.width, page.height) == (side, side)
    assert page.problem == "15500 x 15500 pixels: read in reduced size"
    with open_image(tmp_path / "x.jpg") as image:
        picture = displayed_image(image, longest=100)
        assert image.size[0] <= side // 8 + 1  # what was decoded
    assert picture.size == (100, 100)
    assert picture.getpixel((50, 50)) == pytest.approx((77, 77, 77), abs=10)  # at quality 5


@pytest.mark.parametrize("form", ["GIF", "BMP", "WEBP"])
def test_a_header_that_claims_too_much_is_refused_before_decoding(tmp_path: Path, form: str) -> None:
    write_photo(tmp_path / "x", noise(16, 16), form=form)
    content = bytearray((tmp_path / "x").read_bytes())
    if form == "GIF":
        content[6:10] = struct.pack("<HH", 60_000, 60_000)
    elif form == "BMP":
        content[18:26] = struct.pack("<ii", 60_000, 60_000)
    else:
        at = content.index(b"\x9d\x01\x2a")  # VP8's start code; sizes of 14 bits follow
        content[at + 3 : at + 7] = struct.pack("<HH", 16_383, 16_383)
    (tmp_path / "x").write_bytes(content)
    assert code_of(tmp_path / "x") in ("too-large", "damaged")
    assert MAX_PIXELS < 16_383**2


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "I;16"])
def test_a_large_picture_made_small_in_bands_looks_as_made_small_at_once(tmp_path: Path, mode: str) -> None:
    rows, columns = np.mgrid[0:1500, 0:2000]
    grey = (127 + 60 * np.sin(rows / 150) + 60 * np.sin(columns / 200)).astype(np.uint8)
    image = Image.fromarray(grey)
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode == "1":
        image = image.convert("1", dither=Image.Dither.NONE)
        grey = np.asarray(image).astype(np.uint8) * 255
    elif mode != "L":
        image = image.convert(mode)
    image.save(tmp_path / "x.png")
    expected = Image.fromarray(grey).resize((200, 150), Image.Resampling.BOX)
    decoded = np.asarray(render_page(tmp_path / "x.png", 1, longest=200))[:, :, 0].astype(int)
    assert decoded.shape == (150, 200)
    assert np.abs(decoded - np.asarray(expected).astype(int)).mean() < 1


# --- texts too long, names that lie ---


def test_a_text_too_long_for_pillow_does_not_cost_the_picture(tmp_path: Path) -> None:
    texts = PngInfo()
    texts.add_text("Comment", "x" * 2_000_000, zip=True)
    noise(16, 16).save(tmp_path / "x.png", pnginfo=texts)
    with pytest.raises(ValueError, match="too large"):
        Image.open(tmp_path / "x.png").load()
    [page] = pages_of(tmp_path / "x.png")
    assert page.width == 16
    assert np.array_equal(np.asarray(render_page(tmp_path / "x.png", 1, longest=16)), np.asarray(noise(16, 16)))


def test_a_text_too_long_after_the_pixels_does_not_cost_the_picture(tmp_path: Path) -> None:
    noise(16, 16).save(tmp_path / "x.png")
    content = (tmp_path / "x.png").read_bytes()
    text = b"zTXtComment\0\0" + zlib.compress(bytes(3_000_000))
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    (tmp_path / "x.png").write_bytes(content[:-12] + chunk + content[-12:])
    assert len(pages_of(tmp_path / "x.png")) == 1


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"GIF87a", "GIF"),
        (b"MM\0+\0\x08", "TIFF"),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "BMP"),
        (b"BM is how some texts begin", None),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypavis", "AVIF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42avif", None),
        (b"II*\0\x10\0\0\0CR\x02\0", "TIFF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", None),
        (b"", None),
    ],
)
def test_a_format_is_known_by_its_first_bytes(head: bytes, form: str | None) -> None:
    assert photo_format(head) == form
    found = find_format(head, None)
    assert (found.kind if found else None) == ("photo" if form else None)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "HEIF", "AVIF"])
def test_a_photo_is_read_whatever_its_ending(tmp_path: Path, form: str) -> None:
    write_photo(tmp_path / "x.jpg", noise(16, 16), form=form)
    assert pages_of(tmp_path / "x.jpg")[0].width == 16
