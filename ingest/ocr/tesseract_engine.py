"""Tesseract: the program where it is installed, one run for each picture. No Python package beside it.

Knows the program's TSV; does not know pages. About half as dear as RapidOCR on clean pages and far worse on poor ones;
any language whose data is installed.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence

from pagelens.core.errors import UsageError
from pagelens.core.types import ImageArray
from pagelens.ingest.ocr.languages import tesseract_name
from pagelens.ingest.ocr.recognition import RecognisedWord, RecognitionError

_PROGRAM = "tesseract"
_WITH_ORIENTATION, _AS_IT_STANDS = "1", "3"  # page segmentation modes
_ORIENTATION_DATA = "osd"
_WORD_LEVEL = "5"
_SECONDS = 120


class TesseractRecogniser:
    """Reads the languages whose data is installed; English where none is named."""

    def __init__(self, *, languages: Sequence[str] = (), threads: int = 1) -> None:
        """Look for the program and its data. Raises UsageError where they are not installed."""
        program = shutil.which(_PROGRAM)
        if program is None:
            raise UsageError(
                "expected the program tesseract, found none: install it (Debian: apt install tesseract-ocr; "
                "macOS: brew install tesseract), or choose the engine rapidocr"
            )
        self._program = program
        self._environment = {**os.environ, "OMP_THREAD_LIMIT": str(max(1, threads))}
        installed = self._said("--list-langs").splitlines()[1:]
        self._languages = _chosen(languages, installed)
        self._modes = [_WITH_ORIENTATION] if _ORIENTATION_DATA in installed else []
        self._modes.append(_AS_IT_STANDS)
        self._version = self._said("--version").split()[1]

    @property
    def name(self) -> str:
        """The engine and its version."""
        return f"tesseract {self._version}"

    def recognise(self, picture: ImageArray) -> list[RecognisedWord]:
        """Return the words on a picture; see `pagelens.ingest.ocr.recognition.TextRecogniser`. Raises RecognitionError."""
        height, width = picture.shape[:2]
        image = b"P6\n%d %d\n255\n" % (width, height) + picture.tobytes()
        for mode in self._modes:
            # Where too little is written to tell which way is up, Tesseract returns nothing: once more as it stands.
            words = list(_words(self._run(image, mode)))
            if words:
                return words
        return []

    def _run(self, image: bytes, mode: str) -> str:
        command = [self._program, "stdin", "stdout", "--psm", mode, "-l", self._languages, "tsv"]
        try:
            done = subprocess.run(
                command, input=image, capture_output=True, env=self._environment, timeout=_SECONDS, check=True
            )
        except subprocess.TimeoutExpired as exc:
            raise RecognitionError(f"tesseract took more than {_SECONDS} s for a picture") from exc
        except subprocess.CalledProcessError as exc:
            said = exc.stderr.decode(errors="replace").strip()[-200:]
            raise RecognitionError(f"tesseract gave up on a picture: {said or exc}") from exc
        except OSError as exc:
            raise RecognitionError(f"tesseract cannot be run: {exc}") from exc
        return done.stdout.decode(errors="replace")

    def _said(self, option: str) -> str:
        try:
            done = subprocess.run([self._program, option], capture_output=True, timeout=_SECONDS, check=True)
        except (OSError, subprocess.SubprocessError) as exc:
            raise UsageError(f"expected a working tesseract, found {exc}: install it again") from exc
        return done.stdout.decode(errors="replace")


def _chosen(languages: Sequence[str], installed: Sequence[str]) -> str:
    readable = [name for name in installed if name != _ORIENTATION_DATA]
    asked = [tesseract_name(code) for code in languages] or (["eng"] if "eng" in readable else readable)
    missing = [name for name in asked if name not in readable]
    if missing or not asked:
        wanted = missing or ["eng"]
        raise UsageError(
            f"expected Tesseract's data for {', '.join(wanted)}, found {', '.join(readable) or 'none'}: install it "
            f"(Debian: apt install {' '.join('tesseract-ocr-' + name.replace('_', '-') for name in wanted)})"
        )
    return "+".join(asked)


def _words(table: str) -> Iterator[RecognisedWord]:
    """Yield the words of a TSV: level, page, block, paragraph, line, word, left, top, width, height, belief, text."""
    lines: dict[tuple[str, ...], int] = {}
    blocks: dict[tuple[str, ...], int] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) != 12 or cells[0] != _WORD_LEVEL or not cells[11].strip():
            continue
        left, top, width, height = map(float, cells[6:10])
        block = blocks.setdefault(tuple(cells[2:4]), len(blocks))  # paragraphs are our blocks
        line = lines.setdefault(tuple(cells[2:5]), len(lines))
        belief = min(1.0, max(0.0, float(cells[10]) / 100))
        yield RecognisedWord(cells[11], left, top, left + width, top + height, block, line, belief)
