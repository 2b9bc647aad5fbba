"""The log of what a page draws says the same as MuPDF's own lists, which take longer to make."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pagelens.ingest.readers.drawing_log import FAINT, LIGHT, log_drawing
from pagelens.ingest.readers.hidden_text import _may_need_rendering, _needs_rendering, _PageContent, find_visible_words
from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.pdf_reader import open_document
from tests.ingest.files import noise
from tests.ingest.readers.test_hidden_text import VISIBLE, WAYS, png

SHADES = (0.0, 0.3, 0.6, LIGHT - 0.02, LIGHT + 0.02, 0.97, 1.0)


def plain(mupdf_page: Any) -> None:
    mupdf_page.insert_text((72, 300), "nothing hides this")


def beside_fills(mupdf_page: Any) -> None:
    mupdf_page.draw_rect((50, 400, 300, 420), fill=(0.5, 0, 0), color=None)
    mupdf_page.insert_text((72, 300), "nothing hides this", color=(0, 0, 0.4))


def underlined(mupdf_page: Any) -> None:
    mupdf_page.insert_text((72, 300), "nothing hides this")
    mupdf_page.draw_line((72, 302), (200, 302))
    mupdf_page.draw_line((60, 250), (60, 320))


def pictures_before_and_after(mupdf_page: Any) -> None:
    mupdf_page.insert_image((50, 500, 300, 560), stream=png(noise(50, 12)))
    mupdf_page.insert_text((72, 300), "nothing hides this")
    mupdf_page.insert_image((50, 600, 300, 660), stream=png(noise(50, 13)))


def masked_pictures(mupdf_page: Any) -> None:
    mupdf_page.insert_image((50, 500, 300, 560), stream=png(noise(50, 12).convert("RGBA")))
    mupdf_page.insert_image((50, 600, 300, 660), stream=png(noise(50, 13)))
    half = noise(40, 10).convert("RGBA")
    half.putalpha(90)
    mupdf_page.insert_image((50, 700, 300, 760), stream=png(half))


def at_random(mupdf_page: Any) -> None:
    """Draw rectangles and texts of several shades anywhere, also beside the page."""
    chance = random.Random(mupdf_page.number)
    for number in range(12):
        x, y = chance.uniform(-150, 600), chance.uniform(-50, 850)
        shade = (chance.choice(SHADES),) * 3
        if chance.random() < 0.3:
            mupdf_page.draw_rect((x, y, x + chance.uniform(1, 200), y + chance.uniform(1, 30)), fill=shade, color=None)
        else:
            opacity = chance.choice((1, 1, 1, FAINT / 2, 2 * FAINT))
            mupdf_page.insert_text((x, y), f"word number {number}", color=shade, fill_opacity=opacity)


def is_odd(span: dict[str, Any]) -> bool:
    red, green, blue = span["color"] if len(span["color"]) == 3 else (0, 0, 0)
    return bool(span["type"] == 3 or span["opacity"] < FAINT or 0.299 * red + 0.587 * green + 0.114 * blue > LIGHT)


@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize(
    "way", [plain, beside_fills, underlined, pictures_before_and_after, masked_pictures, at_random, *WAYS]
)
def test_areas_and_colours_are_those_of_mupdfs_lists(way: Callable[[Any], None], rotation: int) -> None:
    mupdf_page = pymupdf.open().new_page()
    mupdf_page.insert_text((72, 100), VISIBLE)
    way(mupdf_page)
    mupdf_page.set_rotation(rotation)
    log, drawn = log_drawing(mupdf_page), mupdf_page.get_bboxlog()
    assert mupdf_page.rotation == rotation
    assert log.texts == [area for kind, area in drawn if kind.endswith("text")]
    assert log.fills == [area for kind, area in drawn if kind in ("fill-path", "fill-image", "fill-shade")]
    paths = [area for kind, area in drawn if kind in ("fill-path", "stroke-path")]
    assert log.rules == [area for area in paths if area[2] - area[0] > area[3] - area[1]]
    assert log.has_bitmaps == bool(mupdf_page.get_image_info())
    opaque = [info["bbox"] for info in mupdf_page.get_image_info() if not info["has-mask"]]
    assert np.allclose(np.reshape(log.opaque, (-1, 4)), np.reshape(opaque, (-1, 4)))
    first = next(at for at, (kind, _) in enumerate(drawn) if kind.endswith("text"))
    assert log.images == [area for kind, area in drawn[first:] if kind == "fill-image"]
    assert log.may_vanish == any(map(is_odd, mupdf_page.get_texttrace()))


def test_where_bitmaps_stand_is_the_same_for_a_page_that_was_just_read(tmp_path: Path) -> None:
    pdf = pymupdf.open()
    for way in (plain, pictures_before_and_after, beside_fills):
        way(pdf.new_page())
    (tmp_path / "x.pdf").write_bytes(pdf.tobytes())
    with open_document(tmp_path / "x.pdf", sha256="0", size=1) as opened:
        unread = [opened.bitmap_boxes(number).tolist() for number in (1, 2, 3)]
        assert list(map(len, unread)) == [0, 2, 0]
        for page in opened.pages(1):
            assert [opened.bitmap_boxes(number).tolist() for number in (1, 2, 3)] == unread, page.number


def test_texts_are_within_a_page_that_holds_all_of_them() -> None:
    mupdf_page = pymupdf.open().new_page(width=400, height=300)
    mupdf_page.insert_text((72, 100), VISIBLE)
    assert log_drawing(mupdf_page).is_within(400, 300)
    for x, y in ((-5, 100), (380, 100), (72, 5), (72, 301)):
        beyond = pymupdf.open().new_page(width=400, height=300)
        beyond.insert_text((x, y), VISIBLE)
        assert not log_drawing(beyond).is_within(400, 300)


def test_letters_are_looked_at_one_by_one_only_where_that_decides() -> None:
    """A page whose letters need a rendered page is never taken for one that does not, by the ink of its texts."""
    pdf = pymupdf.open()
    needed = 0
    for _ in range(60):
        mupdf_page = pdf.new_page()
        at_random(mupdf_page)
        content = _PageContent(mupdf_page)
        assert _may_need_rendering(content) or not _needs_rendering(content)
        needed += _needs_rendering(content)
        words = mupdf_page.get_text("words")
        boxes = np.array([word[:4] for word in words])
        visible = find_visible_words(mupdf_page, [word[4] for word in words], boxes, boxes)
        assert visible.mask.any()
    assert needed > 10
    plain_page = pdf.new_page()
    plain(plain_page)
    content = _PageContent(plain_page)
    assert not _may_need_rendering(content)
    assert "spans" not in vars(content), "no letter was traced"
