"""The page of a mail: its subject, sender, recipients and date, its text, and the names of the attached files."""

from html import escape

from pagelens.core.types import Metadata
from pagelens.ingest.readers.html_source import sanitize_html
from pagelens.ingest.readers.texts.mail import MailMessage
from pagelens.ingest.readers.texts.text_source import TextSource


def mail_source(mail: MailMessage) -> TextSource:
    """Return a mail as markup, with its subject as title and its sender and recipients as facts."""
    lines = {
        "From": mail.sender,
        "To": mail.recipients,
        "Cc": mail.copies,
        "Date": f"{mail.date:%Y-%m-%d %H:%M}" if mail.date else "",
        "Attachments": ", ".join(" ".join(attachment.name.split()) for attachment in mail.attachments),
    }
    written = "<br/>".join(f"{name}: {escape(value, quote=False)}" for name, value in lines.items() if value)
    body = _text_markup(mail.text) if mail.text.strip() else sanitize_html(mail.html)
    subject = f"<h1>{escape(mail.subject, quote=False)}</h1>" if mail.subject else ""
    facts: Metadata = {name.lower(): value for name, value in lines.items() if value and name != "Date"}
    return TextSource(
        markup=f"{subject}<p>{written}</p>\n{body}",
        title=mail.subject,
        date=mail.date,
        facts=facts,
        doubt=mail.doubt,
    )


def _text_markup(text: str) -> str:
    """Return plain text as paragraphs whose lines stay lines."""
    blocks = [block for block in text.replace("\r\n", "\n").split("\n\n") if block.strip()]
    return "".join(
        f"<p>{'<br/>'.join(escape(line, quote=False) for line in block.splitlines())}</p>" for block in blocks
    )
