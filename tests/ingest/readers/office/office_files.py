"""Office files for tests: Word files of paragraphs in XML, OpenDocument texts, presentations, workbooks."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pagelens.core.types import Document, Page
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers.libreoffice import find_soffice
from pagelens.ingest.readers.registry import load_reader

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
NAMESPACES = (
    f"xmlns:w='{W}' xmlns:m='{M}' xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006' "
    "xmlns:v='urn:schemas-microsoft-com:vml' "
    "xmlns:wps='http://schemas.microsoft.com/office/word/2010/wordprocessingShape'"
)
ODF_NAMESPACES = " ".join(
    f"xmlns:{prefix}='{_OASIS}:{name}:1.0'"
    for prefix, name in (("office", "office"), ("text", "text"), ("draw", "drawing"), ("table", "table"),
                         ("style", "style"), ("presentation", "presentation"), ("svg", "svg-compatible"))
) + " xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:xlink='http://www.w3.org/1999/xlink'"  # fmt: skip
_TYPES = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def needs_libreoffice() -> Path:
    """Return LibreOffice's program, or skip the test."""
    program = find_soffice()
    if program is None:
        pytest.skip("LibreOffice is not installed")
    return program


def paragraph(*runs: str, mark: str = "") -> str:
    """Return a paragraph of Word; `mark` is what its properties say of its end."""
    properties = f"<w:pPr><w:rPr>{mark}</w:rPr></w:pPr>" if mark else ""
    return f"<w:p>{properties}{''.join(runs)}</w:p>"


def run(text: str) -> str:
    """Return a run of text."""
    return f"<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>"


def deleted(text: str) -> str:
    """Return a run of text that a reviewer deleted."""
    return f"<w:del w:id='1' w:author='R'><w:r><w:delText xml:space='preserve'>{text}</w:delText></w:r></w:del>"


def inserted(text: str) -> str:
    """Return a run of text that a reviewer inserted."""
    return f"<w:ins w:id='2' w:author='R'>{run(text)}</w:ins>"


def word_file(path: Path, *body: str, parts: Mapping[str, str] | None = None) -> Path:
    """Write a Word file. `parts` are further ones ("comments", "footnotes", "header1"), by name, with their XML."""
    parts = parts or {}
    kinds = {name: name.rstrip("0123456789") for name in parts}
    overrides = "".join(
        f"<Override PartName='/word/{name}.xml' ContentType='{_TYPES}.{kinds.get(name, 'document.main')}+xml'/>"
        for name in ("document", *parts)
    )
    links = "".join(
        f"<Relationship Id='{name}' Type='{_RELATIONSHIPS}/{kinds[name]}' Target='{name}.xml'/>" for name in parts
    )
    references = "".join(
        f"<w:{kinds[name]}Reference xmlns:r='{_RELATIONSHIPS}' w:type='default' r:id='{name}'/>"
        for name in parts
        if kinds[name] in ("header", "footer")
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    files = {
        "[Content_Types].xml": f"<Types xmlns='{package}/content-types'><Default Extension='rels' "
        f"ContentType='application/vnd.openxmlformats-package.relationships+xml'/>{overrides}</Types>",
        "_rels/.rels": f"<Relationships xmlns='{package}/relationships'><Relationship Id='r' "
        f"Type='{_RELATIONSHIPS}/officeDocument' Target='word/document.xml'/></Relationships>",
        "word/_rels/document.xml.rels": f"<Relationships xmlns='{package}/relationships'>{links}</Relationships>",
        "word/document.xml": f"<w:document {NAMESPACES}><w:body>{''.join(body)}<w:sectPr>{references}</w:sectPr>"
        "</w:body></w:document>",
        **{f"word/{name}.xml": content for name, content in parts.items()},
    }
    return write_archive(path, files)


def comments_part(*comments: tuple[str, str]) -> str:
    """Return the part with comments of (author, text); their ids count from 0."""
    items = "".join(
        f"<w:comment w:id='{number}' w:author='{author}'>{paragraph(run(text))}</w:comment>"
        for number, (author, text) in enumerate(comments)
    )
    return f"<w:comments {NAMESPACES}>{items}</w:comments>"


def commented(number: int, text: str) -> str:
    """Return a run that a comment is about."""
    return (
        f"<w:commentRangeStart w:id='{number}'/>{run(text)}<w:commentRangeEnd w:id='{number}'/>"
        f"<w:r><w:commentReference w:id='{number}'/></w:r>"
    )


def opendocument_text(path: Path, body: str, changes: str = "") -> Path:
    """Write an OpenDocument text; `changes` are tracked ones."""
    kind = "application/vnd.oasis.opendocument.text"
    tracked = f"<text:tracked-changes>{changes}</text:tracked-changes>" if changes else ""
    content = (
        f"<office:document-content {ODF_NAMESPACES} office:version='1.2'><office:body><office:text>{tracked}{body}"
        "</office:text></office:body></office:document-content>"
    )
    manifest = (
        f"<manifest:manifest xmlns:manifest='{_OASIS}:manifest:1.0'>"
        f"<manifest:file-entry manifest:full-path='/' manifest:media-type='{kind}'/>"
        "<manifest:file-entry manifest:full-path='content.xml' manifest:media-type='text/xml'/></manifest:manifest>"
    )
    return write_archive(path, {"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": content})


def write_archive(path: Path, files: Mapping[str, str]) -> Path:
    """Write a ZIP archive of texts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def presentation(path: Path, slides: Sequence[tuple[str, str]], *, hidden: Sequence[int] = ()) -> Path:
    """Write slides of (title, speaker notes); `hidden` are the numbers of hidden ones."""
    from pptx import Presentation

    made = Presentation()
    for number, (title, notes) in enumerate(slides, 1):
        slide = made.slides.add_slide(made.slide_layouts[5])
        slide.shapes.title.text = title
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
        if number in hidden:
            slide._element.set("show", "0")
    made.save(path)
    return path


def sheet_of(book: Any, name: str, rows: Sequence[Sequence[object]]) -> Any:
    """Add a sheet with these rows to a workbook of openpyxl."""
    sheet = book.create_sheet(name)
    for row in rows:
        sheet.append(list(row))
    return sheet


def empty_book() -> Any:
    """Return a workbook of openpyxl without sheets."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    return book


def read_file(path: Path, *, soffice: Path | None = None) -> tuple[Document, list[Page]]:
    """Return a file's document and pages as the reader gives them."""
    reader = load_reader("office", ReaderOptions(soffice=soffice))
    with reader.open_document(path, sha256="1" * 64, size=path.stat().st_size) as opened:
        return opened.document, list(opened.pages(1))


def read_without_libreoffice(path: Path) -> tuple[Document, list[Page]]:
    """Return a file's document and pages as they are read where LibreOffice is missing."""
    return read_file(path, soffice=path.parent / "there-is-none")
