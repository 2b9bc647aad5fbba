"""Detects whether a streamed reply begins with NOT_FOUND, and drops reasoning (<think>...</think>) before it."""

import re
from dataclasses import dataclass

from pagelens.generate.prompts import NOT_FOUND

_THINK, _END_THINK = "<think>", "</think>"
_NOT_FOUND = re.compile(r"[\W_]*not[_ ]found\b", re.IGNORECASE)
_NOT_FOUND_PREFIX = re.compile(r"[\W_]*(n(o(t([_ ](f(o(u(n(d)?)?)?)?)?)?)?)?)?$", re.IGNORECASE)
assert _NOT_FOUND.match(NOT_FOUND)


@dataclass(slots=True)
class AbstentionFilter:
    """Holds back the start of a reply until it is clear whether it is NOT_FOUND; then `not_found` is true."""

    not_found: bool = False
    _buffer: str = ""
    _is_answer: bool = False

    def feed(self, piece: str) -> str:
        """Take the next piece of the reply; return the text that may be shown now."""
        if self._is_answer:
            return piece
        self._buffer += piece
        return self._decide(final=False)

    def finish(self) -> str:
        """Return the text that was held back, if the reply that has ended is an answer."""
        return "" if self._is_answer else self._decide(final=True)

    def _decide(self, *, final: bool) -> str:
        text = self._buffer.lstrip()
        if text.startswith(_THINK):
            _, end, text = text.partition(_END_THINK)
            text = text.lstrip()
            if not end:
                return ""
        elif not final and _THINK.startswith(text):
            return ""
        if _NOT_FOUND.match(text):
            self.not_found = True
            return ""
        if not final and _NOT_FOUND_PREFIX.match(text):
            return ""
        self._is_answer = True
        return text
