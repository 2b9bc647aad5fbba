"""Tells whether a query is in a language that pages of the collection are in."""

import math
import re

from pagelens.core.function_words import FUNCTION_WORDS, UNSPACED, language_of_script
from pagelens.core.protocols import Analyzer
from pagelens.core.terms import plain_terms
from pagelens.index.lexical.stems import foreign_function_words
from pagelens.index.reader import Snapshot

MIN_PAGE_SHARE = 0.05  # of the pages that have a function word, for them to be in a language that it is of

_WORD = re.compile(r"[^\W\d_]+")


def is_in_language_of_pages(snapshot: Snapshot, text: str, analyze: Analyzer) -> bool:
    """Tell whether enough pages are in the language that a query's function words show; True if they show none, and
    for English, whose function words no index has."""
    words = foreign_function_words(text) or _of_other_scripts(text.lower())
    terms = set(plain_terms(analyze(" ".join(words))))
    idf, known = snapshot.idf(list(terms)), snapshot.known(list(terms))
    common = [term for term in terms & known if idf[term] <= math.log(1 / MIN_PAGE_SHARE)]
    return 2 * len(common) >= len(terms)


def _of_other_scripts(text: str) -> list[str]:
    """Return the function words that a text in another script than the Latin one has, in order of the alphabet."""
    language = language_of_script(text)
    if language is None:
        return []
    known = FUNCTION_WORDS[language]
    return sorted(filter(text.__contains__, known) if language in UNSPACED else known.intersection(_WORD.findall(text)))
