"""Makes documents of many formats from known texts with real programs, for `benchmarks.reading`.

Chromium prints HTML to PDF, LibreOffice exports and converts flat OpenDocument files, XeTeX typesets; texts, mail and
tables are written by Python's own codecs and modules.
"""

import csv
import html
import io
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from benchmarks.reading_sources import Language

Texts = Mapping[Language, Sequence[str]]

PROGRAM_SECONDS = 300
CUE_SECONDS = 4  # of a subtitle

_NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"),
        ("text", "text"),
        ("style", "style"),
        ("table", "table"),
        ("draw", "drawing"),
        ("presentation", "presentation"),
        ("fo", "xsl-fo-compatible"),
        ("svg", "svg-compatible"),
    )
)
_SPECIAL_IN_TEX = re.compile(r"([&%$#_{}])")
_LATIN_NAME = re.compile(r"([A-Za-z](?:[!-~]*[A-Za-z0-9])?(?: [A-Za-z](?:[!-~]*[A-Za-z0-9])?)*)")
_LINES_A_SLIDE = 3


class MissingProgramError(RuntimeError):
    """A program that makes a format is not installed, or did not make its files."""


@dataclass(frozen=True, slots=True)
class DocumentSet:
    """The documents of one format. `make` writes `<language name>.<suffix>` for each language into a folder."""

    name: str
    suffix: str
    languages: tuple[str, ...]  # names; none: all
    make: Callable[[Path, Texts], None]
    tabular: bool = False  # names of columns, numbers or times may stand between the paragraphs


def _document_sets() -> tuple[DocumentSet, ...]:
    horizontal = ("en", "cs", "tr", "vi", "ru", "el", "ar", "fa", "he", "hi", "bn", "th", "ja", "zh_CN", "zh_TW", "ko")
    return (
        DocumentSet("PDF, Chromium", "pdf", (), _print_by_chromium),
        DocumentSet("PDF, LibreOffice", "pdf", (), _convert("fodt", "pdf")),
        DocumentSet("PDF, XeTeX", "pdf", horizontal, _typeset),
        DocumentSet("PDF of slides", "pdf", ("cs", "he", "hi", "zh_CN"), _convert("fodp", "pdf")),
        DocumentSet("DOCX", "docx", ("vi", "ru", "ar", "th", "ja-vertical"), _convert("fodt", "docx")),
        DocumentSet("ODT", "odt", ("tr", "el", "he", "ko"), _convert("fodt", "odt")),
        DocumentSet("DOC", "doc", ("cs", "ar", "zh_CN"), _convert("fodt", "doc")),
        DocumentSet("RTF", "rtf", ("cs", "ru", "he", "ja"), _convert("fodt", "rtf")),
        DocumentSet("EPUB", "epub", horizontal, _convert("fodt", "epub")),
        DocumentSet("PPTX", "pptx", ("el", "ar", "hi", "ja"), _convert("fodp", "pptx")),
        DocumentSet("ODP", "odp", ("vi", "he", "ko"), _convert("fodp", "odp")),
        DocumentSet("XLSX", "xlsx", ("vi", "ru", "ar", "hi", "zh_CN"), _convert("fods", "xlsx"), tabular=True),
        DocumentSet("ODS", "ods", ("tr", "he", "th", "ko"), _convert("fods", "ods"), tabular=True),
        DocumentSet("XLS", "xls", ("el", "ar", "ja"), _convert("fods", "xls"), tabular=True),
        DocumentSet("HTML", "html", horizontal, _write(_as_html, "utf-8")),
        DocumentSet("HTML, no charset", "html", ("ru", "ar", "ja"), _write(_as_html_without_charset, "utf-8")),
        DocumentSet("HTML, old charset", "html", ("ru", "he", "zh_CN"), _write_old_html),
        DocumentSet("Markdown", "md", ("cs", "ar", "ko"), _write("\n\n".join, "utf-8")),
        *(
            DocumentSet(f"text, {codec}", "txt", languages, _write("\n".join, codec))
            for codec, languages in _ENCODINGS.items()
        ),
        DocumentSet("CSV", "csv", ("cs", "he", "ja"), _write(_as_csv, "utf-8"), tabular=True),
        DocumentSet(
            "CSV, windows-1251, semicolons", "csv", ("ru",), _write(_as_csv_semicolons, "cp1251"), tabular=True
        ),
        DocumentSet("TSV", "tsv", ("el", "hi"), _write(_as_tsv, "utf-8"), tabular=True),
        DocumentSet("JSON lines", "jsonl", ("vi", "ar"), _write(_as_json_lines, "utf-8"), tabular=True),
        DocumentSet("EML", "eml", tuple(_MAIL_CHARSETS), _write_mail, tabular=True),
        DocumentSet("SRT", "srt", ("tr", "ar", "zh_CN"), _write(_as_srt, "utf-8"), tabular=True),
        DocumentSet("VTT", "vtt", ("ko", "th"), _write(_as_vtt, "utf-8"), tabular=True),
    )


