"""Words of a PDF that a line is drawn through are no text of their page, and are listed in its caption."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest

from pagelens.core.types import Page
from pagelens.ingest.ocr.engines import Ocr, OcrSettings
from pagelens.ingest.ocr.page_ocr import add_recognised_text
from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.pdf_reader import _MAX_CAPTION, _drawing, _without_struck_words, open_document
from tests.ingest.test_page_ocr import ScriptedRecogniser

START, CLAUSE, END = "The tenant pays rent.", "The landlord may end the contract.", "Notice is one month."
LINE = f"{START} {CLAUSE} {END}"
BASELINE = 100.0

Draw = Callable[[Any, tuple[float, float]], None]
"""Draws on a page with LINE, whose CLAUSE reaches from one x to the other."""


def page_with(draw: Draw, *, rotation: int = 0) -> Any:
    pdf = pymupdf.open()
    page = pdf.new_page()
    page.insert_text((72, BASELINE), LINE, fontsize=11)
    page.insert_text((72, BASELINE + 40), "The rest of the page is as valid as ever.", fontsize=11)
    [quad] = page.search_for(CLAUSE)
    draw(page, (quad.x0, quad.x1))
    page.set_rotation(rotation)
    return pdf


def read(pdf: Any, folder: Path) -> Page:
    (folder / "x.pdf").write_bytes(pdf.tobytes())
    with open_document(folder / "x.pdf", sha256="0", size=1) as opened:
        (page,) = opened.pages(1)
    return page


def line(page: Any, ends: tuple[float, float], *, up: float = 3.0, beyond: float = 0.0, width: float = 0.7) -> None:
    y = BASELINE - up
    page.draw_line((ends[0] - beyond, y), (ends[1] + beyond, y), width=width)


def bar(page: Any, ends: tuple[float, float]) -> None:
    page.draw_rect((ends[0], BASELINE - 3.4, ends[1], BASELINE - 2.7), fill=(1, 0, 0), color=None)


def two_lines(page: Any, ends: tuple[float, float]) -> None:
    line(page, ends, up=2.2)
    line(page, ends, up=3.8)


def pieces(page: Any, ends: tuple[float, float]) -> None:
    """As TeX's ulem draws: a piece over each word and each blank, each overlapping the next."""
    for x in np.arange(*ends, 20.0).tolist():
        line(page, (x, min(x + 20.5, ends[1])))


def annotation(page: Any, _: tuple[float, float]) -> None:
    page.add_strikeout_annot(page.search_for(CLAUSE))


@pytest.mark.parametrize("draw", [line, bar, two_lines, pieces, annotation])
@pytest.mark.parametrize("rotation", [0, 90])
def test_words_with_a_line_through_them_are_not_text_but_listed(draw: Draw, rotation: int, tmp_path: Path) -> None:
    page = read(page_with(draw, rotation=rotation), tmp_path)
    assert "landlord" not in page.text.text
    assert START in page.text.text
    assert END in page.text.text
    assert page.caption == f"Struck out: {CLAUSE}"


def underline(page: Any, ends: tuple[float, float]) -> None:
    line(page, ends, up=-1.5)


def overline(page: Any, ends: tuple[float, float]) -> None:
    line(page, ends, up=10)


def line_of_a_chart(page: Any, _: tuple[float, float]) -> None:
    page.insert_text((72, 220), "2019 harvest", fontsize=11)
    page.draw_line((20, 217), (590, 217), width=0.7)


def underlined_label_of_a_chart(page: Any, ends: tuple[float, float]) -> None:
    line_of_a_chart(page, ends)
    page.draw_line((72, 222), (134, 222), width=0.7)


def marked_label_of_a_chart(page: Any, ends: tuple[float, float]) -> None:
    line_of_a_chart(page, ends)
    page.draw_rect((72, 211, 134, 223), fill=(1, 1, 0.2), color=None, overlay=False)


def marker_pen(page: Any, ends: tuple[float, float]) -> None:
    page.draw_rect((ends[0], BASELINE - 9, ends[1], BASELINE + 2), fill=(1, 1, 0.2), color=None, overlay=False)


def rules_beside_words(page: Any, ends: tuple[float, float]) -> None:
    line(page, (20, 70))
    line(page, (ends[1] + 130, 590))


def line_through_half_a_word(page: Any, ends: tuple[float, float]) -> None:
    line(page, (ends[0], ends[0] + 9))


@pytest.mark.parametrize(
    "draw",
    [
        underline,
        overline,
        line_of_a_chart,
        underlined_label_of_a_chart,
        marked_label_of_a_chart,
        marker_pen,
        rules_beside_words,
        line_through_half_a_word,
    ],
)
def test_words_beside_below_or_on_other_lines_stay_text(draw: Draw, tmp_path: Path) -> None:
    page = read(page_with(draw), tmp_path)
    assert CLAUSE in page.text.text
    assert page.caption == ""


