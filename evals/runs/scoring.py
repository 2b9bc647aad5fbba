"""Computes measures from a run's records: each measure of each question, and means over groups of questions."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pagelens.evals.datasets.dataset import DataSet, Qrels, Question
from pagelens.evals.measures.answer_numbers import numeric_match
from pagelens.evals.measures.measure_names import ANSWER, CITATION_STATES, Measure, parse_measure
from pagelens.evals.measures.mmlongbench_score import NOT_ANSWERABLE, mmlongbench_score
from pagelens.evals.measures.ranking import Values, score_rankings
from pagelens.evals.measures.refusal import RefusalPoint, auroc, refusal_counts, refusal_curve
from pagelens.evals.measures.text_overlap import contains, exact_match, token_f1
from pagelens.evals.runs.records import AnswerRecord
from pagelens.evals.runs.run_folder import Run

STANDARD = tuple(
    parse_measure(name)
    for name in ("R@1", "R@3", "R@5", "R@10", "hit@1", "hit@5", "all@5", "MRR@10", "nDCG@5", "doc.R@1", "doc.R@5")
)
HEADLINE = tuple(parse_measure(name) for name in ("R@1", "R@5", "MRR@10", "nDCG@5"))
CURVE = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50)  # depths of the recall curve
OF_ANSWERS = tuple(map(parse_measure, ANSWER))
_OF_TEXT: Mapping[str, Callable[[Sequence[str], str], float | None]] = {
    "EM": exact_match,
    "F1": token_f1,
    "numeric": numeric_match,
}
"""Measures that compare the answer's text with the expected answers, and look at nothing else."""
_MARK = re.compile(r"\s*\[\d+\]")


def ranking_values(run: Run, scope: str, system: str, measures: Sequence[Measure] = STANDARD) -> dict[Measure, Values]:
    """Return each measure of each question with evidence; a question without a ranking scores 0.

    That holds for `within` too, where questions that name no document have no ranking.
    """
    return score_rankings(measures, _scored_qrels(run), run.rankings(scope, system))


def answer_values(run: Run, scope: str, measures: Sequence[Measure] = OF_ANSWERS) -> dict[Measure, Values]:
    """Return each measure of each question that it applies to. In the scope `foreign` only refusing is right."""
    values: dict[Measure, Values] = {measure: {} for measure in measures}
    for question in run.data.questions:
        record = run.answers.get(scope, {}).get(question.qid)
        if record is None:
            continue
        verdict = run.verdicts.get(scope, {}).get(question.qid)
        for measure in measures:
            judged = verdict.score if verdict else None
            value = judged if measure.name == "judge" else answer_value(measure.name, question, record, run.data)
            if value is not None:
                values[measure][question.qid] = value
    return values


def answer_value(name: str, question: Question, record: AnswerRecord, data: DataSet) -> float | None:
    """Return a measure of an answer; None if it does not apply to the question."""
    answerable = question.answerable and record.scope != "foreign"
    if name == "refused":
        return None if answerable else float(record.refused)
    if name == "MMLB":
        if not question.answers or not question.answer_format or record.scope == "foreign":
            return None
        answer_text = NOT_ANSWERABLE if record.refused else _MARK.sub("", record.text).strip()
        expected = question.answers if question.answerable else (NOT_ANSWERABLE,)
        return max(
            mmlongbench_score(expected_answer, answer_text, question.answer_format) for expected_answer in expected
        )
    if not answerable:
        return None
    if name == "answered":
        return float(record.found is True)
    if name in ("cite.P", "cite.R", "cite.first", *CITATION_STATES):
        return _citation_value(name, question, record, data)
    return _text_value(name, question, record)


@dataclass(frozen=True, slots=True)
class Refusals:
    """How well the confidence separates unanswerable questions from answerable ones."""

    against: str  # description of the unanswerable questions
    answerable: int
    unanswerable: int
    auroc: float
    curve: Sequence[RefusalPoint]
    shipped: RefusalPoint | None  # of the answerer's actual refusals


def refusals(run: Run) -> list[Refusals]:
    """Return refusal curves for the set's unanswerable questions in each scope, and for foreign questions."""
    results = []
    questions = {question.qid: question for question in run.data.questions}
    for scope in ("whole", "within"):
        records = run.answers.get(scope, {})
        answerable = [record for qid, record in records.items() if questions[qid].answerable]
        unanswerable = [record for qid, record in records.items() if not questions[qid].answerable]
        where = "over the whole set" if scope == "whole" else "within the document"
        results += _curve(f"questions without an answer, {where}", answerable, unanswerable)
    answerable = [record for qid, record in run.answers.get("whole", {}).items() if questions[qid].answerable]
    results += _curve("questions foreign to the documents", answerable, list(run.answers.get("foreign", {}).values()))
    return results


def mean(values: Mapping[str, float]) -> float:
    """Return the mean over questions; 0 if there are none."""
    return sum(values.values()) / len(values) if values else 0.0


def groups(data: DataSet, qids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Return breakdown -> value -> questions, largest value first; breakdowns with a single value are left out."""
    breakdowns: dict[str, dict[str, list[str]]] = {}
    selected = set(qids)
    for question in data.questions:
        if question.qid in selected:
            for name, members in data.groups_of(question).items():
                for member in members:
                    breakdowns.setdefault(name, {}).setdefault(member, []).append(question.qid)
    ordered = {name: dict(sorted(parts.items(), key=lambda part: -len(part[1]))) for name, parts in breakdowns.items()}
    return {name: parts for name, parts in ordered.items() if len(parts) > 1}


def _scored_qrels(run: Run) -> Qrels:
    limit = run.manifest["configuration"]["plan"]["limit"]
    qids = {question.qid for question in run.data.questions[:limit]}
    return {qid: pages for qid, pages in run.data.qrels.items() if qid in qids}


def _citation_value(name: str, question: Question, record: AnswerRecord, data: DataSet) -> float | None:
    cited_pages = [citation.page for citation in record.citations]
    if name in CITATION_STATES:
        states = [citation.state for citation in record.citations if citation.state is not None]
        return sum(state == name for state in states) / len(states) if states else None
    relevant = set(data.relevant(question.qid))
    if not relevant:
        return None
    if name == "cite.R":
        return len(relevant & set(cited_pages)) / len(relevant)
    if not cited_pages:
        return None
    if name == "cite.first":
        return float(cited_pages[0] in relevant)
    return sum(page in relevant for page in cited_pages) / len(cited_pages)


def _text_value(name: str, question: Question, record: AnswerRecord) -> float | None:
    if not question.answers:
        return None
    answer_text = _MARK.sub("", record.text).strip() if record.found is True else ""
    if name == "contains":
        return contains(question.answers, [answer_text, *(citation.quote for citation in record.citations)])
    return _OF_TEXT[name](question.answers, answer_text)


def _curve(against: str, answerable: Sequence[AnswerRecord], unanswerable: Sequence[AnswerRecord]) -> list[Refusals]:
    answerable, unanswerable = (
        [record for record in group if not record.problem] for group in (answerable, unanswerable)
    )
    records = [*answerable, *unanswerable]
    confidences = [record.confidence for record in records]
    labels = [True] * len(answerable) + [False] * len(unanswerable)
    area = auroc(confidences, labels)
    if area is None:
        return []
    shipped = refusal_counts(np.array([record.refused for record in records]), np.array(labels), 0.0)
    return [
        Refusals(
            against=against,
            answerable=len(answerable),
            unanswerable=len(unanswerable),
            auroc=area,
            curve=refusal_curve(confidences, labels),
            shipped=shipped,
        )
    ]
