"""Reads pages with whatever pagelens is on the path and prints their words with boxes; a process of its own for that.

Takes JSON lines `[path, number]` on its input and prints the package's file, then a JSON line for each page: the words'
boxes (0..1) in the order of the page's text. Pages without a text layer are read by OCR.
"""

import json
import sys
from pathlib import Path

import pagelens.core
from pagelens.ingest.ocr.engines import Ocr, OcrSettings, load_recogniser
from pagelens.ingest.page_processing import ProcessingOptions, ReadJob, process_pages
from pagelens.ingest.readers.pdf.pdf_reader import open_document


def read_page(path: Path, number: int, options: ProcessingOptions) -> list[list[float]]:
    """Return the boxes of a page's words (n, 4) in the order of its text."""
    job = ReadJob(path=path, kind="pdf", sha256="", size=0, first=number)
    with open_document(path, sha256="", size=0) as opened:
        page = next(iter(process_pages(job, opened, number, options))).page
    order = page.text.spans[:, 0].argsort(kind="stable")
    boxes: list[list[float]] = page.text.boxes[order].tolist()
    return boxes


def main() -> None:
    """Read the pages named on the input."""
    options = ProcessingOptions(ocr=Ocr(OcrSettings(), load_recogniser))
    print(json.dumps(pagelens.core.__file__), flush=True)
    for line in sys.stdin:
        path, number = json.loads(line)
        print(json.dumps(read_page(Path(path), number, options)), flush=True)


if __name__ == "__main__":
    main()
