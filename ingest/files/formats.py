"""The table of readable file formats: extensions, content signatures, kinds; and descriptions of all other files.

To add a format of a kind that is read already, add its name to `DocumentFormat` (or `PhotoFormat`) and a row to
`FORMATS`: a text is read as plain text, an Office file by LibreOffice; for other kinds see their readers' own tables
(`_FORMATS` in `photos.pixels`, `_MUPDF_TYPES` and `_ARCHIVES` in `reflowable_reader`, `_CONVERTERS` in
`texts.converters`). The reader of each kind is named in `pagelens.ingest.readers.registry`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, cast

from pagelens.core.types import Kind
from pagelens.ingest.text.decoding import wide_encoding

PhotoFormat = Literal["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "HEIC", "AVIF"]
DocumentFormat = Literal[
    "EPUB", "FB2", "MOBI", "CBZ", "XPS", "SVG", "text", "Markdown", "HTML",
    "DOCX", "PPTX", "XLSX", "ODT", "ODP", "ODS", "DOC", "PPT", "XLS", "RTF",
    "CSV", "TSV", "JSON", "JSON Lines", "SubRip", "WebVTT", "EML", "MSG", "mbox", "ZIP", "TAR",
]  # fmt: skip
Signature = Callable[[bytes], bool]
"""Tells whether the first `HEAD_BYTES` of a file may be of a format."""

HEAD_BYTES = 1024
"""How much of a file is examined: a PDF header may stand anywhere in it (ISO 32000-1, implementation note 13)."""
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
"""Magic number of the container of Office files until 2003, and of encrypted newer ones."""
NEW_OFFICE: tuple[DocumentFormat, ...] = ("DOCX", "PPTX", "XLSX")

_ZIP = b"PK\x03\x04"
_DOCUMENT_PARTS = (b"[Content_Types].xml", b"_rels/", b"word/", b"ppt/", b"xl/", b"mimetype")
"""What the first name in a document's archive begins with."""
_EMPTY_ZIP = b"PK\x05\x06"
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")  # gzip, bzip2, xz: of a tar archive or of a single file
_RTF = b"{\\rtf"
_RAW_EXTENSIONS = (".dng", ".nef", ".nrw", ".cr2", ".arw", ".sr2", ".srw", ".pef", ".rw2", ".3fr", ".iiq", ".erf")
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # sizes of the header that follows; many texts begin with "BM"
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_AVIF_BRANDS = (b"avif", b"avis")
_CONTAINER_BRANDS = (b"mif1", b"msf1", b"miaf")  # the compatible brands say what the container holds
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")  # of UTF-16 and UTF-32
_CONTROL_CHARACTERS = bytes({*range(32), 127} - set(b"\t\n\f\r\x1a\x1b"))

# A PDF mark at the start of the file, of a line, or after binary data. Within a line of text it is a text about PDFs.
_PDF = re.compile(rb"(?:\A|[^\x20-\x7e])%PDF-\d|\A\s*%PDF-")


# A line "Name: value", at once or after further ones, whose name only mails have.
_MAIL_HEADER = re.compile(
    rb"\s*(?:>?From [^\n]*\n)?(?:[\w-]{1,60}:[^\n]*\n(?:[ \t][^\n]*\n)*)*?"
    rb"(?:from|to|subject|date|received|return-path|message-id|mime-version|delivered-to):",
    re.I,
)


def _never(_head: bytes) -> bool:
    return False


def _starts_with(*magic: bytes) -> Signature:
    return lambda head: head.startswith(magic)


def _is_pdf(head: bytes) -> bool:
    return _PDF.search(head) is not None


def _is_tiff(head: bytes) -> bool:
    # With 32-bit offsets, "+" with 64-bit offsets, and "U" in Panasonic's raw pictures.
    return head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"IIU\0"))


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_bmp(head: bytes) -> bool:
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


def _has_brand(form: PhotoFormat) -> Signature:
    return lambda head: head[4:8] == b"ftyp" and _format_of_brand(head) == form


