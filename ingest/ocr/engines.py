"""The one place that loads an OCR engine, when it is first needed. Knows their names, imports no library."""

from typing import assert_never

from pagelens.ingest.ocr.page_ocr import OcrSettings
from pagelens.ingest.ocr.recognition import TextRecogniser


def load_recogniser(settings: OcrSettings) -> TextRecogniser:
    """Return the engine that the settings name. Raises UsageError where it cannot read what is asked; WeightsError."""
    if settings.engine == "rapidocr":
        from pagelens.ingest.ocr.rapidocr_engine import RapidRecogniser

        return RapidRecogniser(languages=settings.languages, threads=settings.threads)
    if settings.engine == "tesseract":
        from pagelens.ingest.ocr.tesseract_engine import TesseractRecogniser

        return TesseractRecogniser(languages=settings.languages, threads=settings.threads)
    assert_never(settings.engine)
