"""OCR of documents whose words are known to be complete reads their bitmaps only."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pagelens.core.types import ImageArray
from pagelens.ingest.ocr.engines import Ocr, OcrSettings
from pagelens.ingest.ocr.page_ocr import add_recognised_text
from pagelens.ingest.ocr.recognition import RecognisedWord
from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.pdf_reader import open_document
from pagelens.ingest.readers.reflowable_reader import open_document as open_text
from tests.ingest.scans import LINES, picture_of, scan


@dataclass
class CountingRecogniser:
    """A recogniser that finds the same word on every image and keeps the images."""

    words: Sequence[RecognisedWord] = (RecognisedWord("outlines", 10, 10, 40, 30, 0, 0, 0.99),)
    shown: list[ImageArray] = field(default_factory=list)
    name: str = "counting 1"

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        self.shown.append(image)
        return list(self.words)


def shown_parts(content: bytes, folder: Path) -> tuple[list[ImageArray], list[ImageArray]]:
    """Return what OCR is shown of a PDF, and of one whose words are known to be complete."""
    path = folder / "a.pdf"
    path.write_bytes(content)
    engines = CountingRecogniser(), CountingRecogniser()
    with open_document(path, sha256="0", size=len(content)) as opened:
        for engine, has_all_words in zip(engines, (False, True), strict=True):
            document, ocr = replace(opened, has_all_words=has_all_words), Ocr(OcrSettings(), partial(_given, engine))
            list(add_recognised_text(document.pages(1), "office", document, ocr))
    return engines[0].shown, engines[1].shown


def _given(engine: CountingRecogniser, _: OcrSettings) -> CountingRecogniser:
    return engine


def test_a_short_page_without_bitmaps_is_not_read(tmp_path: Path) -> None:
    pdf = pymupdf.open()
    page = pdf.new_page()
    page.insert_text((72, 72), "few words")
    page.draw_rect(pymupdf.Rect(100, 200, 300, 400), fill=(0, 0, 0))
    unsure, complete = shown_parts(pdf.tobytes(), tmp_path)
    assert (len(unsure), len(complete)) == (1, 0)


def test_a_bitmap_is_read_alone(tmp_path: Path) -> None:
    (whole,), (bitmap,) = shown_parts(scan(picture_of(*LINES), header="Received 4 May"), tmp_path)
    assert bitmap.shape[0] < whole.shape[0]


def test_pages_drawn_from_a_text_are_not_read_though_a_line_is_drawn_below_its_heading(tmp_path: Path) -> None:
    path, engine = tmp_path / "note.md", CountingRecogniser()
    path.write_text("# Pier five\n\nTimber came in.\n")
    with open_text(path, sha256="0", size=path.stat().st_size) as opened:
        [page] = add_recognised_text(opened.pages(1), "text", opened, Ocr(OcrSettings(), partial(_given, engine)))
    assert page.text.text == "Pier five\n\nTimber came in." and not engine.shown
