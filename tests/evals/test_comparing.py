"""Comparison: what is planted is found, what is chance is not, gates hold or do not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagelens.core.errors import UsageError
from pagelens.core.types import CitationState
from pagelens.evals.measures.measure_names import Measure, parse_measure
from pagelens.evals.report.markdown_report import markdown_comparison
from pagelens.evals.runs.bootstrap import intervals, mean_interval, resampled_means
from pagelens.evals.runs.comparison import compare, compared_system
from pagelens.evals.runs.gate import QualityGate, parse_gate
from pagelens.evals.runs.records import CitedPage
from pagelens.evals.runs.run_folder import Run
from tests.evals.conftest import Evaluation

QUESTIONS, PAIRS = 250, 1_000


def reciprocal_ranks(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Values as MRR@10 has them: many ones, a tail, and noughts."""
    ranks = generator.geometric(0.35, size=shape)
    return np.where(ranks <= 10, 1 / ranks, 0.0)


def test_two_systems_that_differ_by_chance_are_told_apart_in_one_case_of_twenty() -> None:
    """Type I error of the 95% interval over 1,000 pairs of runs whose questions were swapped at random."""
    generator = np.random.default_rng(7)
    a, b = reciprocal_ranks(generator, (2, QUESTIONS, PAIRS))
    changed = generator.random((QUESTIONS, PAIRS)) < 0.3  # the rest is alike in both, as between real versions
    low, high = intervals(np.where(changed, b - a, 0.0))
    error = float(((low > 0) | (high < 0)).mean())
    assert 0.03 <= error <= 0.07


def test_questions_that_share_a_document_need_documents_resampled() -> None:
    """25 documents of 10 questions that move together: by question the error is far too large, by document not."""
    generator = np.random.default_rng(11)
    shared = np.repeat(generator.normal(0, 0.1, (25, PAIRS)), 10, axis=0)
    differences = shared + generator.normal(0, 0.05, (QUESTIONS, PAIRS))
    documents = [f"d{number // 10}" for number in range(QUESTIONS)]
    by_question, by_document = (intervals(differences, groups) for groups in (None, documents))
    errors = [float(((low > 0) | (high < 0)).mean()) for low, high in (by_question, by_document)]
    assert errors[0] > 0.3
    assert 0.03 <= errors[1] <= 0.10


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40), st.integers(0, 3))
def test_resampled_means_are_means_of_questions_drawn_again(values: list[float], seed: int) -> None:
    means = resampled_means(np.array(values)[:, None], resamples=200, seed=seed)
    assert means.shape == (200, 1)
    assert min(values) - 1e-12 <= means.min()
    assert means.max() <= max(values) + 1e-12
    assert mean_interval(values) == mean_interval(values)


def test_a_group_is_drawn_whole() -> None:
    means = resampled_means(np.array([[1.0], [0.0], [0.0]]), ["a", "a", "b"], resamples=500, seed=1)
    assert {round(float(value), 6) for value in means.ravel()} == {0.5, round(1 / 3, 6), 0.0}


def planted(evaluation: Evaluation, *, improved: int, worsened: int) -> tuple[Run, Run]:
    """Two runs of 250 questions: the evidence is second in A; B puts it first for some, third for others."""
    question, record = evaluation.data.questions[0], evaluation.run.searches["whole", "fused"]["q1"]
    [right] = evaluation.data.relevant("q1")
    wrong = [page for page in record.ranked if page != right][:2]
    orders = {"second": [wrong[0], right, wrong[1]], "first": [right, *wrong], "third": [*wrong, right]}
    questions = [replace(question, qid=f"p{number:03d}") for number in range(QUESTIONS)]
    data = replace(
        evaluation.data, questions=questions, qrels={one.qid: evaluation.data.qrels["q1"] for one in questions}
    )

    def run(name: str) -> Run:
        found = {}
        for number, one in enumerate(questions):
            place = "second"
            if name == "B":
                place = "first" if number < improved else "third" if number < improved + worsened else "second"
            found[one.qid] = replace(record, qid=one.qid, ranked=orders[place], scores=[3, 2, 1])
        return replace(
            evaluation.run,
            folder=evaluation.run.folder / name,
            data=data,
            searches={("whole", "fused"): found},
            answers={},
        )

    return run("A"), run("B")


def test_a_planted_improvement_of_three_points_on_250_questions_is_found(evaluation: Evaluation) -> None:
    a, b = planted(evaluation, improved=21, worsened=18)  # 21 * 1/2 - 18 * 1/6 = 7.5 = 3.0 points of MRR
    found = compare(compared_system(a), compared_system(b), [parse_measure("MRR@10")])
    [difference] = found.differences
    assert difference.interval.mean == pytest.approx(0.03)
    assert difference.verdict == "B is better"
    assert (difference.better, difference.worse, found.questions) == (21, 18, QUESTIONS)
    worst = difference.changes[0]
    assert (worst.rank_a, worst.rank_b) == (2, 3)
    assert worst.difference == pytest.approx(-1 / 6)
    assert difference.changes[-1].difference == pytest.approx(0.5)
    back = compare(compared_system(b), compared_system(a), [parse_measure("MRR@10")]).differences[0]
    assert back.verdict == "B is worse"
    assert "| whole | MRR@10 | 50.0 | 53.0 | +3.0 (" in markdown_comparison(found)


