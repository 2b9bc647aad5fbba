"""Mails (RFC 5322 and MIME): who wrote what to whom and when, the text, and the attached files."""

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from pagelens.ingest.text.decoding import decode

MAX_PARTS = 500  # parts of a mail that are looked at
_POLICY = email.policy.default
_TYPES = {"text/plain": ".txt", "text/html": ".html", "message/rfc822": ".eml", "application/pdf": ".pdf"}


class Attachment(NamedTuple):
    """A file that came with a mail."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MailMessage:
    """A mail. Empty where it does not say."""

    subject: str = ""
    sender: str = ""
    recipients: str = ""
    copies: str = ""
    date: datetime | None = None  # as written by the sender, without its time zone
    text: str = ""
    html: str = ""  # only where there is no text
    attachments: tuple[Attachment, ...] = ()
    doubt: str = ""  # about the encoding


@dataclass(slots=True)
class _Body:
    texts: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    doubt: str = ""
    parts: int = 0


def parse_mail(data: bytes) -> MailMessage:
    """Return what a mail says. Malformed parts are read as far as they go."""
    message = email.message_from_bytes(data, policy=_POLICY)
    body = _Body()
    _collect(message, body)
    return MailMessage(
        subject=header(message, "Subject"),
        sender=header(message, "From"),
        recipients=header(message, "To"),
        copies=header(message, "Cc"),
        date=sent_at(message),
        text="\n\n".join(filter(str.strip, body.texts)),
        html="\n".join(body.html),
        attachments=tuple(body.attachments),
        doubt=body.doubt,
    )


def header(message: Message, name: str) -> str:
    """Return a header on one line, decoded; "" where it is missing or cannot be parsed."""
    try:
        value = str(message[name] or "")
    except Exception:  # noqa: BLE001 - the parser of the standard library raises whatever a malformed header makes it
        return ""
    if any("\udc80" <= char <= "\udcff" for char in value):
        value = decode(value.encode("utf-8", "surrogateescape")).text
    return " ".join(value.split())


def sent_at(message: Message) -> datetime | None:
    """Return when a mail was sent, by the sender's clock."""
    try:
        return parsedate_to_datetime(header(message, "Date")).replace(tzinfo=None)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _collect(part: Message, body: _Body) -> None:
    body.parts += 1
    if body.parts > MAX_PARTS:
        return
    kind = part.get_content_type()
    if part.is_multipart() and kind != "message/rfc822":
        children = list(_children(part))
        if kind == "multipart/alternative":
            chosen = _alternative(children)
            children = [child for child in children if child is chosen or child.get_content_maintype() != "text"]
        for child in children:
            _collect(child, body)
    elif kind == "message/rfc822" or part.get_content_disposition() == "attachment" or _file_name(part):
        body.attachments.append(Attachment(_attachment_name(part, len(body.attachments) + 1), _content(part)))
    elif kind in ("text/plain", "text/html"):
        decoded = decode(_content(part), part.get_content_charset("") or "")
        body.doubt = body.doubt or decoded.problem
        (body.html if kind == "text/html" else body.texts).append(decoded.text)


def _children(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    yield from (child for child in payload if isinstance(child, Message)) if isinstance(payload, list) else ()


def _alternative(children: list[Message]) -> Message | None:
    """Return the text of several that say the same: plain text, unless it is empty."""
    texts = [child for child in children if child.get_content_maintype() == "text"]
    plain = [child for child in texts if child.get_content_type() == "text/plain" and _content(child).strip()]
    return next(iter(plain or texts), None)


def _content(part: Message) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = next(_children(part), None)
        return inner.as_bytes(policy=email.policy.compat32) if inner is not None else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _file_name(part: Message) -> str:
    try:
        return str(part.get_filename() or "")
    except Exception:  # noqa: BLE001 - see `header`
        return ""


def _attachment_name(part: Message, number: int) -> str:
    if name := _file_name(part):
        return name
    suffix = _TYPES.get(part.get_content_type(), "")
    inner = next(_children(part), None) if suffix == ".eml" else None
    subject = header(inner, "Subject") if isinstance(inner, EmailMessage) else ""
    return f"{subject or f'attachment {number}'}{suffix}"
