"""Converts text files to markup: one function for each format. To add a format of text, add one here."""

from collections.abc import Callable
from dataclasses import replace

from pagelens.ingest.files.formats import DocumentFormat
from pagelens.ingest.readers.html_source import sanitize_html, sanitize_markdown
from pagelens.ingest.readers.texts.text_source import TextSource, from_decoded, paragraphs
from pagelens.ingest.text.decoding import decode


def read_source(data: bytes, file_format: DocumentFormat) -> TextSource:
    """Return what the bytes of a text file say. Raises ReadError."""
    return _CONVERTERS.get(file_format, _plain)(data)


def _plain(data: bytes) -> TextSource:
    decoded = decode(data)
    return from_decoded(decoded, decoded.text, "txt")


def _html(data: bytes) -> TextSource:
    decoded = decode(data)
    return from_decoded(decoded, sanitize_html(decoded.text), shows_title=True)


def _markdown(data: bytes) -> TextSource:
    decoded = decode(data)
    return from_decoded(decoded, sanitize_markdown(decoded.text), "md", shows_title=True)


def _table(data: bytes) -> TextSource:
    from pagelens.ingest.readers.texts.delimited import table_lines

    decoded = decode(data)
    lines, facts = table_lines(decoded.text)
    source = from_decoded(decoded, paragraphs(lines))
    return replace(source, facts={**source.facts, **facts})


def _json(data: bytes) -> TextSource:
    from pagelens.ingest.readers.texts.json_records import record_lines

    decoded = decode(data)
    lines, problem = record_lines(decoded.text)
    return from_decoded(decoded, paragraphs(lines), problem=problem)


def _subtitles(data: bytes) -> TextSource:
    from pagelens.ingest.readers.texts.subtitles import cue_lines

    decoded = decode(data)
    return from_decoded(decoded, paragraphs(cue_lines(decoded.text)))


def _rich_text(data: bytes) -> TextSource:
    from pagelens.ingest.readers.texts.rich_text import rich_text_lines

    return TextSource(markup=paragraphs(rich_text_lines(data)))


def _mail(data: bytes) -> TextSource:
    from pagelens.ingest.readers.texts.mail import parse_mail
    from pagelens.ingest.readers.texts.mail_page import mail_source

    return mail_source(parse_mail(data))


def _outlook_mail(data: bytes) -> TextSource:
    from pagelens.ingest.readers.texts.mail_page import mail_source
    from pagelens.ingest.readers.texts.outlook_mail import parse_outlook_mail

    return mail_source(parse_outlook_mail(data))


def _mailbox(data: bytes) -> TextSource:
    from pagelens.ingest.readers.texts.mailbox import mailbox_lines

    return TextSource(markup=paragraphs(mailbox_lines(data)))


_CONVERTERS: dict[DocumentFormat, Callable[[bytes], TextSource]] = {  # every other format is plain text
    "HTML": _html,
    "Markdown": _markdown,
    "CSV": _table,
    "TSV": _table,
    "JSON": _json,
    "JSON Lines": _json,
    "SubRip": _subtitles,
    "WebVTT": _subtitles,
    "RTF": _rich_text,
    "EML": _mail,
    "MSG": _outlook_mail,
    "mbox": _mailbox,
}
