"""OCR by the script of each image: what RapidOCR does not read goes to Tesseract, or the page says so."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from pagelens.core.types import ImageArray
from pagelens.ingest.ocr.engines import Ocr, OcrSettings, load_recogniser
from pagelens.ingest.ocr.page_ocr import add_recognised_text, read_photo_text
from pagelens.ingest.ocr.rapidocr_engine import RapidOcrRecogniser
from pagelens.ingest.ocr.recognition import UnreadTextError
from pagelens.ingest.ocr.script_aware import ScriptAwareRecogniser, find_tesseract
from pagelens.ingest.ocr.tesseract_engine import TesseractRecogniser
from pagelens.ingest.readers.pdf.pdf_reader import open_document
from tests.ingest.scans import scan

RUSSIAN = (
    "Все люди рождаются свободными и равными",
    "в своем достоинстве и правах. Они наделены",
    "разумом и совестью и должны поступать",
    "в отношении друг друга в духе братства.",
)
GREEK = (
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι",
    "και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "Είναι προικισμένοι με λογική.",
)
ENGLISH = ("All human beings are born free and equal", "in dignity and rights. They are endowed", "with reason.")


def picture(lines: tuple[str, ...]) -> ImageArray:
    """Return a page image with these lines, in a font of MuPDF's own that has Latin, Greek and Cyrillic letters."""
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=500, height=60 + 30 * len(lines))
        writer = pymupdf.TextWriter(page.rect)
        for number, line in enumerate(lines):
            writer.append((30, 50 + 30 * number), line, font=pymupdf.Font("helv"), fontsize=16)
        writer.write_text(page)
        pixmap = page.get_pixmap(dpi=150, alpha=False)
    return np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3)


@pytest.fixture(scope="module")
def rapidocr() -> RapidOcrRecogniser:
    return RapidOcrRecogniser()


def with_tesseract(folder: Path, monkeypatch: pytest.MonkeyPatch, data: str, script: str) -> TesseractRecogniser:
    """Return Tesseract with a shell script in its place that has this data and detects this script."""
    table = "5\t1\t1\t1\t1\t1\t10\t20\t40\t15\t96\tпрочитано\n"
    program = folder / "tesseract"
    program.write_text(
        f"#!/bin/sh\ncase $1 in --list-langs) printf 'List (3):\\n{data}\\nosd\\n'; exit;; --version) echo tesseract 9;"
        f" exit;; esac\ncat >/dev/null\necho \"$@\" >> '{folder}/calls'\n"
        f"case $4 in 0) echo 'Script: {script}';; *) printf 'header\\n{table}';; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return TesseractRecogniser()


def test_a_page_in_cyrillic_is_read_with_the_data_of_its_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rapidocr: RapidOcrRecogniser
) -> None:
    tesseract = with_tesseract(tmp_path, monkeypatch, r"eng\nrus\nukr", "Cyrillic")
    words = ScriptAwareRecogniser(rapidocr, tesseract).recognise(picture(RUSSIAN))
    assert [word.text for word in words] == ["прочитано"]
    assert "-l rus+ukr" in (tmp_path / "calls").read_text().splitlines()[-1]


def test_a_page_in_latin_letters_is_not_given_to_tesseract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rapidocr: RapidOcrRecogniser
) -> None:
    tesseract = with_tesseract(tmp_path, monkeypatch, r"eng\nrus", "Cyrillic")
    words = ScriptAwareRecogniser(rapidocr, tesseract).recognise(picture(ENGLISH))
    assert " ".join(word.text for word in words) == " ".join(ENGLISH)
    assert not (tmp_path / "calls").exists()


def test_a_page_whose_script_has_no_data_says_which_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rapidocr: RapidOcrRecogniser
) -> None:
    tesseract = with_tesseract(tmp_path, monkeypatch, "eng", "Cyrillic")
    with pytest.raises(UnreadTextError, match=r"Cyrillic script.*apt install tesseract-ocr-rus"):
        ScriptAwareRecogniser(rapidocr, tesseract).recognise(picture(RUSSIAN))


