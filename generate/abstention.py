"""How a reply begins: its thinking aside, does it answer or say NOT_FOUND? Nothing is shown before that is clear."""

import re
from dataclasses import dataclass

from pagelens.generate.prompts import NOT_FOUND

_OPEN, _CLOSE = "<think>", "</think>"
_SAYS_NO = re.compile(r"[\W_]*not[_ ]found\b", re.IGNORECASE)
_MAY_SAY_NO = re.compile(r"[\W_]*(n(o(t([_ ](f(o(u(n(d)?)?)?)?)?)?)?)?)?$", re.IGNORECASE)
assert _SAYS_NO.match(NOT_FOUND)


@dataclass(slots=True)
class Opening:
    """Holds back a reply's first letters. `not_found`: the reply says that the pages do not answer."""

    not_found: bool = False
    _held: str = ""
    _open: bool = False

    def pass_on(self, piece: str) -> str:
        """Return what may be shown now."""
        if self._open:
            return piece
        self._held += piece
        return self._decide(final=False)

    def rest(self) -> str:
        """Return what was held back and turns out to be the answer."""
        return "" if self._open else self._decide(final=True)

    def _decide(self, *, final: bool) -> str:
        said = self._held.lstrip()
        if said.startswith(_OPEN):
            _, closed, said = said.partition(_CLOSE)
            said = said.lstrip()
            if not closed:
                return ""
        elif not final and _OPEN.startswith(said):
            return ""
        if _SAYS_NO.match(said):
            self.not_found = True
            return ""
        if not final and _MAY_SAY_NO.match(said):
            return ""
        self._open = True
        return said
