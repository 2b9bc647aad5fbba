"""Words of a question that ask weigh less than those it asks about; other queries are searched for as they are."""

import pytest

from pagelens.core.types import Query
from pagelens.index.lane_queries import LexicalQuery
from pagelens.index.lexical.analysis import analyze
from pagelens.retrieve.lanes import WordsLane
from pagelens.retrieve.term_weights import GENERIC_WEIGHT, TermWeights

TERM_WEIGHTS = TermWeights(analyze)


@pytest.mark.parametrize(
    ("query", "lighter"),
    [
        ("How many cranes and quays are shown in Oban?", {"mani", "shown"}),
        ("List the cranes that stand on the northern quay", {"list"}),
        ("Which cranes stand on the northern quay?", set()),
        ("state budget report", set()),  # no question
        ("What does the report list?", set()),  # nothing else is asked about
        ("How many cranes?", set()),  # one word alone
    ],
)
def test_words_that_ask_weigh_less_in_questions_about_something_else(query: str, lighter: set[str]) -> None:
    weights = TERM_WEIGHTS.weights(query, TERM_WEIGHTS.searched_terms(query))
    assert weights == dict.fromkeys(lighter, GENERIC_WEIGHT)


@pytest.mark.parametrize(
    ("query", "searched"),
    [
        ("Which cranes stand in Oban? Write the answer in list format.", "which cranes stand in Oban"),
        ("Which cranes are on the quay in this report?", "Which cranes are on the quay?"),
        ("write the answer in list format", "answer list format write the in"),  # nothing else is left
        ("in this report", "in this report"),
    ],
)
def test_the_form_of_the_answer_is_not_searched_for(query: str, searched: str) -> None:
    assert sorted(TERM_WEIGHTS.searched_terms(query)) == sorted(analyze(searched))


def test_the_idf_of_a_term_counts_by_its_weight() -> None:
    query = "How many cranes stand in Oban? Write the answer in list format."
    idf = dict.fromkeys(analyze(query), 2.0)
    assert TERM_WEIGHTS.weighted_idf(query, idf) == {
        "mani": 2 * GENERIC_WEIGHT,
        "crane": 2.0,
        "stand": 2.0,
        "oban": 2.0,
    }


def test_the_words_lane_searches_with_these_terms_and_weights() -> None:
    prepared = WordsLane(analyze).prepare(Query("How many cranes stand in Oban? Answer in list format."), 10, None)
    assert prepared == LexicalQuery(("mani", "crane", "stand", "oban"), 10, None, {"mani": GENERIC_WEIGHT})