_ENCODINGS: Mapping[str, tuple[str, ...]] = {
    "utf-8": ("vi", "he", "hi", "bn", "th", "ja"),
    "utf-8-sig": ("cs", "ar"),
    "utf-16": ("el", "fa"),
    "utf-16-le": ("ru", "ar", "zh_CN"),  # without a mark
    "utf-16-be": ("cs", "ko"),
    "cp1250": ("cs",),
    "iso8859-2": ("cs",),
    "cp1254": ("tr",),
    "cp1251": ("ru",),
    "koi8-r": ("ru",),
    "cp1253": ("el",),
    "iso8859-7": ("el",),
    "cp1255": ("he",),
    "iso8859-8": ("he",),
    "cp1256": ("ar",),
    "tis-620": ("th",),
    "cp1258": ("vi",),
    "shift_jis": ("ja",),
    "euc_jp": ("ja",),
    "iso2022_jp": ("ja",),
    "gb18030": ("zh_CN",),
    "big5": ("zh_TW",),
    "euc_kr": ("ko",),
}
_MAIL_CHARSETS = {"cs": "iso-8859-2", "ru": "koi8-r", "he": "utf-8", "ja": "iso-2022-jp", "zh_CN": "gb18030"}
_OLD_CHARSETS = {"ru": "windows-1251", "he": "windows-1255", "zh_CN": "gb2312"}


def written_in(text: str, codec: str) -> str:
    """Return a text as a codec can hold it: what it lacks is left out, so that the rest is known."""
    return text.encode(codec, "ignore").decode(codec)


def document_sets() -> tuple[DocumentSet, ...]:
    """Return the documents that are made, format by format."""
    return _document_sets()


def _program(name: str, arguments: Sequence[str | Path]) -> None:
    """Run a program, without its output."""
    if not (found := shutil.which(name)):
        raise MissingProgramError(f"{name} is not installed")
    try:
        subprocess.run([found, *arguments], check=True, capture_output=True, timeout=PROGRAM_SECONDS)
    except (subprocess.SubprocessError, OSError) as exc:
        raise MissingProgramError(f"{name} failed: {exc}") from exc


def _print_by_chromium(folder: Path, texts: Texts) -> None:
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    with tempfile.TemporaryDirectory() as scratch:
        for language, paragraphs in texts.items():
            page = Path(scratch, f"{language.name}.html")
            page.write_text(_as_html(paragraphs, language), "utf-8")
            target = folder / f"{language.name}.pdf"
            _program("chromium", [*options, f"--user-data-dir={scratch}/data", f"--print-to-pdf={target}", page])


def _convert(flat: str, suffix: str) -> Callable[[Path, Texts], None]:
    """Return a maker that writes flat OpenDocument files and has LibreOffice convert them."""
    content = {"fodt": _as_flat_text, "fods": _as_flat_sheet, "fodp": _as_flat_slides}[flat]

    def make(folder: Path, texts: Texts) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            sources = [Path(scratch, f"{language.name}.{flat}") for language in texts]
            for source, (language, paragraphs) in zip(sources, texts.items(), strict=True):
                source.write_text(content(paragraphs, language), "utf-8")
            profile = f"-env:UserInstallation={Path(scratch, 'profile').as_uri()}"
            _program("soffice", [profile, "--headless", "--convert-to", suffix, "--outdir", folder, *sources])

    return make


