"""Spelling: words of a query that no page has are replaced by near words of the collection.

Numbers, codes, acronyms, words in quotation marks, short words, common English words ("bread", which no page may be
about) and words that say how to answer ("enumerate") are left as they are. So is a query most of whose words are
unknown, or that is in a language of no pages: "combien" is not to be "combine".
The nearest word is taken, of several that on most pages; other weights were no better (docs/LOG.md).
"""

import re
from collections.abc import Iterator, Sequence

from pagelens.core.protocols import Analyzer
from pagelens.core.query_conditions import Correction
from pagelens.core.terms import whole_word_terms
from pagelens.encode.text.english_words import english_words
from pagelens.index.lexical.normalization import normalized
from pagelens.index.lexical.vocabulary import Neighbour, Vocabulary
from pagelens.index.reader import Snapshot
from pagelens.retrieve.page_languages import is_in_language_of_pages

MIN_LETTERS = 4  # of a corrected word
LONG_WORD = 10  # letters from which a word may have two errors
MAX_UNKNOWN_SHARE = 0.5  # of the words of a query of more than FEW words, from which nothing is corrected
FEW = 4

# What a question says of the form of its answer: no page need have these words.
_INSTRUCTIONS = frozenset(
    "abbreviate enumerate itemise itemize paraphrase rephrase summarise summarize tabulate transcribe".split()
)
_WORD = re.compile(r"(?<![\w\"“„«./@:-])[^\W\d_]+(?![\w\"”“»@]|[./:-]\w)")


def correct_spelling(
    snapshot: Snapshot, text: str, analyze: Analyzer, *, exact: Sequence[str] = ()
) -> tuple[str, list[Correction]]:
    """Return a query with the words corrected that no page has, and the corrections in order. The words of `exact`
    phrases are left as they are."""
    words = set(_WORD.findall(text)).difference(*map(_WORD.findall, exact))
    unknown = {word for word in words if not _is_known(snapshot, word, analyze)}
    if not unknown or (len(words) > FEW and len(unknown) > MAX_UNKNOWN_SHARE * len(words)):
        return text, []
    if not is_in_language_of_pages(snapshot, text, analyze):
        return text, []
    vocabulary = snapshot.vocabulary
    corrections = {
        word: Correction(word, _cased(best, word))
        for word in unknown
        if _is_correctable(word, text) and (best := _nearest(snapshot, vocabulary, word, analyze))
    }
    found = [corrections[word] for word in dict.fromkeys(_WORD.findall(text)) if word in corrections]
    return replace_words(text, found), found


def replace_words(text: str, corrections: Sequence[Correction]) -> str:
    """Return a text with the corrected words in place of the others."""
    corrected = {correction.word: correction.corrected for correction in corrections}
    return _WORD.sub(lambda found: corrected.get(found[0], found[0]), text)


def describe_corrections(corrections: Sequence[Correction]) -> list[str]:
    """Return the corrections as a note for users, [] if there are none."""
    pairs = [f"“{correction.corrected}” instead of “{correction.word}”" for correction in corrections]
    return [f"Searched for {', '.join(pairs)}: no page has the words as they were written."] if pairs else []


def _is_known(snapshot: Snapshot, word: str, analyze: Analyzer) -> bool:
    """Tell whether a page has a word in any form, or it is one that is not indexed."""
    terms = whole_word_terms(analyze(word))
    return not terms or bool(snapshot.known(terms))


def _is_correctable(word: str, text: str) -> bool:
    is_acronym = word.isupper() and not text.isupper()
    small = word.lower()
    return len(word) >= MIN_LETTERS and not is_acronym and small not in _INSTRUCTIONS and small not in english_words()


def _nearest(snapshot: Snapshot, vocabulary: Vocabulary, word: str, analyze: Analyzer) -> str:
    """Return the nearest word that a page has, of several the most frequent; "" if none is near."""
    small = normalized(word).lower()
    for neighbour in _neighbours(vocabulary, small):
        if _is_known(snapshot, neighbour.word, analyze):
            return neighbour.word
    return ""


def _neighbours(vocabulary: Vocabulary, word: str) -> Iterator[Neighbour]:
    near = vocabulary.neighbours(word, 1)
    yield from near
    if not near and len(word) >= LONG_WORD:
        yield from vocabulary.neighbours(word, 2)


def _cased(word: str, like: str) -> str:
    if like.isupper():
        return word.upper()
    return word[0].upper() + word[1:] if like[0].isupper() else word
