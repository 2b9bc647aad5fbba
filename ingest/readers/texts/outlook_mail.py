"""Outlook's mails (.msg): properties in an OLE container, read by python-oxmsg."""

from pagelens.core.errors import ReadError
from pagelens.ingest.readers.texts.mail import Attachment, MailMessage

_RECIPIENT_TYPE = 0x0C15  # PidTagRecipientType
_COPY = 2


def parse_outlook_mail(data: bytes) -> MailMessage:
    """Return what an Outlook mail says. Raises ReadError: damaged."""
    from oxmsg import Message

    try:
        message = Message.load(data)
        headers = message.message_headers
        recipients = [(one.properties.int_prop_value(_RECIPIENT_TYPE), one) for one in message.recipients]
        to = ", ".join(_address(one.name, one.email_address) for kind, one in recipients if kind != _COPY)
        copies = ", ".join(_address(one.name, one.email_address) for kind, one in recipients if kind == _COPY)
        sent = message.sent_date
        return MailMessage(
            subject=_line(message.subject),
            sender=_line(message.sender or ""),
            recipients=_line(headers.get("To") or to),
            copies=_line(headers.get("Cc") or copies),
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


def _address(name: str, address: str) -> str:
    return f"{name} <{address}>" if name and address else name or address


def _line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())
