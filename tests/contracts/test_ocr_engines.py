"""What every OCR engine keeps, whichever program is behind it."""

import shutil
from collections.abc import Callable

import numpy as np
import pytest

from pagelens.core.types import ImageArray
from pagelens.ingest.ocr.engines import OcrSettings, load_recogniser
from pagelens.ingest.ocr.recognition import RecognisedWord, TextRecogniser
from pagelens.ingest.text.page_text import Word, assemble_text
from tests.ingest.scans import LINES, drawn, picture_of, written_page


def rapidocr() -> TextRecogniser:
    return load_recogniser(OcrSettings(engine="rapidocr"))


def tesseract() -> TextRecogniser:
    if shutil.which("tesseract") is None:
        pytest.skip("the program tesseract is not installed")
    return load_recogniser(OcrSettings(engine="tesseract"))


@pytest.fixture(scope="module", params=[rapidocr, tesseract], ids=lambda make: make.__name__)
def engine(request: pytest.FixtureRequest) -> TextRecogniser:
    make: Callable[[], TextRecogniser] = request.param
    return make()


def as_text(words: list[RecognisedWord], picture: ImageArray) -> str:
    height, width = picture.shape[:2]
    return assemble_text([Word(*word[:7]) for word in words], width=width, height=height).text


def test_a_page_is_read_word_for_word_line_by_line(engine: TextRecogniser) -> None:
    picture = picture_of(*LINES)
    words = engine.recognise(picture)
    assert as_text(words, picture).split() == " ".join(LINES).split()
    assert [" ".join(word.text for word in words if word.line == line) for line in range(3)] == list(LINES)


def test_boxes_stand_where_the_file_has_its_words(engine: TextRecogniser) -> None:
    page = written_page(*LINES)[0]
    picture = drawn(page)
    scale = picture.shape[1] / page.rect.width
    truth = [np.array(word[:4]) * scale for word in page.get_text("words")]
    for word, (x0, y0, x1, y1) in zip(engine.recognise(picture), truth, strict=True):
        height = y1 - y0  # of the line, ascenders and descenders counted
        assert abs(word.x0 - x0) < 0.35 * height and abs(word.x1 - x1) < 0.35 * height
        assert y0 - 0.3 * height < word.y0 < (y0 + y1) / 2 < word.y1 < y1 + 0.3 * height


def test_a_clean_page_has_a_high_confidence_between_0_and_1(engine: TextRecogniser) -> None:
    beliefs = [word.confidence for word in engine.recognise(picture_of(*LINES))]
    assert all(0 <= belief <= 1 for belief in beliefs)
    assert np.mean(beliefs) > 0.9


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_rotated_page_is_read_and_its_boxes_rotate_with_it(engine: TextRecogniser, quarters: int) -> None:
    # Enough lines for Tesseract's orientation detection, which wants a few dozen letters.
    upright = picture_of(*LINES)
    turned = np.ascontiguousarray(np.rot90(upright, quarters))
    words = engine.recognise(turned)
    assert [word.text for word in words] == " ".join(LINES).split()
    for straight, word in zip(engine.recognise(upright), words, strict=True):
        mask = np.zeros(upright.shape[:2], np.bool_)
        mask[round(straight.y0) : round(straight.y1), round(straight.x0) : round(straight.x1)] = True
        rows, columns = np.nonzero(np.rot90(mask, quarters))
        expected = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
        assert np.abs(np.array(word[1:5]) - expected).max() < 12  # pixels; a line is 40 high


def test_words_of_a_line_and_lines_of_a_block_are_adjacent(engine: TextRecogniser) -> None:
    words = engine.recognise(picture_of(*LINES))
    for numbers in ([word.line for word in words], [word.block for word in words]):
        assert numbers == sorted(numbers) and numbers[0] == 0


def test_the_same_picture_gives_the_very_same_words(engine: TextRecogniser) -> None:
    picture = picture_of(*LINES)
    assert engine.recognise(picture) == engine.recognise(picture)


@pytest.mark.parametrize("shape", [(200, 300), (40, 400), (1, 1), (3, 500)])
def test_a_blank_picture_has_no_words(engine: TextRecogniser, shape: tuple[int, int]) -> None:
    assert engine.recognise(np.full((*shape, 3), 255, np.uint8)) == []


def test_white_on_black_and_a_read_only_picture_are_read(engine: TextRecogniser) -> None:
    picture = 255 - picture_of(*LINES)
    picture.flags.writeable = False
    assert {word.text for word in engine.recognise(picture)} >= {"Quarterly", "harbour", "Seven"}


def test_the_engine_has_a_name_and_version(engine: TextRecogniser) -> None:
    name, version = engine.name.split()
    assert name in ("rapidocr", "tesseract") and version[0].isdecimal()
