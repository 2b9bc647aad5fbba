"""Index terms of single words, many at once: those that `analyze` returns for each, at a fraction of the cost.

A word of plain letters has one plain term, and stems in every language that writes in these letters: each stemmer is
called once for all words. Other words are analyzed one by one.
"""

import re
from collections.abc import Collection, Iterable

from pagelens.index.lexical.analysis import STOPWORDS, analyze, plain_words
from pagelens.index.lexical.stems import latin_stems
from pagelens.index.lexical.word_filter import SIGNS

_SIGNS = rf"[!-/:-@\[-`{{-~{SIGNS}]*"
_PLAIN_WORD = re.compile(f"{_SIGNS}([A-Za-z]{{2,40}}){_SIGNS}")
_PLAIN_NUMBER = re.compile(rf"{_SIGNS}([0-9]{{1,7}}){_SIGNS}")  # eight digits may be a date


class WordAnalyzer:
    """Analyzes words, and keeps the terms of those that it has seen: the pages of a collection share most of theirs."""

    def __init__(self, size: int = 50_000) -> None:
        """`size`: how many words are kept before all are forgotten."""
        self._size = size
        self._known: dict[str, frozenset[str]] = {}

    def __call__(self, words: Collection[str]) -> dict[str, frozenset[str]]:
        """Return the terms of each word, plain ones and other forms."""
        known = self._known
        missing = [word for word in words if word not in known]
        if len(known) + len(missing) > self._size:
            known = self._known = analyze_words(words)
        elif missing:
            known.update(analyze_words(missing))
        return {word: known[word] for word in words}


def analyze_words(words: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the index terms of each word, as `analyze` finds them in the word alone."""
    letters: dict[str, str] = {}  # word -> the same in small letters, without signs around it
    terms: dict[str, frozenset[str]] = {}
    for word in words:
        match = _PLAIN_WORD.fullmatch(word)
        if match and not (match[1].isupper() and match[1].lower() in STOPWORDS):  # else an acronym: WHO, IT
            letters[word] = match[1].lower()
        elif number := _PLAIN_NUMBER.fullmatch(word):
            terms[word] = frozenset((number[1],))
        else:
            terms[word] = frozenset(map(str, analyze(word)))
    distinct = list(dict.fromkeys(letters.values()))
    of_letters = {
        word: frozenset((*plain, *stems))
        for word, plain, stems in zip(distinct, plain_words(distinct), latin_stems(distinct), strict=True)
    }
    return {**terms, **{word: of_letters[lowered] for word, lowered in letters.items()}}
