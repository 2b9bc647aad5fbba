"""OCR settings, and the loading of the engine that they name when the first image is to be read."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, assert_never

from pagelens.core.errors import UsageError
from pagelens.ingest.ocr.languages import SCRIPT_LANGUAGES
from pagelens.ingest.ocr.recognition import TextRecogniser
from pagelens.ingest.readers.reader import ReadWords

log = logging.getLogger(__name__)

OcrMode = Literal["auto", "always", "never"]
EngineName = Literal["rapidocr", "tesseract"]


@dataclass(frozen=True, slots=True)
class OcrSettings:
    """Which page images are read by OCR, and how. Plain values that can be sent to worker processes."""

    mode: OcrMode = "auto"  # auto: where the text layer is missing or unusable, or images may hold further text
    engine: EngineName = "rapidocr"
    languages: tuple[str, ...] = ()  # ISO 639 codes; empty: the engine's default languages
    dpi: int = 150  # at which PDF pages are rendered
    threads: int = 1


def load_word_reader(settings: OcrSettings, script: str) -> ReadWords | None:
    """Return what reads single words in a script: Tesseract, with the data of the first of the script's languages.

    None where Tesseract or its data is not installed, or the settings name other languages.
    """
    codes = [code for code in SCRIPT_LANGUAGES.get(script, ()) if code in (settings.languages or (code,))]
    from pagelens.ingest.ocr.tesseract_engine import TesseractRecogniser

    for code in codes:
        with suppress(UsageError):
            return TesseractRecogniser(languages=(code,), threads=settings.threads).read_words
    return None


LoadWordReader = Callable[[OcrSettings, str], ReadWords | None]


class Ocr:
    """OCR settings with their engine, which `load` loads when it is first used."""

    def __init__(
        self,
        settings: OcrSettings,
        load: Callable[[OcrSettings], TextRecogniser],
        load_word_reader: LoadWordReader = load_word_reader,
    ) -> None:
        self.settings = settings
        self._load = load
        self._load_word_reader = load_word_reader
        self._recogniser: TextRecogniser | None = None
        self._word_readers: dict[str, ReadWords | None] = {}

    def __reduce__(self) -> tuple[type["Ocr"], tuple[object, ...]]:
        """Pickle without the engines, which the other process loads again."""
        return Ocr, (self.settings, self._load, self._load_word_reader)

    @property
    def recogniser(self) -> TextRecogniser:
        """The engine. Raises UsageError or WeightsError where it cannot be loaded."""
        if self._recogniser is None:
            self._recogniser = self._load(self.settings)
            log.info("reading pictures with %s", self._recogniser.name)
        return self._recogniser

    def word_reader(self, script: str) -> ReadWords | None:
        """Return what reads images of single words in a script ("Devanagari"); None where nothing does."""
        if script not in self._word_readers:
            self._word_readers[script] = self._load_word_reader(self.settings, script)
        return self._word_readers[script]


def load_recogniser(settings: OcrSettings) -> TextRecogniser:
    """Load the engine that the settings name.

    Raises UsageError where it is not installed or cannot read the languages; WeightsError where its files are damaged.
    """
    if settings.engine == "rapidocr":
        from pagelens.ingest.ocr.rapidocr_engine import RapidOcrRecogniser
        from pagelens.ingest.ocr.script_aware import ScriptAwareRecogniser, find_tesseract

        rapidocr = RapidOcrRecogniser(languages=settings.languages, threads=settings.threads)
        if settings.languages:
            return rapidocr
        return ScriptAwareRecogniser(rapidocr, find_tesseract(settings.threads))
    if settings.engine == "tesseract":
        from pagelens.ingest.ocr.tesseract_engine import TesseractRecogniser

        return TesseractRecogniser(languages=settings.languages, threads=settings.threads)
    assert_never(settings.engine)
