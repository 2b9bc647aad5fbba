"""Decodes pictures in request bodies: base64, or the data URL of a chat message. No address is ever fetched."""

import base64
import binascii

from pagelens.api.server.problems import Problem


def decode_image(image: str | None, field: str = "body.image") -> bytes | None:
    """Return the bytes of a picture in base64; None for None. Raises Problem (422)."""
    if image is None:
        return None
    data = decode_base64(image)
    if not data:
        step = "Encode the file's bytes in base64 (RFC 4648, no line breaks, no `data:`); addresses are not fetched."
        detail = "expected a picture in base64, found something else"
        raise Problem(422, "not-base64", detail, fields=[(field, detail)], next_step=step)
    return data


def decode_base64(text: str) -> bytes:
    """Return the bytes of a text in base64, empty bytes for any other text."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return b""
