"""OCR of pages: when it is needed, which words are kept, and what happens when it fails."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pagelens.core.errors import UsageError, WeightsError
from pagelens.core.types import ImageArray, Page, PageText
from pagelens.ingest.ocr.engines import Ocr, OcrMode, OcrSettings, load_recogniser, load_word_reader
from pagelens.ingest.ocr.page_ocr import (
    MAX_PIXELS,
    add_recognised_text,
    layer_verdict,
    longest_side,
    read_image_text,
    read_photo_text,
)
from pagelens.ingest.ocr.recognition import RecognisedWord, RecognitionError, TextRecogniser
from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.pdf_reader import open_document
from pagelens.ingest.readers.reader import ReadWords
from pagelens.ingest.text.layer_quality import LAYER_DOUBTFUL
from pagelens.ingest.text.page_text import Word, assemble_text
from pagelens.ingest.text.usable_text import WORDS_LOST
from tests.ingest.files import hand_written_pdf, new_pdf, noise
from tests.ingest.readers.letter_pages import letter_page
from tests.ingest.scans import LINES, picture_of, png, scan, written_page

SENTENCE = "The harbour master writes down which ships came in and which of them left again in the evening. "


@dataclass
class ScriptedRecogniser:
    """A recogniser that returns the same words for every image and keeps the images."""

    words: Sequence[RecognisedWord] = ()
    shown: list[ImageArray] = field(default_factory=list)
    name: str = "scripted 1"

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        self.shown.append(image)
        return list(self.words)


class Fails:
    """A recogniser that fails on every image."""

    name = "fails 1"

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        raise RecognitionError("no more memory for the picture")


def word(text: str, at: float, belief: float = 0.9, line: int = 0) -> RecognisedWord:
    return RecognisedWord(text, at, 10, at + 30, 30, 0, line, belief)


def pages_of(content: bytes, folder: Path, engine: TextRecogniser | None = None, **settings: Any) -> list[Page]:
    path = folder / "x.pdf"
    path.write_bytes(content)
    ocr = Ocr(OcrSettings(**settings), load_recogniser if engine is None else lambda _: engine)
    with open_document(path, sha256="0", size=len(content)) as opened:
        return list(add_recognised_text(opened.pages(1), "pdf", opened, ocr))


@pytest.fixture(scope="module")
def rapidocr() -> TextRecogniser:
    return load_recogniser(OcrSettings())


def quoted(page: Page, words: str) -> Any:
    """Return the bounding box of the boxes of some words of a page, in points of the displayed page."""
    start = page.text.text.index(words)
    boxes = np.array(page.text.boxes_of(start, start + len(words)))
    box = (*boxes[:, :2].min(0), *boxes[:, 2:].max(0))
    return np.array(box) * (page.width, page.height, page.width, page.height)


def test_a_scan_is_read_and_says_so(tmp_path: Path, rapidocr: TextRecogniser) -> None:
    (page,) = pages_of(scan(picture_of(*LINES)), tmp_path, rapidocr)
    assert page.text.text.split() == " ".join(LINES).split()
    assert page.text.source == "ocr" and page.problem == ""
    assert page.text.confidence is not None and 0.9 < page.text.confidence <= 1


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_boxes_of_a_scan_are_those_of_the_page_as_displayed(
    tmp_path: Path, rapidocr: TextRecogniser, rotation: int
) -> None:
    # The scan lies turned in the file and /Rotate sets it right, as scanners do it.
    upright = written_page(*LINES)[0]
    truth = np.array(upright.search_for("came in before noon")[0])
    turned = np.ascontiguousarray(np.rot90(picture_of(*LINES), rotation // 90))
    (page,) = pages_of(scan(turned, rotation=rotation), tmp_path, rapidocr)
    assert (round(page.width), round(page.height)) == (320, 120)
    assert np.abs(quoted(page, "came in before noon") - truth).max() < 5  # points; a line is 19 high


@pytest.mark.parametrize("quarters", [1, 2])
def test_a_scan_fed_in_the_wrong_way_is_read_where_it_stands(
    tmp_path: Path, rapidocr: TextRecogniser, quarters: int
) -> None:
    turned = np.ascontiguousarray(np.rot90(picture_of(*LINES), quarters))
    (page,) = pages_of(scan(turned), tmp_path, rapidocr)
    assert page.text.text.split() == " ".join(LINES).split()
    x0, y0, x1, y1 = quoted(page, "Seven ships")
    assert (y1 - y0 > x1 - x0) == (quarters == 1)  # a line that stands has a box that stands


def test_a_noisy_slightly_turned_scan_is_read(tmp_path: Path, rapidocr: TextRecogniser) -> None:
    page = written_page(*LINES)[0]
    pixels = page.get_pixmap(matrix=pymupdf.Matrix(150 / 72, 150 / 72).prerotate(2), alpha=False)
    picture = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3)
    grain = np.random.default_rng(0).normal(0, 25, picture.shape)
    found = read_image_text(rapidocr, np.clip(picture + grain, 0, 255).astype(np.uint8))
    assert found.text.split() == " ".join(LINES).split()


def test_a_scan_under_a_header_keeps_the_header_and_gets_the_rest(tmp_path: Path, rapidocr: TextRecogniser) -> None:
    (page,) = pages_of(scan(picture_of(*LINES), header="Received 4 May, Bates 00017"), tmp_path, rapidocr)
    layer, rest = page.text.text.split("\n\n", 1)
    assert layer == "Received 4 May, Bates 00017"
    assert rest.split() == " ".join(LINES).split()
    assert page.text.source == "both" and (page.text.confidence or 0) > 0.9
    for (start, end), expected in zip(page.text.spans, page.text.text.split(), strict=True):
        assert page.text.text[start:end] == expected
    assert quoted(page, "Quarterly report")[1] > quoted(page, "Received")[3]


def figure_page() -> bytes:
    """Return a page of text with a chart that is a bitmap, on the lower half."""
    pdf = new_pdf(SENTENCE * 8)
    pdf[0].insert_image(pymupdf.Rect(100, 400, 420, 520), stream=png(picture_of("Landings in tons", "Cod 4711")))
    return bytes(pdf.tobytes())


def test_words_of_a_figure_join_the_text_of_the_page(tmp_path: Path, rapidocr: TextRecogniser) -> None:
    (page,) = pages_of(figure_page(), tmp_path, rapidocr)
    layer, figure = page.text.text.rsplit("\n\n", 1)
    assert layer.split() == (SENTENCE * 8).split()
    assert figure.split() == "Landings in tons Cod 4711".split()
    x0, y0, x1, y1 = quoted(page, "4711")
    assert 100 < x0 < x1 < 420 and 400 < y0 < y1 < 520


def test_only_the_figure_is_shown_to_the_engine_and_the_layers_words_are_painted_over(tmp_path: Path) -> None:
    engine = ScriptedRecogniser()
    (page,) = pages_of(figure_page(), tmp_path, engine)
    (shown,) = engine.shown
    assert abs(shown.shape[1] - 320 / 72 * 150) < 4 and abs(shown.shape[0] - 120 / 72 * 150) < 4
    assert page.text.source == "layer" and page.text.confidence is None


def test_a_page_of_few_words_is_read_everywhere_since_letters_may_be_outlines(tmp_path: Path) -> None:
    engine = ScriptedRecogniser()
    pages_of(scan(picture_of(*LINES), header="Received 4 May"), tmp_path, engine)
    (shown,) = engine.shown
    assert abs(shown.shape[0] - 160 / 72 * 150) < 2
    assert (shown[20:60] == 255).all()  # the header, painted over


def test_a_word_that_overlaps_a_word_of_the_layer_is_not_added_again(tmp_path: Path) -> None:
    pdf = pymupdf.open(stream=scan(picture_of(*LINES)))
    pdf[0].insert_text((20, 115), "Received", fontsize=8)  # a stamp on the scan, as text
    x0, y0, x1, y1 = (np.array(pdf[0].search_for("Received")[0]) * 150 / 72).tolist()
    again = RecognisedWord("Recelved", x0 + 2, y0 - 1, x1 + 3, y1 + 1, 0, 0, 0.9)
    others = [word(text, 50) for text in ("one", "two", "three")]
    (page,) = pages_of(pdf.tobytes(), tmp_path, ScriptedRecogniser([again, *others]))
    assert page.text.text == "Received\n\none two three"


def test_a_logo_and_doubtful_words_beside_a_layer_are_left_out(tmp_path: Path) -> None:
    for words in ([word("ACME", 0), word("Inc", 40)], [word(text, 0, 0.7) for text in ("a", "b", "c", "d")]):
        (page,) = pages_of(figure_page(), tmp_path, ScriptedRecogniser(words))
        assert page.text.source == "layer"


def test_a_garbage_layer_is_replaced(tmp_path: Path, rapidocr: TextRecogniser) -> None:
    pdf = new_pdf("".join(chr(ord(char) - 29) if char.isalpha() else " " for char in SENTENCE * 4))
    pdf[0].draw_rect(pdf[0].rect, fill=(1, 1, 1))  # what was drawn is hidden; the layer stays
    pdf[0].insert_image(pymupdf.Rect(72, 72, 392, 192), stream=png(picture_of(*LINES)))
    (page,) = pages_of(pdf.tobytes(), tmp_path, rapidocr)
    assert page.text.text.split() == " ".join(LINES).split() and page.text.source == "ocr"


def test_a_page_whose_words_cannot_be_decoded_is_read_by_ocr_and_loses_its_problem(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(new_pdf(SENTENCE * 8).tobytes())
    with open_document(path, sha256="0", size=1) as opened:
        for recogniser, source, problem in (
            (ScriptedRecogniser([word("read", 0)]), "ocr", ""),
            (ScriptedRecogniser(), "layer", WORDS_LOST),
        ):
            lost = [replace(page, problem=WORDS_LOST) for page in opened.pages(1)]
            ocr = Ocr(OcrSettings(), lambda _, recogniser=recogniser: recogniser)  # type: ignore[misc]
            (page,) = add_recognised_text(lost, "pdf", opened, ocr)
            assert (page.text.source, page.problem) == (source, problem)


@pytest.mark.parametrize("content", [lambda: new_pdf(""), lambda: new_pdf(SENTENCE * 8), lambda: new_pdf("Page 1")])
def test_no_engine_is_loaded_for_pages_that_need_none(tmp_path: Path, content: Callable[[], Any]) -> None:
    # A blank page, a page of text, and one with little more than nothing on it.
    def unwanted(settings: OcrSettings) -> TextRecogniser:
        raise AssertionError("loaded")

    path = tmp_path / "x.pdf"
    path.write_bytes(content().tobytes())
    with open_document(path, sha256="0", size=1) as opened:
        plain = list(opened.pages(1))
        found = list(add_recognised_text(plain, "pdf", opened, Ocr(OcrSettings(), unwanted)))
    assert found == plain


def underlined_page() -> bytes:
    pdf = new_pdf("Page 1")
    pdf[0].draw_line((72, 300), (300, 300), width=3)
    return bytes(pdf.tobytes())


def page_with_glyphs_of_unknown_names() -> bytes:
    """Return a page with a word in Helvetica, and one whose font names its glyphs as no list does."""
    content = "BT /F1 12 Tf 72 700 Td (Page) Tj /F2 12 Tf 90 0 Td (ABCDE) Tj ET"
    names = "<</Type/Encoding/Differences[65/zz1/zz2/zz3/zz4/zz5]>>"
    return hand_written_pdf(
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R/F2 6 0 R>>>>>>",
            f"<</Length {len(content)}>>\nstream\n{content}\nendstream",
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            f"<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding {names}>>",
        ]
    )


@pytest.mark.parametrize(
    ("content", "is_looked_at"),
    [(new_pdf("Page 1").tobytes(), False), (underlined_page(), True), (page_with_glyphs_of_unknown_names(), True)],
)
def test_a_short_page_is_looked_at_only_where_more_than_its_words_may_be_seen(
    tmp_path: Path, content: bytes, is_looked_at: bool
) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(content)
    looked_at: list[int] = []
    with open_document(path, sha256="0", size=1) as opened:

        def look(number: int, longest: int) -> Image.Image:
            looked_at.append(number)
            return opened.render_page(number, longest)

        watched = replace(opened, render_page=look)
        list(add_recognised_text(opened.pages(1), "pdf", watched, Ocr(OcrSettings(), lambda _: ScriptedRecogniser())))
    assert looked_at == [1] * is_looked_at


MODES: list[tuple[OcrMode, str, int]] = [("never", "none", 0), ("auto", "ocr", 1), ("always", "ocr", 2)]


@pytest.mark.parametrize(("mode", "source", "shown"), MODES)
def test_the_mode_decides_which_pages_are_read(tmp_path: Path, mode: OcrMode, source: str, shown: int) -> None:
    pdf = pymupdf.open(stream=scan(picture_of(*LINES)))
    pdf.insert_pdf(new_pdf(SENTENCE * 8))
    engine = ScriptedRecogniser([word("word", 0)])
    first, second = pages_of(pdf.tobytes(), tmp_path, engine, mode=mode)
    assert (first.text.source, len(engine.shown)) == (source, shown)
    assert second.text.source == ("ocr" if mode == "always" else "layer")


def test_a_page_on_which_ocr_finds_nothing_keeps_its_layer(tmp_path: Path) -> None:
    (page,) = pages_of(new_pdf(SENTENCE * 8).tobytes(), tmp_path, ScriptedRecogniser(), mode="always")
    assert page.text.source == "layer" and page.text.text.startswith("The harbour")


def test_a_page_that_ocr_cannot_read_stays_with_the_reason_and_the_others_are_read(tmp_path: Path) -> None:
    pdf = pymupdf.open(stream=scan(picture_of(*LINES)))
    pdf.insert_pdf(new_pdf(SENTENCE * 8))
    pdf.insert_pdf(pymupdf.open(stream=scan(picture_of(*LINES), header="Bates 7")))
    first, second, third = pages_of(pdf.tobytes(), tmp_path, Fails())
    assert first.problem == third.problem and "no more memory for the picture" in first.problem
    assert first.text.source == "none" and third.text.text == "Bates 7" and second.problem == ""


def test_an_engine_that_cannot_be_loaded_is_an_error_of_the_caller(tmp_path: Path) -> None:
    def missing(settings: OcrSettings) -> TextRecogniser:
        raise WeightsError("no models")

    path = tmp_path / "x.pdf"
    path.write_bytes(scan(picture_of(*LINES)))
    with open_document(path, sha256="0", size=1) as opened, pytest.raises(WeightsError, match="no models"):
        list(add_recognised_text(opened.pages(1), "pdf", opened, Ocr(OcrSettings(), missing)))


def test_doubtful_words_are_dropped_and_the_confidence_is_the_mean_of_the_rest() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    found = read_image_text(
        ScriptedRecogniser([word("sure", 0, 0.9), word("likely", 50, 0.6), word("guess", 100, 0.2)]), picture
    )
    assert found.text == "sure likely" and found.confidence == pytest.approx(0.75)
    np.testing.assert_allclose(found.boxes[0], [0, 0.1, 0.15, 0.3], atol=1e-6)


def test_nothing_found_is_no_text() -> None:
    found = read_image_text(ScriptedRecogniser(), np.zeros((10, 10, 3), np.uint8))
    assert (found.text, found.source, found.confidence) == ("", "none", None)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([word("STOP", 0, 0.99)], "STOP"),
        ([word("STOP", 0, 0.8)], ""),  # a fence
        ([word("方", 0, 0.95), word("X", 40, 0.95)], ""),  # a window, a pair of skis
        ([word("No", 0, 0.95), word("7", 40, 0.95), word("junk", 80, 0.6)], "No 7"),
    ],
)
def test_a_photo_has_text_only_where_some_word_is_surely_one(words: list[RecognisedWord], text: str) -> None:
    found: PageText = read_photo_text(ScriptedRecogniser(words), np.zeros((100, 200, 3), np.uint8))
    assert found.text == text and found.source == ("ocr" if text else "none")


def test_photos_without_writing_stay_without(rapidocr: TextRecogniser) -> None:
    folder = Path(__file__).parents[2] / ".." / "shared" / "data" / "photos-dev" / "photos"
    if not folder.is_dir():
        pytest.skip("the development photos are not at hand")
    from PIL import Image

    # Bricks, faces and branches that RapidOCR takes for letters when it is believed at once.
    names = ("2714878018_1593c38d69", "3106562372_e349a27764", "3360994630_d4616c1b14", "2504277798_936a09c74d")
    for name in names:
        photo = np.asarray(Image.open(folder / f"{name}.jpg").convert("RGB"))
        assert read_image_text(rapidocr, photo).text and read_photo_text(rapidocr, photo).source == "none"


def test_noise_has_no_text(rapidocr: TextRecogniser) -> None:
    assert read_photo_text(rapidocr, np.asarray(noise(300, 200))).source == "none"


def test_pages_are_rendered_at_the_given_resolution_and_huge_ones_smaller() -> None:
    assert longest_side(612, 792, 150) == 1650
    assert longest_side(1190.5, 842, 72) == 1190
    side = longest_side(14400, 14400, 150)
    assert side * side <= MAX_PIXELS < (side + 2) ** 2


def test_threads_do_not_change_what_is_read(rapidocr: TextRecogniser) -> None:
    picture = picture_of(*LINES)
    two = load_recogniser(OcrSettings(threads=2)).recognise(picture)
    one = rapidocr.recognise(picture)
    assert [found[:7] for found in two] == [found[:7] for found in one]
    np.testing.assert_allclose([found.confidence for found in two], [found.confidence for found in one], atol=1e-3)


def test_languages_that_no_model_reads_are_refused_with_the_next_step() -> None:
    with pytest.raises(UsageError, match="tesseract"):
        load_recogniser(OcrSettings(languages=("en", "ru")))


def test_nothing_heavy_is_imported_until_a_picture_is_read() -> None:
    code = (
        "import sys, pagelens.ingest.pipeline, pagelens.ingest.ocr.engines; "
        "print(sorted({'cv2', 'rapidocr', 'onnxruntime', 'PIL', 'pymupdf'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def remapped_pdf(*lines: str, ranges: str = "<41> <5A> <0024> <61> <7A> <0044>", size: float = 14) -> bytes:
    """Return a page that shows these lines and whose map to Unicode names other letters: by default 29 before them."""
    first, last, to, *more = ranges.split()
    entries = [(first, last, to), *zip(more[::3], more[1::3], more[2::3], strict=True)]
    ranges_text = "\n".join(" ".join(entry) for entry in entries)
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
        f"1 begincodespacerange <00> <FF> endcodespacerange {len(entries)} beginbfrange\n{ranges_text}\nendbfrange\n"
        "endcmap end end"
    )
    shown = "\n".join(f"1 0 0 1 30 {360 - 28 * row} Tm ({line}) Tj" for row, line in enumerate(lines))
    content = f"BT /F1 {size} Tf\n{shown}\nET"
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 480 400]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode 6 0 R>>",
        f"<</Length {len(cmap)}>>stream\n{cmap}\nendstream",
    )
    return hand_written_pdf(objects)


GLASSHOUSE = ("Invoice for the glasshouse", "Seven panes replaced in Yarrow Street", "Total due 318 crowns")
REVERSED = "<61> <6D> <006E> <6E> <7A> <0061> <41> <4D> <004E> <4E> <5A> <0041>"  # each letter 13 places on


@pytest.mark.parametrize("ranges", ["<41> <5A> <0024> <61> <7A> <0044>", REVERSED])
def test_a_short_layer_of_wrong_letters_is_read_by_ocr(tmp_path: Path, rapidocr: TextRecogniser, ranges: str) -> None:
    content = remapped_pdf(*GLASSHOUSE, ranges=ranges)
    (page,) = pages_of(content, tmp_path, rapidocr)
    assert page.text.text.split() == " ".join(GLASSHOUSE).split()
    assert page.text.source == "ocr" and page.problem == ""
    (page,) = pages_of(content, tmp_path, rapidocr, mode="never")
    assert page.text.source == "layer" and page.problem == LAYER_DOUBTFUL


def test_codes_that_look_like_junk_are_kept_where_the_page_shows_them(tmp_path: Path, rapidocr: TextRecogniser) -> None:
    codes = ("XKCD QWFP BCDFG ZXCV", "PLMK QAZX WSXE DCRF", "VTGB YHNU JMKL QLPQ")
    content = bytes(written_page(*codes).tobytes())
    assert pages_of(content, tmp_path, mode="never")[0].problem == LAYER_DOUBTFUL
    (page,) = pages_of(content, tmp_path, rapidocr)
    assert page.text.source == "layer" and page.problem == "" and page.text.text.split() == " ".join(codes).split()


def test_cyrillic_that_was_stored_as_latin_is_decoded_and_the_page_says_so(tmp_path: Path) -> None:
    lines = ("Линзу протирали каждое утро", "Лодка стоит у восточного причала")
    stored = [line.encode("cp1251").decode("latin_1") for line in lines]
    latin = ScriptedRecogniser([word("Nmh3y npotnpann", 10), word("kaxxnoe ytpo", 50)])
    (page,) = pages_of(bytes(written_page(*stored).tobytes()), tmp_path, latin)
    assert page.text.text.split() == " ".join(lines).split() and page.text.source == "layer"
    assert page.problem.startswith(LAYER_DOUBTFUL) and page.problem.endswith("cp1251")
    cyrillic = ScriptedRecogniser([word(part, 40.0 * at) for at, part in enumerate(lines[0].split())])
    (page,) = pages_of(bytes(written_page(*stored).tobytes()), tmp_path, cyrillic)
    assert page.problem == "" and page.text.source == "layer"  # OCR reads what was decoded


def junk_layer() -> tuple[PageText, ImageArray]:
    lines = ("6HYHQ SDQHV UHSODFHG LQ DUURZ", "7RWDO GXH FURZQV IRU WKH JODVVKRXVH")
    words = [
        Word(part, 20, 30 + 28 * y, 300, 50 + 28 * y, 0, y) for y, line in enumerate(lines) for part in line.split()
    ]
    return assemble_text(words, width=320, height=120), picture_of(*LINES)


@pytest.mark.parametrize(
    ("reading", "belief", "verdict"),
    [
        ("Total due crowns for the glasshouse", 0.9, "wrong"),
        ("Total due crowns for the glasshouse", 0.79, "unknown"),
        ("6HYHQ SDQHV UHSODEHG LQ DUURZ", 0.5, "right"),
        ("Qxzvk jwpqr zzkxv qqwjx vxkzq jjwqx", 0.9, "unknown"),  # OCR's own letters are in no language
        ("Total", 0.99, "unknown"),
        ("", 0.99, "unknown"),
    ],
)
def test_a_doubtful_layer_is_judged_by_one_line_of_ocr(reading: str, belief: float, verdict: str) -> None:
    layer, image = junk_layer()
    engine = ScriptedRecogniser([word(part, 40.0 * at, belief) for at, part in enumerate(reading.split())])
    assert layer_verdict(layer, image, engine) == verdict
    (shown,) = engine.shown
    assert shown.shape[0] < 0.5 * image.shape[0]  # one line, not the page


def test_a_sound_layer_is_never_replaced(tmp_path: Path) -> None:
    layer = assemble_text([Word(part, 0.1, 0.1, 0.9, 0.2, 0, 0) for part in SENTENCE.split()])
    other = ScriptedRecogniser([word("Something", 0), word("else", 40), word("entirely", 80)])
    assert layer_verdict(layer, picture_of(*LINES), other) == "unknown"


def page_lacking_letters() -> bytes:
    """A page whose first word has a glyph for which the file names no letter."""
    letters = dict(zip("abcdefgh", ["क", "\ufffd", "ल", "म", "न", "त", "द", "प"], strict=True))
    lines = " ".join(f"1 0 0 1 50 {700 - 30 * at} Tm (abc defg hdgf cdhe fdac) Tj" for at in range(12))
    page = letter_page(f"BT /helv 14 Tf {lines} ET", letters)
    return bytes(page.parent.tobytes())


def read_with(word_reader: ReadWords | None, folder: Path) -> tuple[Page, list[str]]:
    """The page as it is read with this reader of words, and the scripts that one was asked for."""
    scripts: list[str] = []

    def load_word_reader(_: OcrSettings, script: str) -> ReadWords | None:
        scripts.append(script)
        return word_reader

    path = folder / "x.pdf"
    path.write_bytes(page_lacking_letters())
    ocr = Ocr(OcrSettings(), lambda _: ScriptedRecogniser(), load_word_reader)
    with open_document(path, sha256="0", size=path.stat().st_size) as opened:
        (page,) = add_recognised_text(opened.pages(1), "pdf", opened, ocr)
    return page, scripts


def test_glyphs_without_letters_are_read_by_ocr_of_their_script_and_the_page_says_so(tmp_path: Path) -> None:
    page, scripts = read_with(lambda images: ["कन्दल"] * len(images), tmp_path)
    assert scripts == ["Devanagari"]
    assert page.text.text.startswith("कन्दल मनतद") and "\ufffd" not in page.text.text
    assert page.text.source == "layer"
    assert page.problem == "the file has no letters for 1 of its glyphs: they were read from its picture"


def test_glyphs_that_ocr_does_not_read_are_counted_and_the_layer_is_doubtful(tmp_path: Path) -> None:
    page, _ = read_with(lambda images: [""] * len(images), tmp_path)
    assert page.text.text.startswith("क\ufffdल")
    assert page.problem.startswith(LAYER_DOUBTFUL) and page.problem.endswith("from its picture, 1 of them not")


def test_without_ocr_of_their_script_the_layer_is_doubtful_as_before(tmp_path: Path) -> None:
    page, _ = read_with(None, tmp_path)
    assert page.text.text.startswith("क\ufffdल") and page.problem == LAYER_DOUBTFUL


def test_the_reader_of_words_needs_data_of_its_script_and_languages_that_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tesseract"
    program.write_text(
        "#!/bin/sh\ncase $1 in --list-langs) printf 'List (2):\\nmar\\neng\\n'; exit;; --version) echo tesseract 9;"
        ' exit;; esac\ncat >/dev/null\necho "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    read_words = load_word_reader(OcrSettings(), "Devanagari")
    assert read_words is not None and "-l mar" in read_words([np.zeros((9, 9, 3), np.uint8)])[0]
    assert load_word_reader(OcrSettings(), "Bengali") is None
    assert load_word_reader(OcrSettings(languages=("en",)), "Devanagari") is None
    assert load_word_reader(OcrSettings(languages=("mr",)), "Devanagari") is not None
