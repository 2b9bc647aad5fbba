"""Detects whether a streamed reply begins with NOT_ANSWERABLE, and drops reasoning (<think>...</think>) before it."""

import re
from dataclasses import dataclass

from pagelens.generate.prompts import NOT_ANSWERABLE

_THINK, _END_THINK = "<think>", "</think>"
# Models also say so with words they were told at other times.
_NOT_FOUND = re.compile(r"[\W_]*not[_ ](?:found|answerable)\b[\W_]*", re.IGNORECASE)
_TOKENS = ("not_found", "not_answerable")
assert _NOT_FOUND.match(NOT_ANSWERABLE)
MAX_MISSING = 200  # characters of what is said to be missing


@dataclass(slots=True)
class AbstentionFilter:
    """Holds back the start of a reply until it is clear whether it is NOT_ANSWERABLE; then `not_found` is true."""

    not_found: bool = False
    missing: str = ""  # what the pages lack, as the reply says
    _buffer: str = ""
    _is_answer: bool = False

    def feed(self, piece: str) -> str:
        """Take the next piece of the reply; return the text that may be shown now."""
        if self._is_answer:
            return piece
        if self.not_found:
            self.missing = f"{self.missing}{piece}"[:MAX_MISSING]
            return ""
        self._buffer += piece
        return self._decide(final=False)

    def finish(self) -> str:
        """Return the text that was held back, if the reply that has ended is an answer."""
        return "" if self._is_answer or self.not_found else self._decide(final=True)

    def _decide(self, *, final: bool) -> str:
        text = self._buffer.lstrip()
        if text.startswith(_THINK):
            _, end, text = text.partition(_END_THINK)
            text = text.lstrip()
            if not end:
                return ""
        elif not final and _THINK.startswith(text):
            return ""
        if match := _NOT_FOUND.match(text):
            self.not_found = True
            self.missing = text[match.end() :][:MAX_MISSING]
            return ""
        if not final and _begins_token(text):
            return ""
        self._is_answer = True
        return text


def _begins_token(text: str) -> bool:
    """Return whether more of the reply may make it begin with one of the tokens."""
    begun = re.sub(r"^[\W_]+", "", text).lower().replace(" ", "_")
    return any(token.startswith(begun) for token in _TOKENS)
