"""The analyzer of the `words` lane: text to index terms, the same for pages and queries.

Each word has one plain term. Beside the plain terms stand other forms (`pagelens.core.terms.OtherForm`), under which
the same words are found in another spelling; they make no bigrams.

    normalization    Unicode form, width, letters and marks of each script, digits         (plain)
    here             case, accents, letters apart from digits ("5kg" is "5 kg"), English stems, stop words (plain);
                     Han, kana, Thai, Lao, Khmer, Burmese: each character, pairs as bigrams (plain)
    acronyms         WHO, IT, US, vitamin A are no stop words; U.S. is US                    (plain)
    number_forms     numbers without separators of thousands                                (plain)
                     blanks in numbers, percentages, versions, part numbers                 (other forms)
    date_forms       whole dates as one number                                             (plain)
                     their parts, dates without a day or a year                             (other forms)
    compounds        words written in parts, umlauts                                        (other forms)
    korean           words without particles, pairs of syllables                            (other forms)
    stems            Snowball's stems of 13 languages in Latin letters, Russian, Greek, Arabic, Tamil; Hebrew
                     without prefixes                                                       (other forms)
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import tantivy

from pagelens.core.terms import OtherForm, plain_terms
from pagelens.index.lexical.acronyms import MARK, mark_acronyms
from pagelens.index.lexical.compounds import compound_words, without_umlauts
from pagelens.index.lexical.date_forms import FoundDate, find_dates, join_dates
from pagelens.index.lexical.korean import HANGUL, syllable_pairs, without_particles
from pagelens.index.lexical.normalization import normalized
from pagelens.index.lexical.number_forms import join_groups, number_forms
from pagelens.index.lexical.piecewise import PiecewiseAnalyzer
from pagelens.index.lexical.stems import languages_of, stems_of, words_to_stem

ANALYSIS_VERSION = 7  # raised with every change of the terms; indexes made with another version are not used

# Function words and question words, left out of pages and queries. "Not" stays: it is what "not covered" is about.
STOPWORDS = frozenset(
    """
    a an and are as at be but by for if in into is it no of on or such that the their then there these they this to
    was will with what which who whom whose when where why how do does did done has have had can could would should
    might shall must am were been being i me my you your we our us he she him her its his them those from than so too
    very also about
""".split()
)

# Scripts written without spaces between words are split into single characters (bigrams then stand for words); letters
# are split from digits ("FY2018" is "fy 2018").
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_TOKEN = rf"[{_UNSPACED}]|[[\p{{L}}\p{{M}}]--[{_UNSPACED}]]+|\p{{N}}+"
_MAX_LENGTH = 80  # characters of a term
_CACHED_TEXTS = 65_536  # words, and short texts that have other forms
_CACHED_QUERY, _CACHED_QUERIES = 300, 1_024  # characters of a query that is kept, how many are
_HAS_DIGIT = re.compile("[0-9]")


def _build_analyzer() -> tantivy.TextAnalyzer:
    filters = tantivy.Filter
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_TOKEN))
    for step in (
        filters.remove_long(_MAX_LENGTH),
        filters.lowercase(),
        filters.ascii_fold(),
        filters.custom_stopword(sorted(STOPWORDS)),
        filters.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


_ANALYZER = _build_analyzer()
_TERMS_OF = PiecewiseAnalyzer(_ANALYZER)


def analyze(text: str) -> list[str]:
    """Return the index terms of a text: the plain terms in order, then other forms as `OtherForm`."""
    return _analyzed(text, of_page=False)


def analyze_query(text: str) -> list[str]:
    """Return what `analyze` returns, of short texts from a cache: a search analyzes its query a dozen times."""
    return list(_analyzed_query(text)) if len(text) <= _CACHED_QUERY else analyze(text)


@lru_cache(_CACHED_QUERIES)
def _analyzed_query(text: str) -> tuple[str, ...]:
    return tuple(analyze(text))


def analyze_page(text: str) -> list[str]:
    """Return the terms by which a page is found: those of `analyze`, but fewer stems of a short page in an unknown
    language."""
    return _analyzed(text, of_page=True)


def plain_words(words: Sequence[str]) -> list[list[str]]:
    """Return the plain terms of each word of at least two of the letters a to z: one, or none of a stop word."""
    terms = iter(_ANALYZER.analyze(" ".join(word for word in words if word not in STOPWORDS)))
    found = [[] if word in STOPWORDS else [next(terms)] for word in words]
    assert next(terms, None) is None, "one term for each word"
    return found


def bigrams(terms: Sequence[str]) -> list[str]:
    """Return each two neighbouring different plain terms as one string."""
    return [f"{first}_{second}" for first, second in pairwise(plain_terms(terms)) if first != second]


def _analyzed(text: str, *, of_page: bool) -> list[str]:
    text = normalized(text)
    dates = _dates(text)
    return [*_plain(text, dates), *_other_forms(text, dates, of_page=of_page)]


def _dates(text: str) -> list[FoundDate]:
    return find_dates(text) if _HAS_DIGIT.search(text) else []


def _plain(text: str, dates: Sequence[FoundDate]) -> list[str]:
    whole = join_groups(join_dates(text, dates)) if _HAS_DIGIT.search(text) else text
    terms = _TERMS_OF(marked := mark_acronyms(whole, STOPWORDS))
    return terms if marked is whole else [term.replace(MARK, "") for term in terms]


@lru_cache(_CACHED_TEXTS)
def _plain_of(text: str) -> tuple[str, ...]:
    return tuple(_plain(text, _dates(text)))


def _other_forms(text: str, dates: Sequence[FoundDate], *, of_page: bool) -> Iterator[OtherForm]:
    if _HAS_DIGIT.search(text):
        for form, written in number_forms(text):
            yield OtherForm(form, _plain_of(written))
    for found in dates:
        yield from _forms_of_date(found, text)
    words = words_to_stem(text)
    languages = languages_of(words, of_page=of_page)
    for word in words:
        if languages or not word.isascii():
            for stem in stems_of(word, languages):
                yield OtherForm(stem, _plain_of(word))
            if "german" in languages and (spelled := without_umlauts(word)) != word:
                yield from (OtherForm(form, _plain_of(word)) for form in _plain_of(spelled))
    for form, written in compound_words(text):
        yield from (OtherForm(term, _plain_of(written)) for term in _plain_of(form))
    if not text.isascii():
        yield from _korean(text)


def _forms_of_date(found: FoundDate, text: str) -> Iterator[OtherForm]:
    written = (found.plain,) if found.plain else _plain_of(text[found.start : found.end])
    for form in found.readings:
        yield OtherForm(form, written)
    for form in (*found.parts, *_plain_of(found.month_name)):
        yield OtherForm(form)


def _korean(text: str) -> Iterator[OtherForm]:
    for match in HANGUL.finditer(text):
        word = match.group()
        forms = dict.fromkeys(without_particles(word))
        for form in forms:
            yield OtherForm(form, (word,))
        for pair in syllable_pairs(next(iter(forms), word)):
            if pair not in forms:
                yield OtherForm(pair)