def test_without_tesseract_a_page_that_is_not_read_says_so(rapidocr: RapidOcrRecogniser) -> None:
    with pytest.raises(UnreadTextError, match=r"could not read 100% of its 4 lines.*tesseract-ocr"):
        ScriptAwareRecogniser(rapidocr, None).recognise(picture(RUSSIAN))


def test_a_page_that_is_read_with_doubt_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rapidocr: RapidOcrRecogniser
) -> None:
    """RapidOCR knows some Greek letters, of formulas, and loses the others."""
    reading = rapidocr.read(picture(GREEK))
    assert reading.doubtful == 1
    assert reading.unread < 1
    tesseract = with_tesseract(tmp_path, monkeypatch, r"eng\nell", "Greek")
    assert ScriptAwareRecogniser(rapidocr, tesseract).recognise(picture(GREEK))[0].text == "прочитано"


def test_two_lines_may_be_a_pattern(rapidocr: RapidOcrRecogniser) -> None:
    assert all(word.text == "." for word in ScriptAwareRecogniser(rapidocr, None).recognise(picture(RUSSIAN[:2])))


def test_a_photo_with_lines_that_are_not_read_has_no_text(rapidocr: RapidOcrRecogniser) -> None:
    assert read_photo_text(ScriptAwareRecogniser(rapidocr, None), picture(RUSSIAN)).text == ""


def test_tesseract_alone_takes_the_data_of_the_script_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tesseract = with_tesseract(tmp_path, monkeypatch, r"eng\nrus", "Cyrillic")
    assert tesseract.recognise(picture(RUSSIAN))
    assert "-l rus" in (tmp_path / "calls").read_text().splitlines()[-1]


def test_languages_that_are_named_are_read_whatever_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_tesseract(tmp_path, monkeypatch, r"eng\nrus", "Cyrillic")
    TesseractRecogniser(languages=["en"]).recognise(picture(RUSSIAN))
    assert "-l eng" in (tmp_path / "calls").read_text().splitlines()[-1]


def installed_data() -> set[str]:
    if shutil.which("tesseract") is None:
        return set()
    return set(subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.skipif(not {"rus", "osd"} <= installed_data(), reason="Tesseract's data rus and osd are not installed")
def test_the_real_programs_together_read_russian() -> None:
    engine = load_recogniser(OcrSettings())
    assert find_tesseract(1) is not None
    assert " ".join(word.text for word in engine.recognise(picture(RUSSIAN))) == " ".join(RUSSIAN)


def test_a_scan_that_is_not_read_is_a_page_with_a_problem(tmp_path: Path, rapidocr: RapidOcrRecogniser) -> None:
    content = scan(picture(RUSSIAN))
    (tmp_path / "scan.pdf").write_bytes(content)
    with open_document(tmp_path / "scan.pdf", sha256="0", size=len(content)) as opened:
        ocr = Ocr(OcrSettings(), lambda _: ScriptAwareRecogniser(rapidocr, None))
        (page,) = add_recognised_text(opened.pages(1), "pdf", opened, ocr)
    assert page.text.text == ""
    assert "could not read" in page.problem


def test_a_line_in_another_script_on_an_english_page_does_not_send_the_page_to_tesseract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rapidocr: RapidOcrRecogniser
) -> None:
    tesseract = with_tesseract(tmp_path, monkeypatch, r"eng\nrus", "Cyrillic")
    image = picture((*ENGLISH[:2], RUSSIAN[0]))
    assert 0.3 < rapidocr.read(image).doubtful < 0.5
    words = ScriptAwareRecogniser(rapidocr, tesseract).recognise(image)
    assert [word.text for word in words][:3] == ["All", "human", "beings"]


def test_two_lines_of_three_in_another_script_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rapidocr: RapidOcrRecogniser
) -> None:
    tesseract = with_tesseract(tmp_path, monkeypatch, r"eng\nrus", "Cyrillic")
    image = picture((ENGLISH[0], *RUSSIAN[:2]))
    assert 0.5 < rapidocr.read(image).doubtful < 0.8
    assert [word.text for word in ScriptAwareRecogniser(rapidocr, tesseract).recognise(image)] == ["прочитано"]
    assert ScriptAwareRecogniser(rapidocr, None).recognise(image), "less than the share from which a page is unread"
