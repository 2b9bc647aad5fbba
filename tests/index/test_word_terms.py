"""Words that are analyzed together have the terms that each has alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.index.lexical.analysis import STOPWORDS, analyze
from pagelens.index.lexical.stems import is_function_word
from pagelens.index.lexical.word_terms import WordAnalyzer, analyze_words

LETTERS = "aeinorstdlmghyz"
SUFFIXES = ("", "s", "ing", "ung", "heiten", "ement", "amente", "sikaan", "lerinden", "ului", "eaux", "nya", "je")
FUNCTION_WORDS = sorted(word for word in {*STOPWORDS, "und", "les", "och", "bir"} if is_function_word(word))

stems = st.text(LETTERS, min_size=1, max_size=9)
signs = st.sampled_from(("", "", "(", "“", "$", ".", ",", ":", "’s", "-", "_"))
plain = st.builds(str.__add__, stems, st.sampled_from(SUFFIXES))
words = st.one_of(
    plain, plain, st.sampled_from(FUNCTION_WORDS), st.text(min_size=1, max_size=6), st.from_regex(r"[0-9,./-]{1,8}%?")
)
cases = st.sampled_from((str, str.upper, str.title))
written = st.builds(lambda before, word, after, case: before + case(word) + after, signs, words, signs, cases)


def alone(words: list[str]) -> dict[str, frozenset[str]]:
    return {word: frozenset(map(str, analyze(word))) for word in words}


@given(st.lists(written, max_size=12))
def test_words_together_have_the_terms_that_each_has_alone(words: list[str]) -> None:
    assert analyze_words(words) == alone(words)


@pytest.mark.parametrize(
    "words",
    [
        ["WHO", "who", "(US)", "It", "IT", "A", "I", "A.", "U.S.", "us"],
        ["Dr.", "e.g.", "well-known", "O'Neill", "don't", "don’t", "naïve", "Über", "re_use", "3rd", "May", "2019"],
        ["20240305", "20241305", "(1234567)", "123456789", "1-2", "“2023”,", "“reason”", "–yes–", "the…", "•IT", "12°"],
        ["the", "x" * 41, "y" * 81, "generation", "dying", "", " "],
    ],
)
def test_acronyms_words_in_parts_and_long_words_too(words: list[str]) -> None:
    assert analyze_words(words) == alone(words)


def test_what_was_analyzed_is_kept_and_more_than_that_is_forgotten_at_once() -> None:
    analyzer = WordAnalyzer(size=3)
    first = analyzer(["harbour", "tide"])
    assert analyzer(["tide"])["tide"] is first["tide"]
    assert analyzer(["gull", "limpet", "tide"]) == alone(["gull", "limpet", "tide"])
    assert analyzer(["harbour"])["harbour"] is not first["harbour"]
