"""OCR settings, and the loading of the engine that they name when the first image is to be read."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, assert_never

from pagelens.ingest.ocr.recognition import TextRecogniser

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


class Ocr:
    """OCR settings with their engine, which `load` loads when it is first used."""

    def __init__(self, settings: OcrSettings, load: Callable[[OcrSettings], TextRecogniser]) -> None:
        self.settings = settings
        self._load = load
        self._recogniser: TextRecogniser | None = None

    def __reduce__(self) -> tuple[type["Ocr"], tuple[OcrSettings, Callable[[OcrSettings], TextRecogniser]]]:
        """Pickle without the engine, which the other process loads again."""
        return Ocr, (self.settings, self._load)

    @property
    def recogniser(self) -> TextRecogniser:
        """The engine. Raises UsageError or WeightsError where it cannot be loaded."""
        if self._recogniser is None:
            self._recogniser = self._load(self.settings)
            log.info("reading pictures with %s", self._recogniser.name)
        return self._recogniser


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
