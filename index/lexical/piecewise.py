"""Analyzes texts piece by piece and keeps the terms of the pieces: pages share most of their words."""

import re
from collections.abc import Sequence

import tantivy

MARK = "qzxqzxqzx"  # a term that parts the terms of pieces that are analyzed in one call
MAX_PIECE = 40  # characters of a piece that is kept; a sentence of a script without blanks is one piece
MAX_PIECES = 65_536  # that are kept before all are forgotten

_PIECE = re.compile("[A-Za-z0-9\x80-\U0010ffff]+")


class PiecewiseAnalyzer:
    """Returns the terms that an analyzer returns, at a fraction of the cost for texts of known words."""

    def __init__(self, analyzer: tantivy.TextAnalyzer) -> None:
        """No token of `analyzer` may hold a blank or a sign of ASCII, and no filter may look at two tokens."""
        self._analyzer = analyzer
        self._known: dict[str, Sequence[str]] = {}

    def __call__(self, text: str) -> list[str]:
        """Return the terms of a text, in order."""
        pieces = _PIECE.findall(text)
        known = self._known
        missing = [piece for piece in dict.fromkeys(pieces) if piece not in known]
        if missing:
            new = self._analyzed(missing)
            self._keep({piece: terms for piece, terms in new.items() if len(piece) <= MAX_PIECE})
            known = {piece: new[piece] if piece in new else known[piece] for piece in dict.fromkeys(pieces)}
        terms: list[str] = []
        for piece in pieces:
            terms += known[piece]
        return terms

    def _keep(self, new: dict[str, Sequence[str]]) -> None:
        if len(self._known) + len(new) > MAX_PIECES:
            self._known = {}  # another thread may still read the old ones
        self._known.update(new)

    def _analyzed(self, pieces: Sequence[str]) -> dict[str, Sequence[str]]:
        """Return the terms of each piece."""
        found: list[list[str]] = [[]]
        for term in self._analyzer.analyze(f" {MARK} ".join((*pieces, ""))):
            if term == MARK:
                found.append([])
            else:
                found[-1].append(term)
        if len(found) != len(pieces) + 1:  # the mark stands in the text
            return {piece: self._analyzer.analyze(piece) for piece in pieces}
        return dict(zip(pieces, map(tuple, found), strict=False))