def _format_of_brand(head: bytes) -> PhotoFormat | None:
    """Return what an ISO base media file is by its brands (ISO 14496-12, 4.3): the major one, else a compatible one."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12]]
    if brands[0] in _CONTAINER_BRANDS:
        brands = [head[start : start + 4] for start in range(16, size - 3, 4)]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "AVIF"
        if brand in _HEIC_BRANDS:
            return "HEIC"
    return "HEIC" if head[8:12] in _CONTAINER_BRANDS else None


def _is_epub(head: bytes) -> bool:
    return head.startswith(_ZIP) and head[30:58] == b"mimetypeapplication/epub+zip"


def _is_mobi(head: bytes) -> bool:
    return head[60:68] in (b"BOOKMOBI", b"TEXtREAd")


def _is_text(head: bytes) -> bool:
    """Tell whether bytes may be text: UTF-16 or UTF-32, else no control characters."""
    if head.startswith(_WIDE_MARKS):
        return True
    has_control_characters = len(head.translate(None, _CONTROL_CHARACTERS)) != len(head)
    return wide_encoding(head) is not None if has_control_characters else bool(head.strip())


def _is_mail(head: bytes) -> bool:
    """Tell whether bytes may be a mail: its headers come first."""
    return _MAIL_HEADER.match(head) is not None and len(head.translate(None, b"\0")) == len(head)


def _is_mailbox(head: bytes) -> bool:
    return head.startswith(b"From ") and _is_mail(head.partition(b"\n")[2])


def _is_zip(head: bytes) -> bool:
    """Tell whether bytes begin an archive of files, and no document that is kept in one."""
    first_name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    return head.startswith(_EMPTY_ZIP) or (head.startswith(_ZIP) and not first_name.startswith(_DOCUMENT_PARTS))


def _is_tar(head: bytes) -> bool:
    return head.startswith(_COMPRESSED) or head[257:262] == b"ustar"


def _is_fb2(head: bytes) -> bool:
    return _is_text(head) and b"<FictionBook" in head


def _is_svg(head: bytes) -> bool:
    return _is_text(head) and b"<svg" in head.lower()


# A new Office file in the old container is an encrypted one; the reader reports that. Programs save other formats under
# the old extensions, which LibreOffice reads.
_is_new_office = _starts_with(_ZIP, OLD_OFFICE)
_is_old_office = _starts_with(OLD_OFFICE, _ZIP, _RTF)


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A readable format. `signature` holds for a file with one of the extensions."""

    name: PhotoFormat | DocumentFormat | Literal["PDF"]
    kind: Kind
    extensions: tuple[str, ...]
    signature: Signature
    any_name: Signature = _never  # identifies the format whatever the file's name
    no_extension: Signature = _never  # identifies the format of a file without an extension


def _photo(name: PhotoFormat, signature: Signature, *extensions: str) -> FileFormat:
    return FileFormat(name, "photo", extensions, signature, any_name=signature)


# A document's signature says little (a Word file is a ZIP archive, a text has none): extension and content must agree.
FORMATS = (
    _photo("JPEG", _starts_with(b"\xff\xd8\xff"), ".jpg", ".jpeg", ".jpe", ".jfif"),
    _photo("PNG", _starts_with(b"\x89PNG\r\n\x1a\n"), ".png", ".apng"),
    _photo("GIF", _starts_with(b"GIF87a", b"GIF89a"), ".gif"),
    _photo("TIFF", _is_tiff, ".tif", ".tiff", *_RAW_EXTENSIONS),
    _photo("WebP", _is_webp, ".webp"),
    _photo("BMP", _is_bmp, ".bmp", ".dib"),
    _photo("HEIC", _has_brand("HEIC"), ".heic", ".heif", ".hif"),
    _photo("AVIF", _has_brand("AVIF"), ".avif"),
    FileFormat("PDF", "pdf", (".pdf",), lambda head: b"%PDF-" in head, any_name=_is_pdf),
    FileFormat("EPUB", "book", (".epub",), _starts_with(_ZIP), no_extension=_is_epub),
    FileFormat("FB2", "book", (".fb2",), _is_fb2),
    FileFormat(
        "MOBI", "book", (".mobi", ".prc", ".azw"), _is_mobi, no_extension=lambda head: head[60:68] == b"BOOKMOBI"
    ),
    FileFormat("CBZ", "book", (".cbz",), _starts_with(_ZIP)),
    FileFormat("XPS", "xps", (".xps", ".oxps"), _starts_with(_ZIP)),
    FileFormat("SVG", "drawing", (".svg",), _is_svg),
    FileFormat("text", "text", (".txt", ".text"), _is_text),
    FileFormat("Markdown", "text", (".md", ".markdown"), _is_text),
    FileFormat("HTML", "text", (".html", ".htm", ".xhtml"), _is_text),
    FileFormat("CSV", "text", (".csv",), _is_text),
    FileFormat("TSV", "text", (".tsv", ".tab"), _is_text),
    FileFormat("JSON Lines", "text", (".jsonl", ".ndjson"), _is_text),
    FileFormat("JSON", "text", (".json",), _is_text),
    FileFormat("SubRip", "text", (".srt",), _is_text),
    FileFormat("WebVTT", "text", (".vtt",), _is_text),
    FileFormat("EML", "text", (".eml", ".mht", ".mhtml"), _is_mail),
    FileFormat("MSG", "text", (".msg",), _starts_with(OLD_OFFICE)),
    FileFormat("mbox", "text", (".mbox", ".mbx"), _is_mailbox, no_extension=_is_mailbox),
    FileFormat("ZIP", "text", (".zip",), _is_zip),
    FileFormat("TAR", "text", (".tar", ".tgz", ".gz", ".tbz2", ".tbz", ".bz2", ".txz", ".xz"), _is_tar),
    FileFormat("DOCX", "office", (".docx", ".docm"), _is_new_office),
    FileFormat("PPTX", "office", (".pptx", ".pptm", ".ppsx"), _is_new_office),
    FileFormat("XLSX", "office", (".xlsx", ".xlsm"), _is_new_office),
    FileFormat("ODT", "office", (".odt",), _starts_with(_ZIP)),
    FileFormat("ODP", "office", (".odp",), _starts_with(_ZIP)),
    FileFormat("ODS", "office", (".ods",), _starts_with(_ZIP)),
    FileFormat("DOC", "office", (".doc",), _is_old_office),
    FileFormat("PPT", "office", (".ppt", ".pps"), _is_old_office),
    FileFormat("XLS", "office", (".xls",), _is_old_office),
    FileFormat("RTF", "office", (".rtf",), _starts_with(_RTF)),
)
_BY_EXTENSION = {extension: form for form in FORMATS for extension in form.extensions}
_BY_NAME = {form.name: form for form in FORMATS}

