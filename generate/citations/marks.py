"""Marks [n] in a reply as it streams, split over pieces or not: which text stands before each of them.

[1], [1][2], [1, 2], [1-3] and 【1】 are marks; [2015] and [sic] are text. Knows no page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_MARK = re.compile(r"[\[【]\s*(?:pages?\s*|p\.\s*)?(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\s*[\]】]", re.IGNORECASE)
_BEGUN = re.compile(r"[\[【]\s*(?:p(?:a(?:g(?:es?)?)?|\.)?\s*)?[\d\s,;–-]*$", re.IGNORECASE)
LONGEST = 40  # letters of a mark
_ENDS = re.compile(r"(?<=[.!?…。！？])[\"'”’»)\]]*\s+(?=\S)|\n+|(?<=[。！？])")
_ABBREVIATED = re.compile(r"\b(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|Fig|Eq|Inc|Ltd|Co|Corp|approx)\.$")
LEAST_CLAUSE = 4  # words between two marks of one sentence: fewer belong to the sentence as a whole


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of one number, and the words of the sentence before it."""

    number: int
    claim: str
    group: int  # marks side by side share it


@dataclass(slots=True)
class MarkReader:
    """Reads a reply piece by piece. `text` is what was read so far, marks of pages that were not shown left out."""

    shown: int  # pages: marks go from 1 to this
    text: str = ""
    dropped: list[int] = field(default_factory=list)
    _pending: str = ""
    _said: str = ""  # since the last sentence's end, marks left out
    _clause: str = ""  # since the last mark
    _last: str = ""
    _groups: int = 0

    def feed(self, piece: str) -> Iterator[str | Mark]:
        """Yield text that can be shown, and marks where they stand; the start of a mark is held back."""
        self._pending += piece
        yield from self._read(final=False)

    def finish(self) -> Iterator[str | Mark]:
        """Yield what was held back."""
        yield from self._read(final=True)

    def _read(self, *, final: bool) -> Iterator[str | Mark]:
        while match := _MARK.search(self._pending):
            yield from self._say(self._pending[: match.start()])
            self._pending = self._pending[match.end() :]
            yield from self._marks(match.group(1))
        begun = _BEGUN.search(self._pending)
        keep = begun.start() if begun and not final and len(self._pending) - begun.start() < LONGEST else None
        said, self._pending = self._pending[:keep], self._pending[keep:] if keep is not None else ""
        yield from self._say(said)

    def _say(self, said: str) -> Iterator[str]:
        if not said:
            return
        self.text += said
        self._clause += said
        self._said += said
        yield said

    def _marks(self, written: str) -> Iterator[str | Mark]:
        claim = self._claim()
        for number in _numbers(written):
            if not 1 <= number <= self.shown:
                self.dropped.append(number)
                continue
            mark = f"[{number}]"
            self.text += mark
            yield mark
            yield Mark(number, claim, self._groups)

    def _claim(self) -> str:
        """Return what a mark stands for: the clause since the mark before it; its sentence where that is short."""
        if not self._clause.strip(" .,;:!?()*_\n-–•"):
            return self._last  # [1][2], or "[1]. [2]"
        self._groups += 1
        sentence = _last_sentence(self._said)
        clause = _last_sentence(self._clause)
        self._last = clause if len(clause.split()) >= LEAST_CLAUSE else sentence
        self._clause = ""
        return self._last


def _numbers(written: str) -> list[int]:
    """Return the numbers of a mark: "1, 3" and "2-4" are several."""
    found: list[int] = []
    for part in re.split(r"[,;]", written):
        first, _, last = re.sub(r"\s", "", part).replace("–", "-").partition("-")
        end = int(last or first)
        found += range(int(first), end + 1) if end - int(first) < 20 else [int(first), end]
    return found


def split_claims(text: str) -> list[str]:
    """Return the sentences and lines of an answer."""
    found: list[str] = []
    for part in _ENDS.split(text):
        if found and _ABBREVIATED.search(found[-1]):
            found[-1] += f" {part}"
        elif part.strip():
            found.append(part.strip())
    return found


def _last_sentence(text: str) -> str:
    sentences = split_claims(text)
    return sentences[-1].strip("*_#•- ") if sentences else ""