def _flat(mimetype: str, language: Language, body: str) -> str:
    """Return a flat OpenDocument file, with the language's font for all three groups of scripts."""
    mode = "tb-rl" if language.vertical else "rl-tb" if language.right_to_left else "lr-tb"
    font = f'fo:font-family="{language.font}" style:font-family-asian="{language.font}" '
    font += f'style:font-family-complex="{language.font}"'
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {_NAMESPACES} office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.{mimetype}">
<office:styles><style:default-style style:family="paragraph"><style:text-properties {font}/></style:default-style>
</office:styles><office:automatic-styles><style:page-layout style:name="L"><style:page-layout-properties
 fo:page-width="210mm" fo:page-height="297mm" fo:margin="20mm" style:writing-mode="{mode}"/></style:page-layout>
<style:style style:name="P" style:family="paragraph"><style:paragraph-properties style:writing-mode="{mode}"
 fo:margin-bottom="2mm"/><style:text-properties {font} fo:font-size="11pt"/></style:style>
<style:style style:name="C" style:family="table-column"><style:table-column-properties
 style:column-width="40mm"/></style:style></office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="L"/>
</office:master-styles>
<office:body><office:{mimetype}>{body}</office:{mimetype}></office:body></office:document>"""


def _as_flat_text(paragraphs: Sequence[str], language: Language) -> str:
    body = "".join(f'<text:p text:style-name="P">{html.escape(text)}</text:p>' for text in paragraphs)
    return _flat("text", language, body)


def _as_flat_sheet(paragraphs: Sequence[str], language: Language) -> str:
    rows = [_table_row("number", "text")]
    rows += [_table_row(str(number), text) for number, text in enumerate(paragraphs, 1)]
    columns = '<table:table-column table:style-name="C" table:number-columns-repeated="2"/>'
    return _flat("spreadsheet", language, f'<table:table table:name="Sheet1">{columns}{"".join(rows)}</table:table>')


def _table_row(*cells: str) -> str:
    parts = (
        f'<table:table-cell office:value-type="string"><text:p text:style-name="P">{html.escape(cell)}</text:p>'
        "</table:table-cell>"
        for cell in cells
    )
    return f"<table:table-row>{''.join(parts)}</table:table-row>"


def _as_flat_slides(paragraphs: Sequence[str], language: Language) -> str:
    slides = []
    for first in range(0, len(paragraphs), _LINES_A_SLIDE):
        lines = "".join(
            f'<text:p text:style-name="P">{html.escape(text)}</text:p>'
            for text in paragraphs[first : first + _LINES_A_SLIDE]
        )
        box = '<draw:frame svg:x="25mm" svg:y="25mm" svg:width="160mm" svg:height="200mm"><draw:text-box>'
        slides.append(
            f'<draw:page draw:master-page-name="Standard">{box}{lines}</draw:text-box></draw:frame></draw:page>'
        )
    return _flat("presentation", language, "".join(slides))


def _typeset(folder: Path, texts: Texts) -> None:
    """Typeset with plain XeTeX: English with its hyphens, other languages without."""
    for language, paragraphs in texts.items():
        source = [
            rf'\font\body="{language.tex_font or language.font}{_script_of(language)}" at 11pt \body',
            r"\baselineskip=16pt \parskip=4pt",
        ]
        if language.tex_latin_font:
            source += [rf'\font\latin="{language.tex_latin_font}" at 11pt']
        source += [r"\nopagenumbers \parindent=0pt \tolerance=9999 \emergencystretch=3em"]
        source += [r"\hsize=10cm" if language.code == "en" else r"\hyphenpenalty=10000 \exhyphenpenalty=10000"]
        if not language.blanks:
            source += [rf'\XeTeXlinebreaklocale "{language.code[:2]}" \XeTeXlinebreakskip=0pt plus 0.2pt']
        if language.right_to_left:
            source += [r"\TeXXeTstate=1 \everypar{\setbox0=\lastbox \beginR \box0}"]
        source += [_in_tex(text, language) + r"\par" for text in paragraphs]
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, f"{language.name}.tex")
            path.write_text("\n".join([*source, r"\bye"]), "utf-8")
            _program("xetex", ["-interaction=nonstopmode", "-halt-on-error", f"-output-directory={scratch}", path])
            shutil.move(path.with_suffix(".pdf"), folder / f"{language.name}.pdf")


def _in_tex(text: str, language: Language) -> str:
    """Return a text as TeX's source, Latin names with their direction in Arabic or Hebrew, or with their font."""
    is_marked = language.right_to_left or bool(language.tex_latin_font)
    parts = _LATIN_NAME.split(text) if is_marked else [text]
    escaped = [_SPECIAL_IN_TEX.sub(r"\\char`\\\1 ", part) for part in parts]
    begin, end = (r"\beginL ", r"\endL{}") if language.right_to_left else (r"{\latin ", "}")
    escaped[1::2] = [begin + part + end for part in escaped[1::2]]
    return "".join(escaped)


