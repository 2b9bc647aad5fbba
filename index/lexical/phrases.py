"""Phrases as they stand in a text: words in a row, whatever their case and accents, and the punctuation between them.

Positions are not in the lexical index: pages that have a phrase's words are read, and the phrase is looked for.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pagelens.core.terms import plain_terms
from pagelens.core.word_breaks import join_with_offsets
from pagelens.index.lexical.analysis import analyze
from pagelens.index.lexical.folding import fold, fold_text

# Scripts without blanks between words: each character is a unit, and a phrase may begin or end within a word. Words in
# Hangul take particles, Indic words have marks that are no letters.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_INDIC = "\u0900-\u0963\u0966-\u0dff"
_UNIT = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])(?:[^\W_]|[{_INDIC}]))+")
_HANGUL_END = re.compile("[\uac00-\ud7a3]$")
_WITHIN_WORD = re.compile(f"[{_UNSPACED}]")
_BREAK = re.compile(r"(?<=[^\W_])[-\u2010\u00ad]\s*\n\s*(?=[^\W_])")
# Letters and marks of other alphabets, and marks within words that are left out.
_FOLDED = re.compile("[^\\W\x00-\x7f]|[\u00ad\u0300-\u036f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LETTERS = re.compile(r"[^\W\d_]+")
_MIN_LETTERS = 3  # of a word whose index term is the same whatever stands beside it: "u s" is indexed as "us"


@lru_cache(1_024)
def phrase_pattern(phrase: str) -> re.Pattern[str]:
    """Return a pattern that finds a phrase in a folded text; one without letters and digits is nowhere."""
    folded = fold(phrase)
    units = list(_UNIT.finditer(folded))
    if not units:
        return re.compile(r"(?!)")
    first = re.escape(units[0].group())
    parts = [first]
    if not _WITHIN_WORD.match(units[0].group()):  # behind the word: a pattern that begins with letters is found faster
        parts.append(rf"(?<![^\W_]{first})(?<![{_INDIC}]{first})")
    end = units[0].end()
    for unit in units[1:]:
        is_apart = unit.start() > end
        is_unspaced = _WITHIN_WORD.match(unit.group()) or _WITHIN_WORD.match(folded[end - 1])
        parts.append((r"[\W_]*" if is_apart else r"\s*") if is_unspaced else r"[\W_]+")
        parts.append(re.escape(unit.group()))
        end = unit.end()
    last = units[-1].group()
    if not (_WITHIN_WORD.match(last) or _HANGUL_END.search(last)):
        parts.append(rf"(?![^\W_]|[{_INDIC}])")
    return re.compile("".join(parts))


def certain_terms(phrase: str) -> list[str]:
    """Return index terms that each page with the phrase has, whatever stands beside its words there: no numbers, which
    may be parts of dates, and no stop words."""
    terms: dict[str, None] = {}
    for word in _UNIT.findall(phrase.lower()):
        if _LETTERS.fullmatch(word) and (len(word) >= _MIN_LETTERS or _WITHIN_WORD.match(word)):
            terms.update(dict.fromkeys(plain_terms(analyze(word))))
    return list(terms)


def phrase_spans(text: str, phrases: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where the first occurrence of each phrase stands in a page's text; broken words are whole."""
    whole = join_with_offsets(text)
    folded, starts = [], []  # words, so that positions are kept where folding changes a text's length
    for match in re.finditer(r"\S+|\s+", whole.text):
        word = fold(match.group()) if not match.group().isspace() else " "
        folded.append(word)
        starts += [match.start()] * len(word)
    folded_text = "".join(folded)
    for phrase in phrases:
        if found := phrase_pattern(phrase).search(folded_text):
            last = re.match(r"\S*", whole.text[starts[found.end() - 1] :])
            assert last is not None
            end = starts[found.end() - 1] + max(1, last.end())
            yield int(whole.offsets[starts[found.start()]]), int(whole.offsets[end - 1]) + 1


def has_phrase(text: str, caption: str, pattern: re.Pattern[str]) -> bool:
    """Tell whether a page has a phrase, by its pattern, in its text or caption.

    A hyphen at a line end stands for itself or for nothing.
    """
    words = f"{text}\n\n{caption}"
    without_breaks, breaks = _BREAK.subn("", words)
    return any(pattern.search(_fold_letters(reading)) for reading in ([words, without_breaks] if breaks else [words]))


def _fold_letters(text: str) -> str:
    """Return a text folded, or only in small letters where it has nothing else to fold; this is ten times as fast."""
    return fold_text(text) if _FOLDED.search(text) else text.lower()
