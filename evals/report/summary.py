"""The figures of a run that reports print and scores.json holds.

Means and intervals are from 0 to 1; intervals are over documents (`Question.resampling_unit`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pagelens.evals.measures.measure_names import Measure
from pagelens.evals.measures.ranking import Values
from pagelens.evals.runs.bootstrap import Interval, mean_interval
from pagelens.evals.runs.caption_retrieval import CaptionRetrieval, read_caption_retrieval
from pagelens.evals.runs.pointing_scores import PointingFigures, pointing_figures
from pagelens.evals.runs.records import AnswerRecord
from pagelens.evals.runs.run_folder import Run
from pagelens.evals.runs.scoring import (
    CURVE,
    OF_ANSWERS,
    STANDARD,
    Refusals,
    answer_values,
    groups,
    mean,
    ranking_values,
    refusals,
)
from pagelens.evals.runs.systems import FUSED

BREAKDOWN = tuple(measure for measure in STANDARD if str(measure) in ("R@1", "R@5", "nDCG@5"))


@dataclass(frozen=True, slots=True)
class SystemFigures:
    """The measures of a system in a scope."""

    scope: str
    system: str
    measures: Mapping[str, Interval]
    recall: Sequence[tuple[float, float]]  # depth, R@depth
    milliseconds: Mapping[str, float]  # p50, p95, mean, of one search


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """The measures of a system in a scope on a group of questions."""

    scope: str
    system: str
    breakdown: str
    value: str
    count: int
    measures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """A measure of the answers in a scope."""

    scope: str
    measure: str
    interval: Interval


@dataclass(frozen=True, slots=True)
class AnswerCosts:
    """What answering took in a scope. The model's server counts tokens; the cost is in the currency of its prices."""

    scope: str
    model: str  # "" if there was no model
    answers: int
    failed: int  # questions without an answer because the model failed
    milliseconds: Mapping[str, float]  # p50, p95, mean, of one answer
    calls: int
    pictures: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """All figures of a run."""

    name: str
    dataset: str
    fingerprint: str
    questions: int
    with_evidence: int
    unanswerable: int
    main: str  # the system as shipped
    systems: Sequence[SystemFigures]
    groups: Sequence[GroupFigures]
    answers: Sequence[AnswerFigures]
    refusals: Sequence[Refusals]
    answer_costs: Sequence[AnswerCosts]
    caption_retrieval: Sequence[CaptionRetrieval] = ()  # of captioned photos
    pointing: Sequence[PointingFigures] = ()  # where there are gold boxes
    imported: Mapping[str, str] = field(default_factory=dict)  # system that is not the engine's -> file of its rankings

    @property
    def scopes(self) -> list[str]:
        """The scopes that were searched, in order."""
        return list(dict.fromkeys(system.scope for system in self.systems))

    def main_figures(self) -> list[SystemFigures]:
        """Return the figures of the main system, one for each scope."""
        return [system for system in self.systems if system.system == self.main]

    def systems_in(self, scope: str) -> list[SystemFigures]:
        """Return the systems of a scope."""
        return [system for system in self.systems if system.scope == scope]


def summarize(run: Run) -> Summary:
    """Return a run's figures."""
    limit = run.manifest["configuration"]["plan"]["limit"]
    questions = run.data.questions[:limit]
    evidence_qids = {question.qid for question in run.data.with_evidence}
    values = {key: ranking_values(run, *key, [*STANDARD, *_curve_measures()]) for key in run.searches}
    return Summary(
        name=run.name,
        dataset=run.data.name,
        fingerprint=run.manifest["fingerprint"],
        questions=len(questions),
        with_evidence=sum(question.qid in evidence_qids for question in questions),
        unanswerable=sum(not question.answerable for question in questions),
        main=main_system(run),
        systems=[_system(run, key, measure_values) for key, measure_values in values.items()],
        groups=[group for key, measure_values in values.items() for group in _groups(run, key, measure_values)],
        answers=_answers(run),
        refusals=refusals(run),
        answer_costs=[_answer_costs(scope, list(records.values())) for scope, records in run.answers.items()],
        caption_retrieval=read_caption_retrieval(run.folder),
        pointing=pointing_figures(run),
        imported={system: source["file"] for system, source in run.manifest.get("imported", {}).items()},
    )


def main_system(run: Run) -> str:
    """Return the system as shipped: all lanes together, or the only one."""
    return FUSED if FUSED in run.systems else next(reversed(run.systems), FUSED)


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the mean, in milliseconds."""
    if not seconds:
        return {}
    low, high = np.quantile(seconds, [0.5, 0.95])
    return {"p50": 1e3 * float(low), "p95": 1e3 * float(high), "mean": 1e3 * float(np.mean(seconds))}


def _answer_costs(scope: str, records: Sequence[AnswerRecord]) -> AnswerCosts:
    usages = [record.usage for record in records if record.usage]
    input_counts = [usage.input_tokens for usage in usages if usage.input_tokens is not None]
    output_counts = [usage.output_tokens for usage in usages if usage.output_tokens is not None]
    costs = [usage.cost for usage in usages if usage.cost is not None]
    return AnswerCosts(
        scope=scope,
        model=usages[0].model if usages else "",
        answers=len(records),
        failed=sum(bool(record.problem) for record in records),
        milliseconds=milliseconds([record.seconds for record in records if record.seconds]),
        calls=sum(usage.calls for usage in usages),
        pictures=sum(usage.pictures for usage in usages),
        input_tokens=sum(input_counts) if input_counts else None,
        output_tokens=sum(output_counts) if output_counts else None,
        cost=sum(costs) if costs else None,
    )


def _curve_measures() -> list[Measure]:
    return [Measure("R", k) for k in CURVE if Measure("R", k) not in STANDARD]


def _system(run: Run, key: tuple[str, str], values: Mapping[Measure, Values]) -> SystemFigures:
    scope, system = key
    records = run.searches[key]
    depth = run.manifest["configuration"]["plan"]["depth"]
    return SystemFigures(
        scope=scope,
        system=system,
        measures={str(measure): _interval(run, values[measure]) for measure in STANDARD},
        recall=[(k, mean(values[Measure("R", k)])) for k in CURVE if k <= depth],
        milliseconds=milliseconds([record.seconds for record in records.values() if record.seconds]),
    )


def _interval(run: Run, values: Values) -> Interval:
    """Return the mean over questions with its interval over documents."""
    units = {question.qid: question.resampling_unit for question in run.data.questions}
    return mean_interval(list(values.values()), [units[qid] for qid in values])


def _groups(run: Run, key: tuple[str, str], values: Mapping[Measure, Values]) -> list[GroupFigures]:
    scope, system = key
    evidence_qids = list(values[STANDARD[0]])
    return [
        GroupFigures(
            scope=scope,
            system=system,
            breakdown=breakdown,
            value=value,
            count=len(qids),
            measures={str(measure): mean({qid: values[measure][qid] for qid in qids}) for measure in BREAKDOWN},
        )
        for breakdown, parts in groups(run.data, evidence_qids).items()
        for value, qids in parts.items()
    ]


def _answers(run: Run) -> list[AnswerFigures]:
    figures = []
    for scope in run.answers:
        for measure, values in answer_values(run, scope, OF_ANSWERS).items():
            if values:
                figures.append(AnswerFigures(scope, str(measure), _interval(run, values)))
    return figures