def _script_of(language: Language) -> str:
    tags = {"ar": "arab", "fa": "arab", "he": "hebr", "hi": "dev2", "bn": "bng2", "th": "thai"}
    return f":script={tags[language.code]}" if language.code in tags else ""


def _write(content: Callable[..., str], codec: str) -> Callable[[Path, Texts], None]:
    """Return a maker that writes texts in an encoding. `content` takes the paragraphs, and the language if it can."""

    def make(folder: Path, texts: Texts) -> None:
        suffix = next(kind.suffix for kind in document_sets() if folder.name == folder_name(kind))
        for language, paragraphs in texts.items():
            text = content(paragraphs, language) if suffix == "html" else content(paragraphs)
            (folder / f"{language.name}.{suffix}").write_bytes(text.encode(codec, "ignore"))

    return make


def folder_name(documents: DocumentSet) -> str:
    """Return the name of the folder of a format's files."""
    return re.sub(r"\W+", "-", documents.name.lower())


def _as_html(paragraphs: Sequence[str], language: Language, charset: str = "utf-8") -> str:
    direction = "rtl" if language.right_to_left else "ltr"
    style = f"font-family: '{language.font}'; font-size: 11pt;" + (
        " writing-mode: vertical-rl; height: 240mm;" if language.vertical else ""
    )
    head = f'<meta charset="{charset}">' if charset else ""
    body = "\n".join(f"<p>{html.escape(text)}</p>" for text in paragraphs)
    return (
        f'<!DOCTYPE html>\n<html lang="{language.tag}" dir="{direction}"><head>{head}<title></title></head>\n'
        f'<body style="{style}">\n{body}\n</body></html>\n'
    )


def _as_html_without_charset(paragraphs: Sequence[str], language: Language) -> str:
    return _as_html(paragraphs, language, "")


def _write_old_html(folder: Path, texts: Texts) -> None:
    for language, paragraphs in texts.items():
        charset = _OLD_CHARSETS[language.code]
        text = _as_html(paragraphs, language, charset)
        (folder / f"{language.name}.html").write_bytes(text.encode(charset, "xmlcharrefreplace"))


def _as_csv(paragraphs: Sequence[str], delimiter: str = ",") -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows([("number", "text"), *enumerate(paragraphs, 1)])
    return written.getvalue()


def _as_csv_semicolons(paragraphs: Sequence[str]) -> str:
    return _as_csv(paragraphs, ";")


def _as_tsv(paragraphs: Sequence[str]) -> str:
    return _as_csv(paragraphs, "\t")


def _as_json_lines(paragraphs: Sequence[str]) -> str:
    return "".join(
        json.dumps({"number": number, "text": text}, ensure_ascii=number % 2 == 0) + "\n"
        for number, text in enumerate(paragraphs, 1)
    )


def _write_mail(folder: Path, texts: Texts) -> None:
    for language, paragraphs in texts.items():
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "a@example.org", "b@example.org", paragraphs[0]
        mail["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
        charset = _MAIL_CHARSETS[language.code]
        mail.set_content("\n\n".join(written_in(text, charset) for text in paragraphs[1:]), charset=charset)
        (folder / f"{language.name}.eml").write_bytes(mail.as_bytes())


def _as_srt(paragraphs: Sequence[str]) -> str:
    return "\n".join(f"{number}\n{_cue(number, ',')}\n{text}\n" for number, text in enumerate(paragraphs, 1))


def _as_vtt(paragraphs: Sequence[str]) -> str:
    return "WEBVTT\n\n" + "\n".join(f"{_cue(number, '.')}\n{text}\n" for number, text in enumerate(paragraphs, 1))


def _cue(number: int, point: str) -> str:
    """Return the times of a subtitle, with the sign between seconds and milliseconds."""
    times = (
        f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}{point}000"
        for at in (number * CUE_SECONDS, number * CUE_SECONDS + 3)
    )
    return " --> ".join(times)