def test_a_line_belongs_to_words_if_half_of_it_goes_through_them(tmp_path: Path) -> None:
    def read_with(share: float) -> Page:
        def draw(page: Any, _: tuple[float, float]) -> None:
            page.insert_text((300, 300), "cancelled", fontsize=11)
            [word] = page.search_for("cancelled")
            page.draw_line((300, 297), (300 + word.width / share, 297), width=0.7)

        return read(page_with(draw), tmp_path)

    assert read_with(0.55).caption == "Struck out: cancelled"
    assert read_with(0.45).caption == ""


@pytest.mark.parametrize(
    ("before", "behind", "is_struck"), [(0.3, 0.3, True), (0.6, 0.1, True), (0.1, 0.6, True), (0.4, 0.4, False)]
)
def test_a_line_of_a_grid_goes_on_at_both_ends(before: float, behind: float, is_struck: bool, tmp_path: Path) -> None:
    def draw(page: Any, _: tuple[float, float]) -> None:
        page.insert_text((200, 300), "page layout right", fontsize=11)
        [label] = page.search_for("page layout right")
        start, end = label.x0 - before * label.height, label.x1 + behind * label.height
        page.draw_line((start, 297), (end, 297), width=0.7)

    assert read(page_with(draw), tmp_path).caption == ("Struck out: page layout right" if is_struck else "")


@pytest.mark.parametrize(("count", "is_struck"), [(2, True), (3, False)])
def test_the_bands_of_a_shading_are_no_lines_through_words(count: int, is_struck: bool, tmp_path: Path) -> None:
    def draw(page: Any, ends: tuple[float, float]) -> None:
        for up in range(count):
            line(page, ends, up=2.0 + 1.2 * up, width=0.5)

    assert bool(read(page_with(draw), tmp_path).caption) == is_struck


def test_a_single_letter_on_a_rule_stays_and_within_a_struck_passage_goes(tmp_path: Path) -> None:
    def draw(page: Any, _: tuple[float, float]) -> None:
        page.insert_text((300, 300), "x", fontsize=11)
        page.draw_line((300, 297), (305, 297), width=0.7)
        page.insert_text((300, 400), "a car", fontsize=11)
        page.draw_line((300, 397), (326, 397), width=0.7)

    page = read(page_with(draw), tmp_path)
    assert "x" in page.text.text.split()
    assert page.caption == "Struck out: a car"


def test_ocr_does_not_see_struck_out_words(tmp_path: Path) -> None:
    recogniser = ScriptedRecogniser()
    (tmp_path / "x.pdf").write_bytes(page_with(bar).tobytes())
    with open_document(tmp_path / "x.pdf", sha256="0", size=1) as opened:
        ocr = Ocr(OcrSettings(mode="always"), lambda _: recogniser)
        list(add_recognised_text(opened.pages(1), "pdf", opened, ocr))
        [box] = opened.struck_boxes(1)[:1]
    [image] = recogniser.shown
    height, width = image.shape[:2]
    rows = slice(int(box[1] * height), int(box[3] * height))
    at_the_clause = image[rows, int(box[0] * width) : int(box[2] * width)]
    assert at_the_clause.min() > 250
    assert image[rows].min() < 100  # the sentence before it is shown


def test_a_page_whose_drawing_cannot_be_followed_keeps_its_words_and_says_so() -> None:
    class Broken:
        """A MuPDF page whose content raises."""

        rotation = 0

        @property
        def this(self) -> Any:
            raise RuntimeError("code=3: no such stream")

    words = [(72.0, 90.0, 99.0, 104.0, "valid", 0, 0)]
    drawing = _drawing(Broken())
    kept, struck, problem = _without_struck_words(Broken(), words, drawing)
    assert (drawing, kept, struck) == (None, words, "")
    assert problem == "its words could not be checked for struck-out ones (no such stream): some may not be valid"


def test_a_page_of_nothing_but_struck_out_words_has_a_caption_of_bounded_length(tmp_path: Path) -> None:
    pdf = pymupdf.open()
    pdf.new_page()
    page = pdf.new_page()
    for row in range(250):
        page.insert_text((20, 20 + 3 * row), "outdated clause number twelve of the contract", fontsize=2.5)
        page.draw_line((20, 19.4 + 3 * row), (75, 19.4 + 3 * row), width=0.1)
    (tmp_path / "x.pdf").write_bytes(pdf.tobytes())
    with open_document(tmp_path / "x.pdf", sha256="0", size=1) as opened:
        caption = list(opened.pages(1))[1].caption
    assert caption.startswith("Struck out: outdated clause")
    assert len(caption) == _MAX_CAPTION


@pytest.mark.skipif(which("chromium") is None, reason="needs Chromium")
def test_a_page_printed_by_a_browser(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f"<p>{START} <s>{CLAUSE}</s> {END} <del>199 euro</del> <u>149 euro</u></p>")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--print-to-pdf={tmp_path / 'a.pdf'}"]
    subprocess.run([*command, str(tmp_path / "a.html")], check=True, capture_output=True, timeout=120)
    page = read(pymupdf.open(tmp_path / "a.pdf"), tmp_path)
    assert page.caption == f"Struck out: {CLAUSE}; 199 euro"
    assert "149 euro" in page.text.text
    assert "landlord" not in page.text.text
