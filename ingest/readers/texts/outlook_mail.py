"""Outlook's mails (.msg): properties in an OLE container, read by python-oxmsg."""

from pagelens.core.errors import ReadError
from pagelens.ingest.readers.texts.mail import Attachment, MailMessage


def parse_outlook_mail(data: bytes) -> MailMessage:
    """Return what an Outlook mail says. Raises ReadError: damaged."""
    from oxmsg import Message

    try:
        message = Message.load(data)
        headers = message.message_headers
        names = [f"{one.name} <{one.email_address}>".strip() for one in message.recipients]
        sent = message.sent_date
        return MailMessage(
            subject=_line(message.subject),
            sender=_line(message.sender or ""),
            recipients=_line(headers.get("To") or ", ".join(names)),
            copies=_line(headers.get("Cc") or ""),
            date=sent.replace(tzinfo=None) if sent else None,
            text=message.body or "",
            html="" if message.body else message.html_body or "",
            attachments=tuple(
                Attachment(one.file_name or f"attachment {number}", one.file_bytes or b"")
                for number, one in enumerate(message.attachments, 1)
            ),
        )
    except MemoryError:
        raise
    except Exception as exc:  # the library raises whatever a damaged property makes it
        raise ReadError("damaged", f"not readable as an Outlook mail ({exc}): save it as .eml") from exc


def _line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())