def test_changes_that_cancel_out_show_no_difference(evaluation: Evaluation) -> None:
    a, b = planted(evaluation, improved=6, worsened=18)
    [difference] = compare(compared_system(a), compared_system(b), [parse_measure("MRR@10")]).differences
    assert difference.interval.mean == pytest.approx(0)
    assert difference.verdict == "no difference shown"


def test_questions_that_were_changed_in_between_are_left_out(evaluation: Evaluation) -> None:
    other = replace(
        evaluation.data,
        questions=[replace(evaluation.data.questions[0], text="Another?"), *evaluation.data.questions[1:]],
    )
    found = compare(
        compared_system(evaluation.run), compared_system(replace(evaluation.run, data=other)), [parse_measure("R@1")]
    )
    assert (found.questions, found.left_out) == (4, 1)
    assert all(difference.interval.mean == 0 for difference in found.differences)
    other_questions = replace(
        evaluation.data, questions=[replace(question, text="x") for question in evaluation.data.questions]
    )
    with pytest.raises(UsageError, match="found none in common"):
        compare(
            compared_system(evaluation.run),
            compared_system(replace(evaluation.run, data=other_questions)),
            [parse_measure("R@1")],
        )


def test_answers_are_compared_too(evaluation: Evaluation) -> None:
    found = compare(compared_system(evaluation.run), compared_system(evaluation.run), [parse_measure("cite.first")])
    assert {difference.scope for difference in found.differences} >= {"within", "whole"}


def test_a_system_that_the_run_has_not_is_refused(evaluation: Evaluation) -> None:
    with pytest.raises(UsageError, match="expected a system of"):
        compared_system(evaluation.run, "telepathy")


gates = st.builds(
    QualityGate,
    st.sampled_from([Measure("nDCG", 5), Measure("R", 10, "doc"), Measure("cite.first")]),
    st.sampled_from([">=", "<=", ">", "<"]),
    st.booleans(),
    st.integers(0, 1000).map(lambda n: n / 1000),
    st.sampled_from([None, "within", "whole"]),
)


@given(gates, st.booleans())
def test_a_gate_prints_as_it_parses(gate: QualityGate, negative: bool) -> None:
    gate = replace(gate, offset=-gate.offset) if negative and gate.against_a else gate
    assert parse_gate(str(gate)) == gate


@pytest.mark.parametrize(
    ("text", "a", "b", "holds"),
    [
        ("nDCG@5 >= A - 0.01", 0.50, 0.49, True),
        ("nDCG@5 >= A - 0.01", 0.50, 0.489, False),
        ("nDCG@5>=A", 0.1 + 0.2, 0.3, True),  # rounding costs nothing
        ("nDCG@5 > A", 0.5, 0.5, False),
        ("R@5 >= 0.45", 0.9, 0.45, True),
        ("answered <= A + .05", 0.5, 0.56, False),
    ],
)
def test_a_gate_holds_or_does_not(text: str, a: float, b: float, holds: bool) -> None:
    assert parse_gate(text).holds(a, b) is holds


@pytest.mark.parametrize("text", ["nDCG@5", "nDCG@5 >= B", ">= 0.5", "nDCG >= 0.5", "nDCG@5 = 0.5", "nDCG@5 >= A - x"])
def test_what_is_no_gate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        parse_gate(text)


def test_a_gate_without_a_scope_must_hold_in_every_scope(evaluation: Evaluation) -> None:
    found = compare(
        compared_system(evaluation.run),
        compared_system(evaluation.run),
        [],
        gates=[parse_gate("R@5 >= A"), parse_gate("whole R@5 >= 1.0")],
    )
    assert [(gate.scope, str(gate.gate)) for gate in found.gates] == [
        ("within", "R@5 >= A"),
        ("whole", "R@5 >= A"),
        ("whole", "whole R@5 >= 1"),
    ]
    assert found.passed == (found.gates[-1].b == 1.0)
    with pytest.raises(UsageError, match="to have the measure of the gate 'foreign R@5 >= A'"):
        compare(
            compared_system(evaluation.run), compared_system(evaluation.run), [], gates=[parse_gate("foreign R@5 >= A")]
        )


def test_fewer_unconfirmed_citations_are_better(evaluation: Evaluation) -> None:
    def with_state(state: CitationState) -> Run:
        records = {
            qid: replace(one, citations=[CitedPage(page, "x", state) for page in evaluation.data.relevant(qid)])
            for qid, one in evaluation.run.answers["whole"].items()
        }
        return replace(evaluation.run, answers={"whole": records})

    good, bad = compared_system(with_state("supported")), compared_system(with_state("unconfirmed"))
    [shares] = compare(bad, good, [parse_measure("unconfirmed")]).differences
    assert (shares.a, shares.b, shares.better, shares.worse) == (1, 0, 4, 0)
    assert shares.verdict == "B is better"
    [shares] = compare(bad, good, [parse_measure("supported")]).differences
    assert shares.verdict == "B is better"
