"""How often a file is opened while its pages are read range by range."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from PIL.Image import Image

from pagelens.core.types import Kind
from pagelens.ingest.page_processing import ProcessingOptions, ReadJob
from pagelens.ingest.page_ranges import MAX_OPEN_PAGES, PageRangeReader
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.pdf_reader import open_document
from pagelens.ingest.readers.reader import OpenedDocument, Reader
from pagelens.ingest.readers.registry import load_reader
from tests.ingest.files import new_pdf, numbered_pages

RANGE = 4  # pages


class CountingReader:
    """A reader that counts how often files are opened and closed."""

    def __init__(self, kind: Kind) -> None:
        self._reader = load_reader(kind)
        self.opened = self.closed = 0

    def load(self, kind: Kind, options: ReaderOptions) -> Reader:
        return self

    @contextmanager
    def open_document(
        self, path: Path, *, sha256: str, size: int, other_paths: Sequence[Path] = ()
    ) -> Iterator[OpenedDocument]:
        self.opened += 1
        with self._reader.open_document(path, sha256=sha256, size=size, other_paths=other_paths) as opened:
            yield opened
        self.closed += 1

    def render_page(self, path: Path, number: int, *, longest: int) -> Image:
        return self._reader.render_page(path, number, longest=longest)


def read_in_ranges(path: Path, count: int) -> tuple[CountingReader, list[str]]:
    """Return the reader that read a PDF in ranges, and the texts of its pages."""
    counting = CountingReader("pdf")
    reader = PageRangeReader(ProcessingOptions(load_reader=counting.load))
    job = ReadJob(path=path, kind="pdf", sha256="0" * 64, size=path.stat().st_size, first=1)
    texts = [
        page.text.text
        for first in range(1, count + 1, RANGE)
        for page, _ in reader.pages(job, first, min(first + RANGE - 1, count))
    ]
    return counting, texts


def with_unknown_operator(pdf: Any, number: int) -> bytes:
    """Return a PDF in which MuPDF warns of a page's content."""
    [content] = pdf[number - 1].get_contents()
    pdf.update_stream(content, pdf.xref_stream(content) + b"\nq q q 1 0 0 scn (open")
    return bytes(pdf.tobytes())


def test_a_sound_pdf_is_opened_once_and_closed_after_its_last_page(tmp_path: Path) -> None:
    path = tmp_path / "sound.pdf"
    path.write_bytes(new_pdf(*numbered_pages(12)).tobytes())
    counting, texts = read_in_ranges(path, 12)
    assert (counting.opened, counting.closed) == (1, 1)
    assert [text.split(".")[0] for text in texts] == [f"Page number {number}" for number in range(1, 13)]


def test_a_pdf_is_opened_again_after_a_range_with_a_broken_page(tmp_path: Path) -> None:
    path = tmp_path / "broken.pdf"
    path.write_bytes(with_unknown_operator(new_pdf(*numbered_pages(12)), 6))
    counting, texts = read_in_ranges(path, 12)
    assert (counting.opened, counting.closed) == (2, 2)
    assert len(texts) == 12


def test_a_long_pdf_is_opened_again_now_and_then(tmp_path: Path) -> None:
    assert MAX_OPEN_PAGES == 64
    path = tmp_path / "long.pdf"
    path.write_bytes(new_pdf(*["text"] * (MAX_OPEN_PAGES + 1)).tobytes())
    counting, texts = read_in_ranges(path, MAX_OPEN_PAGES + 1)
    assert (counting.opened, counting.closed) == (2, 2)
    assert texts == ["text"] * (MAX_OPEN_PAGES + 1)


def opened(content: bytes, path: Path) -> AbstractContextManager[OpenedDocument]:
    path.write_bytes(content)
    return open_document(path, sha256="0" * 64, size=len(content))


def test_a_pdf_is_sound_until_something_broken_was_read(tmp_path: Path) -> None:
    with opened(with_unknown_operator(new_pdf(*numbered_pages(3)), 2), tmp_path / "x.pdf") as pdf:
        pages = pdf.pages(1)
        next(pages)
        assert pdf.is_sound()
        next(pages)
        assert not pdf.is_sound()
        next(pages)
        assert not pdf.is_sound()


def test_a_repaired_pdf_and_a_form_are_never_sound(tmp_path: Path) -> None:
    whole = new_pdf(*numbered_pages(3)).tobytes()
    with opened(whole[: whole.rindex(b"startxref")], tmp_path / "cut.pdf") as pdf:
        assert not pdf.is_sound()
    form = new_pdf(*numbered_pages(3))
    widget = pymupdf.Widget()
    widget.field_name, widget.field_type = "name", pymupdf.PDF_WIDGET_TYPE_TEXT
    widget.rect = pymupdf.Rect(72, 300, 200, 320)
    form[0].add_widget(widget)
    with opened(form.tobytes(), tmp_path / "form.pdf") as pdf:
        assert not pdf.is_sound()
