"""Tesseract missing, broken or without a language: scripts in its place on PATH; the real program where installed."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.errors import UsageError
from pagelens.ingest.ocr.engines import OcrSettings, load_recogniser
from pagelens.ingest.ocr.languages import tesseract_name, two_letter_code
from pagelens.ingest.ocr.recognition import RecognitionError
from pagelens.ingest.ocr.tesseract_engine import TesseractRecogniser

TABLE = (
    "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
    "4\t1\t1\t1\t1\t0\t10\t20\t90\t15\t-1\t\n"
    "5\t1\t1\t1\t1\t1\t10\t20\t40\t15\t96.5\tlate\n"
    "5\t1\t1\t1\t1\t2\t60\t20\t40\t15\t50\ttide\n"
    "5\t1\t1\t1\t2\t1\t10\t40\t40\t15\t91\tand\n"
    "5\t1\t1\t2\t1\t1\t10\t80\t40\t15\t0\t \n"
    "5\t1\t1\t2\t1\t2\t60\t80\t40\t15\t80\tcame\n"
    "5\t1\t2\t1\t1\t1\t10\t90\t40\t15\t12\tships\n"
)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a shell script called tesseract, with the given answers, first on PATH."""
    program = folder / "tesseract"
    program.write_text(
        "#!/bin/sh\ncase $1 in --list-langs) printf 'List (2):\\neng\\nosd\\n'; exit;; --version) echo tesseract 9.9;"
        f" exit;; esac\ncat >/dev/null\n{script}\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_a_missing_program_is_reported_with_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"apt install tesseract-ocr.*rapidocr"):
        load_recogniser(OcrSettings(engine="tesseract"))


def test_a_missing_language_is_reported_with_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(UsageError, match=r"data for chi_sim, found eng.*apt install tesseract-ocr-chi-sim"):
        TesseractRecogniser(languages=["en", "zh"])


def test_a_table_becomes_words_with_paragraphs_as_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "table").write_text(TABLE)
    stand_in(tmp_path, monkeypatch, f"cat '{tmp_path / 'table'}'")
    words = TesseractRecogniser().recognise(np.zeros((100, 120, 3), np.uint8))
    assert [(word.text, word.block, word.line) for word in words] == [
        ("late", 0, 0),
        ("tide", 0, 0),
        ("and", 0, 1),
        ("came", 1, 2),
        ("ships", 2, 3),
    ]
    assert words[1][1:5] == (60, 20, 100, 35)
    assert [word.confidence for word in words] == pytest.approx([0.965, 0.5, 0.91, 0.8, 0.12])


def test_a_crash_is_an_error_of_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "echo 'Image too large' >&2; exit 1")
    with pytest.raises(RecognitionError, match="Image too large"):
        TesseractRecogniser().recognise(np.zeros((10, 10, 3), np.uint8))


@pytest.mark.parametrize(("code", "expected"), [("en", "eng"), ("DE", "deu"), ("deu", "deu"), ("chi_tra", "chi_tra")])
def test_languages_are_named_by_either_code(code: str, expected: str) -> None:
    assert tesseract_name(code) == expected


def test_three_letters_become_two() -> None:
    assert [two_letter_code(code) for code in ("deu", "EN", "zho", "chi_tra", "xyz")] == ["de", "en", "zh", "zh", "xyz"]


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="the program tesseract is not installed")
def test_the_real_program_lacks_klingon() -> None:
    with pytest.raises(UsageError, match=r"data for tlh, found .*eng"):
        TesseractRecogniser(languages=["tlh"])


def test_words_are_read_in_one_run_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, f"echo \"$@\" >> '{tmp_path / 'calls'}'; printf 'late \\n\\ftide\\n\\f'")
    images = [np.zeros((20, 30, 3), np.uint8), np.zeros((25, 40, 3), np.uint8)]
    tesseract = TesseractRecogniser()
    assert tesseract.read_words(images) == ["late", "tide"]
    assert "--psm 8 -l eng" in (tmp_path / "calls").read_text()
    assert len((tmp_path / "calls").read_text().splitlines()) == 1
    assert tesseract.read_words([]) == []
    with pytest.raises(RecognitionError, match="texts of 4 words from tesseract, found 3"):
        tesseract.read_words([*images, *images])
