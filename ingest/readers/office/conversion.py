"""Converts Office files for reading: to a PDF and what it does not show, or to plain pages without LibreOffice."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pagelens.core.errors import ReadError
from pagelens.core.types import Page
from pagelens.ingest.files.formats import OLD_OFFICE, DocumentFormat
from pagelens.ingest.readers.libreoffice import convert, convert_to_pdf, draws_formulas
from pagelens.ingest.readers.office.archive import DECLARES_ENTITIES, OfficeArchive
from pagelens.ingest.readers.office.opendocument_parts import (
    opendocument_pages,
    prepare_opendocument,
)
from pagelens.ingest.readers.office.page_notes import OfficeContent, PageNote, notes_by_page
from pagelens.ingest.readers.office.plain_layout import PlainPage, split_pages
from pagelens.ingest.readers.office.presentation_parts import (
    prepare_presentation,
    slide_pages,
)
from pagelens.ingest.readers.office.print_copy import is_drawable, write_print_copy
from pagelens.ingest.readers.office.sheet_pages import plain_sheet_pages, sheet_pages
from pagelens.ingest.readers.office.sheet_tables import SheetTable, tables_of
from pagelens.ingest.readers.office.word_parts import prepare_word, word_pages
from pagelens.ingest.readers.office.workbook import Sheet, read_workbook
from pagelens.ingest.readers.pdf import pdf_reader
from pagelens.ingest.text.titles import is_usable_title, single_line

FORMULAS_IN_LINE = "its formulas are not drawn but written in a line: install libreoffice-math and index again"
"""The problem of a page with formulas where LibreOffice cannot draw them."""
NOT_LAID_OUT = "laid out without LibreOffice, which is not installed: its words are read, its pictures are not"
"""The problem of the pages of a file of which only the text is read."""

_SHEETS = ("XLSX", "XLS", "ODS")
_SLIDES = ("PPTX", "ODP")
_NEWER: Mapping[DocumentFormat, DocumentFormat] = {"DOC": "DOCX", "PPT": "PPTX", "RTF": "DOCX"}
_SHARE_FOR_CELLS = 0.2  # of the time for a workbook, kept for placing its cells on the drawn pages
_CHANGES_IN_RTF = (b"\\deleted", b"\\revised", b"\\annotation", b"\\strike")  # control words (RTF 1.9.1)

_DC_TITLE = "{http://purl.org/dc/elements/1.1/}title"


@dataclass(slots=True, kw_only=True)
class Conversion:
    """What is read instead of an Office file."""

    pdf: Path | None = None  # None: `plain` pages
    plain: list[PlainPage] = field(default_factory=list)
    pages: list[Page] | None = None  # instead of those of the PDF: of a workbook
    title: str = ""  # of a workbook or of plain pages, where it is stated
    captions: Mapping[int, str] = field(default_factory=dict)  # by page
    problems: Mapping[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Converter:
    """LibreOffice for one file, with the time left for it."""

    program: Path
    folder: Path
    until: float  # time.monotonic()

    def to(self, source: Path, target: str) -> Path:
        return convert(self.program, source, self.folder, target, seconds=self._seconds())

    def to_pdf(self, source: Path) -> Path:
        return convert_to_pdf(self.program, source, self.folder, seconds=self._seconds())

    def _seconds(self) -> float:
        return max(1.0, self.until - time.monotonic())


def convert_office_file(
    program: Path, source: Path, folder: Path, office_format: DocumentFormat, *, seconds: float
) -> Conversion:
    """Convert a file with LibreOffice; `source` is a copy of it and stands in `folder`. Raises ReadError."""
    converter = _Converter(program, folder, time.monotonic() + seconds)
    if office_format in _SHEETS:
        converter.until -= _SHARE_FOR_CELLS * seconds
        return _convert_workbook(converter, source, office_format)
    return _convert_document(converter, source, office_format)


def plain_conversion(path: Path, office_format: DocumentFormat, problem: str = NOT_LAID_OUT) -> Conversion:
    """Return the text of a file on plain pages. Raises ReadError: damaged, too-large."""
    if office_format == "XLSX":
        sheets = read_workbook(path)
        return _plain_workbook(sheets, _tables(sheets), problem)
    with OfficeArchive(path) as archive:
        readers: Mapping[str, Callable[[OfficeArchive], tuple[list[list[str]], list[PageNote]]]] = {
            "DOCX": word_pages,
            "PPTX": slide_pages,
        }
        pages, notes = readers.get(office_format, opendocument_pages)(archive)
    if not pages:
        raise ReadError("damaged", f"expected {office_format}, found no document in the file: open and save it again")
    is_slides = office_format in _SLIDES
    parts = pages if is_slides else split_pages(pages)
    captions = notes_by_page(notes, [" ".join(page) for page in parts])
    plain = [
        PlainPage(paragraphs=tuple(page), caption=captions.get(number, ""), problem=problem, is_slide=is_slides)
        for number, page in enumerate(parts, 1)
    ]
    return Conversion(plain=plain, title=_stated_title(path))


def _convert_document(converter: _Converter, source: Path, office_format: DocumentFormat) -> Conversion:
    """Convert a text or a presentation: its tracked changes are accepted in the copy before."""
    readable = _newer_copy(converter, source, office_format)
    has_math = draws_formulas(converter.program)
    content = _content(readable, has_math=has_math) if readable else OfficeContent()
    if readable and content.changed:
        drawn = converter.folder / f"prepared{readable.suffix}"
        with OfficeArchive(readable) as archive:
            archive.copy_with(drawn, content.changed)
    else:
        drawn = source
    pdf = converter.to_pdf(drawn)
    if not content.notes and not content.formulas:
        return Conversion(pdf=pdf)
    texts = [page.text.text for page in _pages_of(pdf)]
    with_formulas = notes_by_page(content.formulas, texts)
    problems = {} if has_math else dict.fromkeys(with_formulas, FORMULAS_IN_LINE)
    captions = defaultdict(str, notes_by_page(content.notes, texts))
    for page, formulas in with_formulas.items():
        captions[page] = "\n".join(filter(None, (captions[page], formulas)))
    return Conversion(pdf=pdf, captions=dict(captions), problems=problems)


def _newer_copy(converter: _Converter, source: Path, office_format: DocumentFormat) -> Path | None:
    """Return the file in a format made of XML: itself, or a copy by LibreOffice; None where there is none.

    An RTF text is copied only where it has changes, comments or struck-out text.
    """
    newer = _NEWER.get(office_format)
    if newer is None:
        return source
    if office_format == "RTF" and not any(mark in source.read_bytes() for mark in _CHANGES_IN_RTF):
        return None
    try:
        return converter.to(source, newer.lower())
    except ReadError as exc:
        if exc.code == "too-large":
            raise
        return None  # the conversion to PDF will say what is wrong, or succeed


def _content(path: Path, *, has_math: bool) -> OfficeContent:
    """Return what is to be changed in a file, and what LibreOffice does not draw; nothing where it cannot be read.

    LibreOffice repairs files that are damaged in part. Raises ReadError: too-large.
    """
    try:
        with OfficeArchive(path) as archive:
            if path.suffix == ".docx":
                return prepare_word(archive, draws_formulas=has_math)
            if path.suffix == ".pptx":
                return prepare_presentation(archive, draws_formulas=has_math)
            return prepare_opendocument(archive)
    except ReadError as exc:
        if exc.code == "too-large" or DECLARES_ENTITIES in str(exc):
            raise
        return OfficeContent()


def _convert_workbook(converter: _Converter, source: Path, office_format: DocumentFormat) -> Conversion:
    """Convert a workbook: its text comes from the cells, its pictures from a copy with wide columns."""
    with source.open("rb") as file:
        is_old = file.read(len(OLD_OFFICE)) == OLD_OFFICE
    readable = converter.to(source, "xlsx") if office_format != "XLSX" or is_old else source
    sheets = read_workbook(readable)
    if any(sheet.has_unknown_values for sheet in sheets) and readable == source:
        calculated = converter.to(source, "xlsx")
        sheets = read_workbook(calculated)
        readable = calculated
    tables = _tables(sheets)
    if not is_drawable(readable, sheets):
        return _plain_workbook(sheets, tables, "too many cells to be drawn: its words are read, its look is not")
    title = _stated_title(readable)
    copy = converter.folder / "prepared.xlsx"
    write_print_copy(readable, copy, sheets, tables)
    try:
        pdf = converter.to_pdf(copy)
    except ReadError as exc:
        if not any(sheet.rows for sheet in sheets):
            raise
        return _plain_workbook(sheets, tables, f"its look is not read: {exc}")
    pages = sheet_pages(_pages_of(pdf), sheets, tables)
    if pages is None:
        return _plain_workbook(
            sheets, tables, "its rows are not found in its picture: its words are read, not its look"
        )
    return Conversion(pdf=pdf, pages=pages, title=title)


def _tables(sheets: list[Sheet]) -> dict[int, list[SheetTable]]:
    return {sheet.number: tables_of(sheet) for sheet in sheets}


def _plain_workbook(sheets: list[Sheet], tables: Mapping[int, list[SheetTable]], problem: str) -> Conversion:
    pages = [
        PlainPage(paragraphs=page.lines, label=page.label, caption=page.caption, problem=page.problem or problem)
        for page in plain_sheet_pages(sheets, tables)
    ]
    return Conversion(plain=pages or [PlainPage(paragraphs=(), problem=problem)])


def _stated_title(path: Path) -> str:
    """Return the title in a file's properties, "" where none is stated."""
    try:
        with OfficeArchive(path) as archive:
            roots = (archive.tree("docProps/core.xml"), archive.tree("meta.xml"))
    except ReadError:
        return ""
    stated = next((root.findtext(f".//{_DC_TITLE}") or "" for root in roots if root is not None), "")
    title = single_line(stated)
    return title if is_usable_title(title) else ""


def _pages_of(pdf: Path) -> list[Page]:
    with pdf_reader.open_document(pdf, sha256="", size=0) as opened:
        return list(opened.pages(1))
