"""Folds texts for comparison as the words lane does: Unicode form, case and accents do not matter."""

import re
import unicodedata
from functools import cache, lru_cache

import tantivy

from pagelens.index.lexical.normalization import normalized

_ACCENTS = re.compile("[\u0300-\u036f]")
_MAX_CACHED = 65_536  # texts: filters compare the same names with every search


def fold_text(text: str) -> str:
    """Return what `fold` does, and keep nothing: for the texts of pages."""
    if text.isascii():
        return text.casefold()
    composed = normalized(normalized(text).casefold())
    folded = "".join(_ascii_folder().analyze(composed)) or composed
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", folded)))


def fold(text: str) -> str:
    """Return a text normalized, in small letters, without accents: 'Łódź' is 'lodz', 'Straße' is 'strasse'."""
    return text.casefold() if text.isascii() else _folded(text)


_folded = lru_cache(_MAX_CACHED)(fold_text)


@cache
def _ascii_folder() -> tantivy.TextAnalyzer:
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(tantivy.Filter.ascii_fold()).build()
