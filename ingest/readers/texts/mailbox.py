"""Mailboxes in the mbox format (RFC 4155): finds the mails in them, and lists them as lines."""

import email
import email.message
import email.policy
import re
from collections.abc import Iterator

from pagelens.ingest.readers.texts.mail import header, sent_at

# A line "From sender date" at the start or after an empty line.
_POSTMARK = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\r\n\r\n))From [^\n]*\d[^\n]*\n")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.M)


def split_mailbox(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each mail of a mailbox with a file name: its position and its subject."""
    marks = list(_POSTMARK.finditer(data))
    ends = [mark.start() for mark in marks[1:]] + [len(data)]
    for number, (mark, end) in enumerate(zip(marks, ends, strict=True), 1):
        mail = _QUOTED_FROM.sub(rb"\1", data[mark.end() : end])
        subject = header(_headers(mail), "Subject")
        yield f"{number:04d} {subject[:80]}".strip() + ".eml", mail


def mailbox_lines(data: bytes) -> list[str]:
    """Return a line for each mail: number, date, sender, subject."""
    lines = []
    for number, (_, mail) in enumerate(split_mailbox(data), 1):
        message = _headers(mail)
        date = sent_at(message)
        day = f"{date:%Y-%m-%d %H:%M}" if date else ""
        parts = (str(number), day, header(message, "From"), header(message, "Subject"))
        lines.append("; ".join(filter(None, parts)))
    return lines


def _headers(mail: bytes) -> "email.message.Message":
    top = re.split(rb"\r?\n\r?\n", mail, maxsplit=1)[0]
    return email.message_from_bytes(top, policy=email.policy.default)