# Any program may use these extensions for its own files, so content that disagrees with them is not worth reporting.
_KINDS_WITHOUT_CLAIM: tuple[Kind, ...] = ("text", "drawing")

# Formats that are not read.
_UNREADABLE: tuple[tuple[bytes, str], ...] = (
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"IIRO", "a camera's raw picture"),
    (b"IIRS", "a camera's raw picture"),
    (b"MMOR", "a camera's raw picture"),
    (b"FUJIFILMCCD-RAW", "a camera's raw picture"),
    (OLD_OFFICE, "an old Microsoft Office file"),
    (_RTF, "an RTF text"),
    (b"%!PS", "a PostScript file"),
    (b"AT&TFORM", "a DjVu document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"!BDN", "an Outlook mailbox (export it as mbox or EML)"),
    (b"AC10", "an AutoCAD drawing"),
    (b"PAR1", "a Parquet table"),
    (b"wOF", "a font"),
    (b"fLaC", "a FLAC recording"),
    (b"\x1aE\xdf\xa3", "a Matroska video"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
)


def find_format(head: bytes, path: PurePath | None) -> FileFormat | None:
    """Return the format of a file by its first `HEAD_BYTES` and, for documents other than PDF, its extension."""
    for form in FORMATS:
        if form.any_name(head):
            return form
    if path is not None and path.suffix:
        claimed = _BY_EXTENSION.get(path.suffix.lower())
        return claimed if claimed is not None and claimed.signature(head) else None
    return next((form for form in FORMATS if form.no_extension(head)), None)


def photo_format(head: bytes) -> PhotoFormat | None:
    """Return which of the readable photo formats the bytes begin, or None."""
    form = find_format(head, None)
    return cast("PhotoFormat", form.name) if form is not None and form.kind == "photo" else None


def document_format(head: bytes, path: PurePath) -> DocumentFormat | None:
    """Return which of the document formats other than PDF a file is, or None."""
    form = find_format(head, path)
    return cast("DocumentFormat", form.name) if form is not None and form.kind not in ("pdf", "photo") else None


def kind_of(form: DocumentFormat) -> Kind:
    """Return the kind that a format belongs to."""
    return _BY_NAME[form].kind


def claimed_kind(path: PurePath) -> Kind | None:
    """Return the kind that a file's extension claims, so that a file with other content is mislabelled; or None."""
    form = _BY_EXTENSION.get(path.suffix.lower())
    return None if form is None or form.kind in _KINDS_WITHOUT_CLAIM else form.kind


def describe(head: bytes) -> str:
    """Return what a file that is not read seems to be, in words that follow "it is"."""
    for magic, words in _UNREADABLE:
        if head.startswith(magic):
            return words
    if head.startswith(_ZIP):
        return _describe_zip(head)
    if head[4:8] == b"ftyp":
        return "a camera's raw picture" if head[8:12] == b"crx " else "a video"
    if head[:4] == b"RIFF":
        return "a RIFF recording"
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    return _describe_text(head)


def _describe_zip(head: bytes) -> str:
    for mark, words in ((b"word/", "a Word document"), (b"ppt/", "a PowerPoint file"), (b"xl/", "an Excel sheet")):
        if mark in head:
            return words
    if b"[Content_Types].xml" in head:
        return "a Microsoft Office file"
    if b"epub+zip" in head:
        return "an EPUB book"
    if b"opendocument" in head:
        return "an OpenDocument file"
    return "a ZIP archive"


def _describe_text(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "an HTML page"
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in head.lower()):
        return "an SVG drawing"
    if start.startswith(b"<?xml"):
        return "an XML text"
    try:
        # The head may end within a character.
        text = head[:-3].decode() if len(head) >= HEAD_BYTES else head.decode()
    except UnicodeDecodeError:
        return "unknown binary data"
    return "plain text" if "\0" not in text else "unknown binary data"
