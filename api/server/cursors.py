"""Cursors: where a listing goes on. Opaque and signed: one that was made up, or belongs elsewhere, is refused."""

import base64
import binascii
import hashlib
import hmac
import json

from pagelens.core.errors import UsageError

SIGNATURE = 16  # bytes


class Cursors:
    """Writes and reads cursors with a server's secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, listing: str, place: int | str) -> str:
        """Return the cursor to a place in a listing; `listing` names it with everything that was asked."""
        told = json.dumps(place).encode()
        return base64.urlsafe_b64encode(self._sign(listing, told) + told).rstrip(b"=").decode()

    def read(self, listing: str, cursor: str) -> int | str:
        """Return the place. Raises UsageError for a cursor that is not of this listing."""
        try:
            data = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            data = b""
        signature, told = data[:SIGNATURE], data[SIGNATURE:]
        if not hmac.compare_digest(signature, self._sign(listing, told)):
            raise UsageError(
                "expected a `cursor` that an answer to this very request gave, found another. Leave it out."
            )
        place: int | str = json.loads(told)
        return place

    def read_number(self, listing: str, cursor: str | None, start: int = 0) -> int:
        """Return a place that is a number; `start` where there is no cursor."""
        return start if cursor is None else int(self.read(listing, cursor))

    def _sign(self, listing: str, told: bytes) -> bytes:
        about = len(listing.encode()).to_bytes(4, "big") + listing.encode() + told
        return hmac.new(self._secret, about, hashlib.sha256).digest()[:SIGNATURE]
