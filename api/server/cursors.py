"""Opaque, signed cursors for paging. A cursor that was forged, or that belongs to another listing, is refused."""

import base64
import binascii
import hashlib
import hmac
import json

from pagelens.core.errors import UsageError

SIGNATURE_BYTES = 16


class Cursors:
    """Encodes and decodes cursors with a server's secret (HMAC-SHA-256, truncated)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def encode(self, listing: str, position: int | str) -> str:
        """Return the cursor of a position. `listing` names the listing with all parameters of the request."""
        payload = json.dumps(position).encode()
        return base64.urlsafe_b64encode(self._sign(listing, payload) + payload).rstrip(b"=").decode()

    def decode(self, listing: str, cursor: str) -> int | str:
        """Return the position. Raises UsageError for a cursor that does not belong to this listing."""
        try:
            data = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            data = b""
        signature, payload = data[:SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(listing, payload)):
            raise UsageError(
                "expected a `cursor` from an answer to this same request, found another. Leave it out to start anew."
            )
        position: int | str = json.loads(payload)
        return position

    def decode_number(self, listing: str, cursor: str | None) -> int:
        """Return a position that is a number; 0 without a cursor. Raises UsageError."""
        return 0 if cursor is None else int(self.decode(listing, cursor))

    def encode_results(self, listing: str, generation: int, first: int) -> str:
        """Return the cursor of the results of a search from index `first` on, as a commit's generation ranks them."""
        return self.encode(listing, f"{generation} {first}")

    def decode_results(self, listing: str, cursor: str | None) -> tuple[int | None, int]:
        """Return generation and index; None and 0 without a cursor. Raises UsageError."""
        if cursor is None:
            return None, 0
        generation, first = map(int, str(self.decode(listing, cursor)).split())
        return generation, first

    def _sign(self, listing: str, payload: bytes) -> bytes:
        message = len(listing.encode()).to_bytes(4, "big") + listing.encode() + payload
        return hmac.new(self._secret, message, hashlib.sha256).digest()[:SIGNATURE_BYTES]
