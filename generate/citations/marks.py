"""Parses marks [n] in a streamed reply, and finds the text that each mark cites a page for.

[1], [1][2], [1, 2], [1-3] and 【1】 are marks; [2015] and [sic] are text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_MARK = re.compile(r"[\[【]\s*(?:pages?\s*|p\.\s*)?(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\s*[\]】]", re.IGNORECASE)
_BEGUN = re.compile(r"[\[【]\s*(?:p(?:a(?:g(?:es?)?)?|\.)?\s*)?[\d\s,;–-]*$", re.IGNORECASE)
MAX_MARK = 40  # characters
_ENDS = re.compile(r"(?<=[.!?…。！？])[\"'”’»)\]]*\s+(?=\S)|\n+|(?<=[。！？])")
_ABBREVIATED = re.compile(r"\b(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|Fig|Eq|Inc|Ltd|Co|Corp|approx)\.$")
MIN_CLAUSE_WORDS = 4  # words between two marks of one sentence; if fewer, the mark cites the whole sentence


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of one number, and the text before it that it cites the page for."""

    number: int
    claim: str
    group: int  # the same for marks side by side


@dataclass(slots=True)
class MarkParser:
    """Parses a reply piece by piece. `text` is the reply so far, without marks of pages that were not shown."""

    page_count: int  # pages shown; marks go from 1 to this
    text: str = ""
    dropped: list[int] = field(default_factory=list)  # numbers of marks that were left out
    _pending: str = ""
    _unmarked_text: str = ""  # the reply so far, without any marks
    _clause: str = ""  # text since the last mark
    _last_claim: str = ""
    _group_count: int = 0

    def feed(self, piece: str) -> Iterator[str | Mark]:
        """Yield text that can be shown, and marks at their place. What may be the start of a mark is held back."""
        self._pending += piece
        yield from self._read(final=False)

    def finish(self) -> Iterator[str | Mark]:
        """Yield the text that was held back."""
        yield from self._read(final=True)

    def _read(self, *, final: bool) -> Iterator[str | Mark]:
        while match := _MARK.search(self._pending):
            yield from self._emit(self._pending[: match.start()])
            self._pending = self._pending[match.end() :]
            yield from self._marks(match.group(1))
        begun = _BEGUN.search(self._pending)
        keep = begun.start() if begun and not final and len(self._pending) - begun.start() < MAX_MARK else None
        text, self._pending = self._pending[:keep], self._pending[keep:] if keep is not None else ""
        yield from self._emit(text)

    def _emit(self, text: str) -> Iterator[str]:
        if not text:
            return
        self.text += text
        self._clause += text
        self._unmarked_text += text
        yield text

    def _marks(self, written: str) -> Iterator[str | Mark]:
        claim = self._claim()
        for number in _numbers(written):
            if not 1 <= number <= self.page_count:
                self.dropped.append(number)
                continue
            mark = f"[{number}]"
            self.text += mark
            yield mark
            yield Mark(number, claim, self._group_count)

    def _claim(self) -> str:
        """Return the text that a mark cites a page for: the clause since the last mark, or its sentence if short."""
        if not self._clause.strip(" .,;:!?()*_\n-–•"):
            return self._last_claim  # [1][2], or "[1]. [2]"
        self._group_count += 1
        sentence = _last_sentence(self._unmarked_text)
        clause = _last_sentence(self._clause)
        self._last_claim = clause if len(clause.split()) >= MIN_CLAUSE_WORDS else sentence
        self._clause = ""
        return self._last_claim


def disarm_marks(text: str) -> str:
    """Return a quoted text with its own marks in round brackets, so that "[1]" on a page is not taken for a citation.

    The length of the text does not change.
    """
    return _MARK.sub(lambda match: f"({match[0][1:-1]})", text)


def _numbers(written: str) -> list[int]:
    """Return the numbers of a mark such as "1, 3" or "2-4"."""
    numbers: list[int] = []
    for part in re.split(r"[,;]", written):
        first, _, last = re.sub(r"\s", "", part).replace("–", "-").partition("-")
        end = int(last or first)
        numbers += range(int(first), end + 1) if end - int(first) < 20 else [int(first), end]
    return numbers


def split_claims(text: str) -> list[str]:
    """Return the sentences and lines of an answer."""
    claims: list[str] = []
    for part in _ENDS.split(text):
        if claims and _ABBREVIATED.search(claims[-1]):
            claims[-1] += f" {part}"
        elif part.strip():
            claims.append(part.strip())
    return claims


def _last_sentence(text: str) -> str:
    sentences = split_claims(text)
    return sentences[-1].strip("*_#•- ") if sentences else ""
