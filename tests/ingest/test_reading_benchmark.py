import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.reading import compare, edit_distance, normalise, words
from benchmarks.reading_documents import DocumentSet
from benchmarks.reading_sources import LANGUAGES, Language

ENGLISH = next(language for language in LANGUAGES if language.code == "en")
JAPANESE = next(language for language in LANGUAGES if language.code == "ja")
SHORT = st.text("abc ", max_size=8)


def recursive_distance(one: str, other: str) -> int:
    """The definition of Levenshtein's distance, letter by letter."""
    if not one or not other:
        return len(one) + len(other)
    return min(
        recursive_distance(one[1:], other) + 1,
        recursive_distance(one, other[1:]) + 1,
        recursive_distance(one[1:], other[1:]) + (one[0] != other[0]),
    )


@pytest.mark.parametrize(("one", "other", "distance"), [("kitten", "sitting", 3), ("", "abc", 3), ("ab", "ba", 2)])
def test_edit_distances_worked_by_hand(one: str, other: str, distance: int) -> None:
    assert edit_distance(one, other) == edit_distance(other, one) == distance


@given(st.text("ab ", max_size=4), st.text("ab ", max_size=4))
def test_the_edit_distance_is_the_one_of_its_definition(one: str, other: str) -> None:
    assert edit_distance(one, other) == recursive_distance(one, other)


@given(SHORT, SHORT)
def test_the_distance_within_is_that_of_the_best_part(text: str, found: str) -> None:
    parts = [found[start:end] for start in range(len(found) + 1) for end in range(start, len(found) + 1)]
    assert edit_distance(text, found, within=True) == min(edit_distance(text, part) for part in parts)


def test_line_ends_count_as_a_blank_between_words() -> None:
    assert normalise("two\n words\u200e e\u0301") == "two words é"
    assert normalise("국가에\n 따라") == "국가에 따라"


def test_line_ends_beside_ideographs_count_as_a_blank_or_as_nothing() -> None:
    assert normalise("国に\n よって (us)\nです") == "国に\nよって (us)\nです"
    assert edit_distance("国によって (us) です", normalise("国に\nよって (us)\nです")) == 0
    assert edit_distance("国によって", "国に よって") == 1
    assert edit_distance("国に よって", "国によって") == 1


@pytest.mark.parametrize(
    ("language", "text", "found"), [(ENGLISH, "to be or not to be", 6), (JAPANESE, "国によって", 4)]
)
def test_words_are_counted_as_a_bag_and_ideographs_by_pairs(language: Language, text: str, found: int) -> None:
    assert words(text, language).total() == found


def test_names_of_columns_are_no_errors_in_a_table_and_are_errors_in_a_text() -> None:
    def outcome(*, tabular: bool) -> tuple[int, int, int]:
        documents = DocumentSet("CSV", "csv", (), lambda *_: None, tabular=tabular)
        one = compare(documents, ENGLISH, ["pike", "carp"], "text: pike\ntext: cart")
        return one.errors, one.characters, one.words_found

    assert outcome(tabular=True) == (1, 8, 1)
    assert outcome(tabular=False) == (len("text: ") * 2 + 1, len("pike carp"), 1)
