"""The analyzer of the `words` lane: text to index terms, the same for pages and queries."""

from collections.abc import Sequence
from itertools import pairwise

import tantivy

ANALYSIS_VERSION = 4  # raised with every change of the terms; indexes made with another version are not used

# Function words and question words, left out of pages and queries.
STOPWORDS = """
    a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to
    was will with what which who whom whose when where why how do does did done has have had can could would should
    might shall must am were been being i me my you your we our us he she him her its his them those from than so too
    very also about
""".split()

# Scripts written without spaces between words are split into single characters (bigrams then stand for words); letters
# are split from digits ("FY2018" is "fy 2018").
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_TOKEN = rf"[{_UNSPACED}]|[[\p{{L}}\p{{M}}]--[{_UNSPACED}]]+|\p{{N}}+"
_MAX_LENGTH = 80  # characters of a term


def _build_analyzer() -> tantivy.TextAnalyzer:
    filters = tantivy.Filter
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_TOKEN))
    for step in (
        filters.remove_long(_MAX_LENGTH),
        filters.lowercase(),
        filters.ascii_fold(),
        filters.custom_stopword(STOPWORDS),
        filters.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


_ANALYZER = _build_analyzer()


def analyze(text: str) -> list[str]:
    """Return the index terms of a text in order: lower case, accents folded, stop words left out, stemmed."""
    return list(_ANALYZER.analyze(text))


def bigrams(terms: Sequence[str]) -> list[str]:
    """Return each two neighbouring different terms as one string."""
    return [f"{first}_{second}" for first, second in pairwise(terms) if first != second]
