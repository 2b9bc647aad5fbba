"""Tesseract: the program is run once for each image.

It takes about half the time of RapidOCR on clean pages, is far worse on poor ones, and reads any language whose data is
installed.
"""

import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence

from PIL import Image

from pagelens.core.errors import UsageError
from pagelens.core.types import ImageArray
from pagelens.ingest.ocr.languages import SCRIPT_LANGUAGES, TESSERACT_NAMES, tesseract_name
from pagelens.ingest.ocr.recognition import RecognisedWord, RecognitionError

_PROGRAM = "tesseract"
_DETECT_SCRIPT, _DETECT_ORIENTATION, _UPRIGHT, _SINGLE_WORD = "0", "1", "3", "8"  # page segmentation modes
_ORIENTATION_DATA = "osd"
_SCRIPT = re.compile(r"^Script: (\w+)$", re.MULTILINE)
_WORD_LEVEL = "5"  # of the rows of its table
_TIMEOUT = 120  # seconds for one image


_MAX_LANGUAGES = 3  # of one script, read at once: each makes the reading slower


class TesseractRecogniser:
    """Reads the given languages; without any, those of the image's script whose data is installed, else English."""

    def __init__(self, *, languages: Sequence[str] = (), threads: int = 1) -> None:
        """Find the program and its data. Raises UsageError where they are not installed."""
        program = shutil.which(_PROGRAM)
        if program is None:
            raise UsageError(
                "expected the program tesseract, found none: install it (Debian: apt install tesseract-ocr; "
                "macOS: brew install tesseract), or choose the engine rapidocr"
            )
        self._program = program
        self._environment = {**os.environ, "OMP_THREAD_LIMIT": str(max(1, threads))}
        installed = self._output("--list-langs").splitlines()[1:]
        self._installed = installed
        self._detects_script = not languages and _ORIENTATION_DATA in installed
        self._languages = _data_names(languages, installed)
        self._modes = [_DETECT_ORIENTATION] if _ORIENTATION_DATA in installed else []
        self._modes.append(_UPRIGHT)
        self._version = self._output("--version").split()[1]

    @property
    def name(self) -> str:
        """The engine and its version."""
        return f"tesseract {self._version}"

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        """Return the words on an image; see `TextRecogniser.recognise`. Raises RecognitionError."""
        names = self.data_names(self.script(image)) if self._detects_script else ""
        ppm = _ppm(image)
        for mode in self._modes:
            # Without enough text to detect the orientation Tesseract returns nothing: then assume upright text.
            words = list(_parse_words(self._run(ppm, mode, names or self._languages, "tsv")))
            if words:
                return words
        return []

    def read_words(self, images: Sequence[ImageArray]) -> list[str]:
        """Return the text of each image of a word; all are read in one run. Raises RecognitionError."""
        if not images:
            return []
        first, *others = map(Image.fromarray, images)
        pages = io.BytesIO()
        first.save(pages, "tiff", save_all=True, append_images=others)
        texts = self._run(pages.getvalue(), _SINGLE_WORD, self._languages).split("\f")
        if len(texts) not in (len(images), len(images) + 1):  # a form feed ends each, or parts them
            raise RecognitionError(f"expected the texts of {len(images)} words from tesseract, found {len(texts)}")
        return [text.strip() for text in texts[: len(images)]]

    def script(self, image: ImageArray) -> str:
        """Return the script of an image's text as Tesseract names it, "Cyrillic"; "" where it cannot tell."""
        try:
            found = _SCRIPT.search(self._run(_ppm(image), _DETECT_SCRIPT, _ORIENTATION_DATA))
        except RecognitionError:  # too little text, or its data is missing
            return ""
        return found[1] if found else ""

    def data_names(self, script: str) -> str:
        """Return the installed data for a script's languages, joined by "+"; "" where there is none."""
        names = [TESSERACT_NAMES[code] for code in SCRIPT_LANGUAGES.get(script, ())]
        return "+".join([name for name in names if name in self._installed][:_MAX_LANGUAGES])

    def _run(self, image: bytes, mode: str, languages: str, *output: str) -> str:
        command = [self._program, "stdin", "stdout", "--psm", mode, "-l", languages, *output]
        try:
            done = subprocess.run(
                command, input=image, capture_output=True, env=self._environment, timeout=_TIMEOUT, check=True
            )
        except subprocess.TimeoutExpired as exc:
            raise RecognitionError(f"tesseract took more than {_TIMEOUT} s for a picture") from exc
        except subprocess.CalledProcessError as exc:
            stderr = exc.stderr.decode(errors="replace").strip()[-200:]
            raise RecognitionError(f"tesseract gave up on a picture: {stderr or exc}") from exc
        except OSError as exc:
            raise RecognitionError(f"tesseract cannot be run: {exc}") from exc
        return done.stdout.decode(errors="replace")

    def _output(self, option: str) -> str:
        try:
            done = subprocess.run([self._program, option], capture_output=True, timeout=_TIMEOUT, check=True)
        except (OSError, subprocess.SubprocessError) as exc:
            raise UsageError(f"expected a working tesseract, found {exc}: install it again") from exc
        return done.stdout.decode(errors="replace")


def _ppm(image: ImageArray) -> bytes:
    height, width = image.shape[:2]
    return b"P6\n%d %d\n255\n" % (width, height) + image.tobytes()


def _data_names(languages: Sequence[str], installed: Sequence[str]) -> str:
    readable = [name for name in installed if name != _ORIENTATION_DATA]
    names = [tesseract_name(code) for code in languages] or (["eng"] if "eng" in readable else readable)
    missing = [name for name in names if name not in readable]
    if missing or not names:
        expected = missing or ["eng"]
        raise UsageError(
            f"expected Tesseract's data for {', '.join(expected)}, found {', '.join(readable) or 'none'}: install it "
            f"(Debian: apt install {' '.join('tesseract-ocr-' + name.replace('_', '-') for name in expected)})"
        )
    return "+".join(names)


def _parse_words(table: str) -> Iterator[RecognisedWord]:
    """Yield the words of a TSV table.

    Its columns: level, page, block, paragraph, line, word, left, top, width, height, confidence, text.
    """
    lines: dict[tuple[str, ...], int] = {}
    blocks: dict[tuple[str, ...], int] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) != 12 or cells[0] != _WORD_LEVEL or not cells[11].strip():
            continue
        left, top, width, height = map(float, cells[6:10])
        block = blocks.setdefault(tuple(cells[2:4]), len(blocks))  # a paragraph is one block here
        line = lines.setdefault(tuple(cells[2:5]), len(lines))
        confidence = min(1.0, max(0.0, float(cells[10]) / 100))
        yield RecognisedWord(
            text=cells[11],
            x0=left,
            y0=top,
            x1=left + width,
            y1=top + height,
            block=block,
            line=line,
            confidence=confidence,
        )
