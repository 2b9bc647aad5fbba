"""Measures of answers and refusals against hand-worked cases and plain re-implementations."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.core.types import Box, PageRef, Usage
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.measures.answer_numbers import Number, numeric_match, read_numbers
from pagelens.evals.measures.mmlongbench_score import accuracy_and_f1, anls, edit_distance, mmlongbench_score
from pagelens.evals.measures.refusal import auroc, refusal_curve, refusals_at
from pagelens.evals.measures.text_overlap import contains, exact_match, token_f1
from pagelens.evals.runs.records import AnswerRecord, CitedPage
from pagelens.evals.runs.scoring import answer_value


@pytest.mark.parametrize(
    ("expected", "found", "em", "f1"),
    [
        ("The Home Scar", "home scar.", 1, 1),
        ("its home scar", "a scar", 0, 2 * (1 / 1) * (1 / 3) / (1 / 1 + 1 / 3)),
        ("red red blue", "red blue blue", 0, 2 / 3),
        ("yes", "no", 0, 0),
        ("yes", "", 0, 0),
    ],
)
def test_exact_match_and_token_f1_are_squad_s(expected: str, found: str, em: float, f1: float) -> None:
    assert exact_match([expected], found) == em
    assert token_f1([expected], found) == pytest.approx(f1)


def test_the_best_of_several_expected_answers_counts() -> None:
    assert exact_match(["NYC", "New York City"], "new york city") == 1
    assert token_f1(["x", "home scar"], "home") == pytest.approx(2 / 3)


def test_containing_an_answer_means_its_words_in_a_row() -> None:
    assert contains(["8.2 metres"], ["ships of more than 8.2 metres need one"]) == 1
    assert contains(["8.2 metres"], ["8.2 long metres"]) == 0
    assert contains(["art"], ["a party"]) == 0


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("$1.2 billion", [Number(1.2e9, "usd")]),
        ("1,200 million US dollars", [Number(1.2e9, "usd")]),
        ("12.5%", [Number(12.5, "%")]),
        ("12.5 per cent of 300", [Number(12.5, "%"), Number(300)]),
        ("a loss of $(1,234)", [Number(-1234, "usd")]),
        ("-3.5 and −4", [Number(-3.5), Number(-4)]),
        ("€ 40k", [Number(40_000, "eur")]),
        ("figure 3a, v2.0.1", []),
        ("in 2019", [Number(2019)]),
    ],
)
def test_numbers_are_read_with_scale_and_unit(text: str, numbers: list[Number]) -> None:
    assert read_numbers(text) == numbers


@pytest.mark.parametrize(
    ("expected", "found", "value"),
    [
        ("$1577.00", "Capital expenditure was $1,577 million in total, or $1,577.", 1),
        ("1577", "about 1,580", 1),  # within 1%
        ("1577", "about 1,600", 0),
        ("12%", "0.12 of them", 1),
        ("12%", "12 of them", 1),  # one side says no unit
        ("12%", "$12", 0),
        ("€5", "$5", 0),
        ("52,300 tonnes", "it grew to 52300", 1),
        ("the harbour", "12", None),
        ("between 3 and 4", "3", None),  # not one number
        ("0", "none at all: 0", 1),
    ],
)
def test_numbers_match_within_a_percent_when_units_agree(expected: str, found: str, value: float | None) -> None:
    assert numeric_match([expected], found) == value


@pytest.mark.parametrize(
    ("expected", "found", "form", "score"),
    [
        ("8", "8", "Int", 1),
        ("8", "8.0", "Int", 1),
        ("8", "eight", "Int", 0),
        ("18.29%", "18.3", "Float", 1),
        ("18.29%", "0.1829", "Float", 1),
        ("18.29%", "19", "Float", 0),
        ("0.5", "inf", "Float", 0),
        ("Blue whale", "blue whale (animal)", "Str", 1),
        ("colour", "color", "Str", 1 - 1 / 6),
        ("abcd", "wxyz", "Str", 0),
        ("abcd", "abyz", "Str", 0),  # a half is not more than a half
        ("2015-06", "2015-07", "Str", 0),  # dates are compared exactly
        ("page 12", "page 13", "Str", 0),
        ("['a', 'bc']", "['bc', 'a']", "List", 1),
        ("['a', 'b']", "['a']", "List", 0),
        ("['10', '20']", "['10', '21']", "List", 0),
        ("['colour', 'x']", "['x', 'color']", "List", 1 - 1 / 6),
        ("['a'", "['a'", "List", 1),
        ("Not answerable", "Not answerable", "None", 1),
    ],
)
def test_mmlongbench_s_rule(expected: str, found: str, form: str, score: float) -> None:
    assert mmlongbench_score(expected, found, form) == pytest.approx(score)


@given(st.text("ab", max_size=5), st.text("ab", max_size=5))
def test_the_edit_distance_is_the_length_of_the_shortest_way(one: str, other: str) -> None:
    reached, steps = {one}, 0
    while other not in reached:  # breadth first over all edits
        cut = {w[:i] + w[i + 1 :] for w in reached for i in range(len(w))}
        put = {w[:i] + c + w[i:] for w in reached for i in range(len(w) + 1) for c in "ab" if len(w) < 6}
        changed = {w[:i] + c + w[i + 1 :] for w in reached for i in range(len(w)) for c in "ab"}
        reached |= cut | put | changed
        steps += 1
    assert edit_distance(one, other) == steps
    assert anls(one, other) == anls(other, one)


def test_the_data_set_s_f1_weighs_what_was_answered_against_what_can_be() -> None:
    accuracy, f1 = accuracy_and_f1([1, 0.5, 1, 0], [True, True, False, False], [True, True, False, True])
    assert accuracy == pytest.approx(0.625)
    assert f1 == pytest.approx(2 * 0.75 * 0.5 / (0.75 + 0.5))


labelled = st.lists(st.tuples(st.integers(0, 5).map(lambda n: n / 5), st.booleans()), min_size=1, max_size=30)


@given(labelled)
def test_auroc_is_the_share_of_pairs_in_order_ties_counting_half(rows: list[tuple[float, bool]]) -> None:
    right = [sure for sure, answerable in rows if answerable]
    wrong = [sure for sure, answerable in rows if not answerable]
    found = auroc([sure for sure, _ in rows], [answerable for _, answerable in rows])
    if not right or not wrong:
        assert found is None
    else:
        pairs = [(a > b) + (a == b) / 2 for a, b in itertools.product(right, wrong)]
        assert found == pytest.approx(float(np.mean(pairs)))


@given(labelled)
def test_every_point_of_the_refusal_curve_counts_what_its_threshold_refuses(rows: list[tuple[float, bool]]) -> None:
    sure, answerable = [row[0] for row in rows], [row[1] for row in rows]
    curve = refusal_curve(sure, answerable)
    assert (curve[0].recall, curve[0].lost) == (0, 0)
    assert curve[-1].recall == (1.0 if not all(answerable) else 0.0)
    for point in curve:
        refused = [right for value, right in rows if value < point.threshold]
        caught = refused.count(False)
        assert point.precision == (caught / len(refused) if refused else 1.0)
        assert point.recall == (caught / answerable.count(False) if False in answerable else 0.0)
        assert point == refusals_at(sure, answerable, point.threshold)


A, B, C = PageRef("a.pdf", 1), PageRef("a.pdf", 2), PageRef("b.pdf", 1)
CONTEXT_PAGES = Question("q", "?", ("a.pdf",), ("8.2 metres",), "Str")
DATA_SET = DataSet("d", Path(), ["a.pdf", "b.pdf"], [CONTEXT_PAGES], {"q": {A: 1, B: 1, C: 0}})


def value(name: str, record: AnswerRecord, question: Question = CONTEXT_PAGES) -> float | None:
    return answer_value(name, question, record, DATA_SET)


def test_citations_are_held_against_the_evidence() -> None:
    cited = [CitedPage(C, "x", "supported"), CitedPage(A, "8.2 metres long", "unconfirmed"), CitedPage(A, "y")]
    record = AnswerRecord("whole", "q", "About 8.2 metres. [1]", True, 0.9, cited)
    assert value("cite.P", record) == pytest.approx(2 / 3)
    assert value("cite.R", record) == 0.5
    assert value("cite.first", record) == 0
    assert value("contains", record) == 1
    assert value("numeric", record) == 1
    assert value("answered", record) == 1
    assert value("refused", record) is None


def test_the_states_of_citations_are_shares_of_those_that_were_checked() -> None:
    cited = [
        CitedPage(A, "x", "supported"),
        CitedPage(A, "y", "supported"),
        CitedPage(B, "z", "image-only"),
        CitedPage(C, "w"),
    ]
    record = AnswerRecord("whole", "q", "Yes. [1]", True, 0.9, cited)
    shares = [value(name, record) for name in ("supported", "image-only", "unconfirmed")]
    assert shares == [pytest.approx(2 / 3), pytest.approx(1 / 3), 0]
    assert value("supported", AnswerRecord("whole", "q", "Yes. [1]", True, 0.9, [CitedPage(C, "w")])) is None


def test_a_model_that_gave_no_answer_has_neither_answered_nor_refused() -> None:
    record = AnswerRecord("whole", "q", "", False, 0.0, problem="the server refused the request")
    nothing = Question("q", "?", answers=("Not answerable",), answer_format="None", answerable=False)
    assert value("answered", record) == 0
    assert value("refused", record, nothing) == 0
    assert value("MMLB", record, nothing) == 0


def test_what_a_record_holds_comes_back_from_its_line() -> None:
    usage = Usage(
        model="tiny",
        pages=6,
        pictures=4,
        estimated_tokens=900,
        input_tokens=1_000,
        output_tokens=20,
        calls=2,
        seconds=1.5,
        cost=0.25,
    )
    cited = [CitedPage(A, "x", "image-only", (Box(0.1, 0.2, 0.3, 0.4),))]
    record = AnswerRecord("whole", "q", "Yes. [1]", True, 0.9, cited, [A, B], 1.25, ["mind the gap"], usage)
    assert AnswerRecord.from_json(json.loads(json.dumps(record.as_json()))) == record


@pytest.mark.parametrize(
    ("by_model", "states"),
    [(True, ["supported", "image-only", "unconfirmed", None]), (False, ["quoted", "image-only", "unconfirmed", None])],
)
def test_a_run_of_an_earlier_version_has_its_citations_states_by_their_names_of_today(
    by_model: bool, states: list[str | None]
) -> None:
    cited = [CitedPage(A, "x") for _ in states]
    usage = Usage(
        model="m", pages=1, pictures=0, estimated_tokens=9, input_tokens=9, output_tokens=9, calls=1, seconds=1.0
    )
    row = AnswerRecord("whole", "q", "Yes. [1]", True, 0.9, cited, usage=usage if by_model else None).as_json()
    del row["format"]
    for entry, state in zip(row["citations"], ["verified", "supported", "unverified", None], strict=True):
        entry["state"] = state
    assert [citation.state for citation in AnswerRecord.from_json(row).citations] == states


def test_a_refusal_cites_nothing_and_is_right_only_where_there_is_no_answer() -> None:
    record = AnswerRecord("whole", "q", "The pages do not say.", False, 0.1)
    assert value("answered", record) == 0
    assert value("cite.R", record) == 0
    assert value("cite.P", record) is None
    assert value("F1", record) == 0
    nothing = Question("q", "?", answers=("Not answerable",), answer_format="None", answerable=False)
    assert value("refused", record, nothing) == 1
    assert value("MMLB", record, nothing) == 1
    assert value("F1", record, nothing) is None
    foreign = AnswerRecord("foreign", "q", "Yes. [1]", True, 0.9)
    assert value("refused", foreign) == 0
    assert value("answered", foreign) is None


def test_mmlongbench_s_rule_needs_an_answer_format() -> None:
    question = Question("q", "How many ships?", answers=("three",))
    record = AnswerRecord("whole", "q", "Three. [1]", True, 0.9)
    data = DataSet("set", Path(), [], [question], {})
    assert answer_value("MMLB", question, record, data) is None
