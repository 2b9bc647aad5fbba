"""Splits words of OCR that are two or three with their blanks lost ("Noticeof"), where the page's other words say so.

A word is split only where it stands once on the page and is no common English word. Its parts are words of the page
that stand next to each other elsewhere, or a function word ("of") and a word of the page or a common one.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from pagelens.ingest.ocr.recognition import RecognisedWord

MIN_LETTERS, MAX_LETTERS = 5, 40  # of a word that is split
MIN_PART = 4  # letters of a part that is no function word
MAX_PARTS = 3

# Function words that end no other word after a part that is one: not "by" (standby), "on", "or" (auditor).
_AFTER = frozenset(
    "of the and in to for from with that this which are was were has have"
    " und von für die das des du dans pour del para".split()
)
_BEFORE = frozenset("of the and und".split())  # the same at the start of a word: not "in" (inpatient), "for"
# Before "the", which ends no word that begins with one of these.
_BEFORE_THE = frozenset("of in to on and for by is as at that with from was were are all when than into".split())
_NEVER_BEFORE = frozenset("forth here hereto there thereto where".split())  # "therein", "herewith"


def split_glued_words(words: Sequence[RecognisedWord]) -> list[RecognisedWord]:
    """Return the words of a page with lost blanks put back; a part's box is its share of the word's by characters."""
    letters = [_core(word.text) for word in words]
    counts = Counter(core.casefold() for core in letters if core)
    known = frozenset(core for core in letters if core)
    pairs = frozenset(pairwise(core.casefold() for core in letters))
    found: list[RecognisedWord] = []
    for word, core in zip(words, letters, strict=True):
        is_candidate = MIN_LETTERS <= len(core) <= MAX_LETTERS and counts[core.casefold()] == 1
        parts = _parts(core, known, pairs) if is_candidate else []
        found += _divided(word, core, parts) if parts and not _is_common(core) else [word]
    return found


def _parts(core: str, known: frozenset[str], pairs: frozenset[tuple[str, str]], count: int = MAX_PARTS) -> list[str]:
    """Return the parts of a glued word, none where it is whole: the longest first part that leaves parts."""
    for end in range(len(core) - 2, 1, -1):
        first, rest = core[:end], core[end:]
        if not _may_begin(first, known):
            continue
        if _belong_together(first, rest, known, pairs):
            return [first, rest]
        more = _parts(rest, known, pairs, count - 1) if count > 2 else []
        if more and _belong_together(first, more[0], known, pairs):
            return [first, *more]
    return []


def _may_begin(part: str, known: frozenset[str]) -> bool:
    if len(part) < MIN_PART or part.casefold() in _BEFORE_THE:
        return part.casefold() in _BEFORE | _BEFORE_THE
    return not known.isdisjoint((part, part.lower(), part.capitalize())) or (part.islower() and _is_common(part))


def _belong_together(first: str, second: str, known: frozenset[str], pairs: frozenset[tuple[str, str]]) -> bool:
    """Tell whether two parts stand next to each other on the page, or one is a function word beside a word of it."""
    if second == "the" and first.casefold() in _BEFORE_THE:
        return True
    if second in _AFTER and first.casefold() not in _NEVER_BEFORE:
        return len(first) >= MIN_PART and first.casefold() not in _BEFORE_THE
    if len(second) < MIN_PART or second not in known:
        return False
    return first.casefold() in _BEFORE or (first.casefold(), second.casefold()) in pairs


def _is_common(core: str) -> bool:
    from pagelens.encode.text.english_words import english_words

    return core.casefold() in english_words()


def _core(text: str) -> str:
    """Return a word without the punctuation around it; "" where it is not of letters only."""
    core = text.strip("".join({char for char in text if unicodedata.category(char)[0] in "PS"}))
    return core if core.isalpha() else ""


def _divided(word: RecognisedWord, core: str, parts: Sequence[str]) -> list[RecognisedWord]:
    """Return the parts as words; punctuation stays with the first and the last."""
    start = word.text.index(core)
    cuts = [start + len("".join(parts[:count])) for count in range(1, len(parts))]
    width = (word.x1 - word.x0) / len(word.text)
    return [
        word._replace(text=word.text[first:end], x0=word.x0 + first * width, x1=word.x0 + end * width)
        for first, end in pairwise([0, *cuts, len(word.text)])
    ]
