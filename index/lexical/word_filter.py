"""Finds the words that may have one of some index terms, by their first letters, before any word is analyzed.

Stemmers take endings off, and leave a word its first two letters, where the stem has three or more, but for:

    ge in a word         the Dutch one takes it off where a part begins: generation, neration
    ae, oe, ue           German, at the beginning: aerodrom, arodrom
    two equal letters    at the beginning: Dutch apen, aap; Finnish, of a word
    y                    English lying, lie

Of a stem of two letters the first one is the word's; one letter may be its "p" or "t" for "b" or "d" (Turkish).
Single letters may be joined to the part that follows: e-mail, email. A number is of a word with its last two digits:
the year 2024 may be written 5.3.24. Any other term that has a digit is of a word that has one. Of words with other
characters than Latin letters and the signs below, nothing is ruled out. Measured with half a million words, real and
made up (docs/LOG.md).
"""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache

from pagelens.core.protocols import WordsAnalyzer
from pagelens.index.lexical.stems import MARK

# Without its accents a word that begins with one of these has another first letter; not ı, nor signs for two letters.
_ACCENTED = "À-ÖØ-öø-\u0129\u0134-\u013e\u0141-\u0148\u014a-\u017e"
SIGNS = "\u2010-\u2015\u2018-\u201e\u2022\u2026«»©®°§£€±·×÷"
_UNCERTAIN = re.compile(rf"[^\x00-\x7f{_ACCENTED}{SIGNS}]|(?<![A-Za-z{_ACCENTED}])[{_ACCENTED}]")
_PARTS = re.compile(rf"[a-z{_ACCENTED}]+")
_DIGIT = re.compile("[0-9]")
_NUMBER = re.compile("[0-9]{1,7}|[0-9]{9,}")  # eight digits are a date
_DUTCH_PREFIX = re.compile("g[eèéêë]")
_VOICED = {"p": "b", "t": "d"}  # what a stem of one letter may have been
_PLACES = {letter: place for place, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
_ACCENT, _END = "é", "."  # instead of a second letter: one with an accent, none
_SECONDS = {**_PLACES, _END: len(_PLACES)}
_ACCENTED_SECOND = len(_SECONDS)
_WIDTH = len(_SECONDS) + 1  # bits for each first letter
_FIRST_DIGITS = len(_PLACES) * _WIDTH  # the place of the digits 00, followed by 01 and so on, and 0 to 9
_WITH_DIGIT, _WITH_PREFIX, _ANY = (1 << (_FIRST_DIGITS + 110 + place) for place in range(3))
_CACHED_WORDS = 65_536


class SelectiveAnalyzer:
    """Analyzes the words that may have a sought term, and skips the others. It keeps what it found: the pages that a
    query finds share most of their words."""

    def __init__(self, analyze: WordsAnalyzer, sought: Collection[str], *, size: int = 4_096) -> None:
        """`size`: how many words are kept before all are forgotten."""
        self._analyze, self._sought, self._size = analyze, frozenset(sought), size
        self._known: dict[str, Collection[str]] = {}  # word -> its terms; none where it has no sought one
        self._marks = 0
        for term in self._sought:
            self._marks |= _marks_of_term(term)

    def __call__(self, words: Collection[str]) -> Mapping[str, Collection[str]]:
        """Return the terms of each word that has a sought term."""
        known = self._known
        missing = set(words).difference(known)
        if missing:
            if len(known) + len(missing) > self._size:
                known = self._known = {}
                missing = set(words)
            found = self._analyze([word for word in missing if self._marks & marks_of_word(word)])
            known.update(dict.fromkeys(missing, ()))
            known.update((word, terms) for word, terms in found.items() if not self._sought.isdisjoint(terms))
        return {word: terms for word in words if (terms := known[word])}


def _marks_of_term(term: str) -> int:
    """Return a number that shares a bit with those of all words that have a term."""
    bare = term.removeprefix(MARK)
    if _DIGIT.search(bare):
        return _ANY | (_last_digits(bare) if _NUMBER.fullmatch(bare) else _WITH_DIGIT)
    marks = _ANY | (_WITH_PREFIX if term.startswith(MARK) else 0)
    first, second = bare[:1], bare[1:2]
    if len(bare) < 3 or first == second:
        return marks | _letters(first) | _letters(_VOICED.get(bare, ""))
    return (
        marks | _letters(first, second) | _letters(first, "y" if second == "i" else second) | _letters(first, _ACCENT)
    )


@lru_cache(_CACHED_WORDS)
def marks_of_word(word: str) -> int:
    """Return the bits of the first letters of a word and its parts, of digits and of "ge"; all bits if in doubt."""
    if not word.isascii() and _UNCERTAIN.search(word):
        return -1
    lowered = word.lower()
    marks = _WITH_PREFIX if _DUTCH_PREFIX.search(lowered) else 0
    parts = _PARTS.findall(lowered)
    if parts and len(parts[-1]) == 1:
        marks |= _letters(parts.pop(), _END)
    for part in parts:
        first, second = part[0], part[1:2]
        is_any = second in ("", first) or (second == "e" and first in "aou")
        marks |= _letters(first) if is_any else _letters(first, second)
    if digits := "".join(_DIGIT.findall(lowered)):
        marks |= _WITH_DIGIT
        for end in range(1, len(digits) + 1):
            marks |= _last_digits(digits[:end]) | _last_digits(digits[end - 1])
    return marks


def _last_digits(number: str) -> int:
    """Return the bit of the last two digits of a number, or of its only one."""
    return 1 << (_FIRST_DIGITS + (int(number[-2:]) if len(number) > 1 else 100 + int(number)))


def _letters(first: str, second: str = "") -> int:
    """Return the bit of two letters; without a second one, those of all; none where the first is not one of a to z."""
    if first not in _PLACES:
        return 0
    bits = 1 << _SECONDS.get(second, _ACCENTED_SECOND) if second else (1 << _WIDTH) - 1
    return bits << _PLACES[first] * _WIDTH
