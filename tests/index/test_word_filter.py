"""No word is left out that has a sought term; most others are."""

from collections.abc import Collection, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.index.lexical.analysis import analyze
from pagelens.index.lexical.word_filter import SelectiveAnalyzer
from pagelens.index.lexical.word_terms import analyze_words
from tests.index.test_word_terms import written

LETTERS = "abcdegiklmoprtuzäéíñøßşœ"
parts = st.text(LETTERS, min_size=1, max_size=5)
joints = st.sampled_from(("-", "'", "’", ".", "/", "\u00ad", "\u200c", "\u0301", "ge", "2"))
in_parts = st.builds(lambda *pieces: "".join(pieces), parts, joints, parts, joints, parts)
in_digits = st.from_regex(r"\(?[0-9]{1,4}([./,-][0-9]{1,4}){0,2}%?[a-z]{0,2}\)?", fullmatch=True)


def analyzed(word: str, sought: set[str]) -> list[str]:
    """Return the words of one that are analyzed: it, or none."""
    received: list[str] = []

    def analyze(words: Collection[str]) -> Mapping[str, Collection[str]]:
        received.extend(words)
        return analyze_words(words)

    SelectiveAnalyzer(analyze, sought)([word])
    return received


@given(st.one_of(written, in_parts, in_digits, st.text(min_size=1, max_size=8)))
def test_a_word_is_analyzed_for_each_of_its_own_terms(word: str) -> None:
    for term in analyze(word):
        assert analyzed(word, {term}) == [word]


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("generation", "~neration"),  # Dutch
        ("Agegroup", "~agroup"),
        ("apen", "~aap"),
        ("azs", "~as"),
        ("Aerodrom", "~arodrom"),  # German
        ("lying", "lie"),
        ("dine", "~t"),  # Turkish
        ("ebi", "~ep"),
        ("bime", "~p"),
        ("U.S.", "us"),
        ("e-mail", "email"),
        ("(Ph.D.)", "phd"),
        ("“Émile", "emil"),
        ("Öl", "oel"),
        ("œuvre", "oeuvr"),
        ("Ĳssel", "ijssel"),
        ("ısı", "isi"),
        ("co\u00adoperate", "cooper"),
        ("12.03.2024", "--03-12"),
        ("5.3.2024", "20240305"),
        ("v2.3.1", "v2.3.1"),
        ("40½", "40"),
        ("½", "1"),
        ("港", "港"),
        ("Ωmega", "~mega"),
    ],
)
def test_words_whose_terms_begin_otherwise_are_analyzed_too(word: str, term: str) -> None:
    assert term in analyze(word)
    assert analyzed(word, {term}) == [word]


@pytest.mark.parametrize(
    "word", ["harbour", "(Harbour,", "“harbour”", "hôtel", "harbour-master", "42", "9.7%", "—", "total", "obey"]
)
def test_words_that_begin_otherwise_are_not_analyzed(word: str) -> None:
    assert analyzed(word, {"timber", "~timb", "oak"}) == []


def test_numbers_are_analyzed_where_a_number_is_sought() -> None:
    assert analyzed("1,043", {"timber", "1043"}) == ["1,043"]
    assert analyzed("5.3.24", {"2024"}) == ["5.3.24"]
    assert analyzed("1,043", {"timber", "2019"}) == analyzed("harbour", {"2019"}) == []
    assert analyzed("17", {"7"}) == ["17"]
    assert analyzed("1.25", {"20240305"}) == analyzed("1.25", {"12.5%"}) == ["1.25"]


def test_a_single_letter_at_the_end_is_no_beginning_of_a_word() -> None:
    assert analyzed("harbour's", {"ship", "~ship"}) == []
    assert analyzed("harbour's", {"s"}) == ["harbour's"]
    assert analyzed("s-harbour", {"sharbour"}) == ["s-harbour"]


def test_only_words_with_a_sought_term_are_returned() -> None:
    found = SelectiveAnalyzer(analyze_words, {"timber", "~timb"})(["Timber,", "time", "harbour", "timbers"])
    assert set(found) == {"Timber,", "timbers"} and "timber" in found["timbers"]


def test_a_word_is_analyzed_once_until_too_many_are_kept() -> None:
    received: list[str] = []

    def analyze(words: Collection[str]) -> Mapping[str, Collection[str]]:
        received.extend(sorted(words))
        return {word: [word] for word in words}

    analyzer = SelectiveAnalyzer(analyze, {"tide", "tin"}, size=3)
    assert set(analyzer(["tide", "time"])) == set(analyzer(["tide", "harbour"])) == {"tide"}
    assert received == ["tide", "time"]
    assert set(analyzer(["tin", "tide"])) == {"tin", "tide"}
    assert received == ["tide", "time", "tide", "tin"]


def test_nothing_is_analyzed_where_nothing_is_sought() -> None:
    assert analyzed("港", set()) == analyzed("harbour", set()) == []
