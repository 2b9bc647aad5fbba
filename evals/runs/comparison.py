"""Compares two systems on the same questions: differences with paired bootstrap intervals, and what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pagelens.core.errors import UsageError
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.measures.measure_names import Measure
from pagelens.evals.measures.ranking import Values, first_rank
from pagelens.evals.runs.bootstrap import Interval, mean_interval
from pagelens.evals.runs.gate import QualityGate
from pagelens.evals.runs.run_folder import Run
from pagelens.evals.runs.scoring import answer_values, mean, ranking_values
from pagelens.evals.runs.systems import FUSED


@dataclass(frozen=True, slots=True)
class ComparedSystem:
    """A run and one of its systems, as one side of a comparison."""

    run: Run
    system: str

    def __str__(self) -> str:
        return f"{self.run.name}::{self.system}"

    def values(self, scope: str, measure: Measure) -> Values:
        """Return the measure of each question."""
        if measure.of_ranking:
            return ranking_values(self.run, scope, self.system, [measure])[measure]
        return answer_values(self.run, scope, [measure])[measure]


@dataclass(frozen=True, slots=True)
class Change:
    """A question whose value differs, and the rank of its first relevant page, on both sides."""

    question: Question
    a: float
    b: float
    rank_a: int | None
    rank_b: int | None

    @property
    def difference(self) -> float:
        """B's value minus A's."""
        return self.b - self.a


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of a measure between both sides in one scope."""

    scope: str
    measure: Measure
    a: float
    b: float
    interval: Interval  # of B - A
    changes: Sequence[Change] = field(default_factory=tuple)  # worst first

    @property
    def better(self) -> int:
        """Questions on which B is better."""
        return sum(self.gain(change) > 0 for change in self.changes)

    @property
    def worse(self) -> int:
        """Questions on which B is worse."""
        return sum(self.gain(change) < 0 for change in self.changes)

    def gain(self, change: Change) -> float:
        """Return how much better B is on a question."""
        return -change.difference if self.measure.lower_is_better else change.difference

    @property
    def verdict(self) -> str:
        """The conclusion at 95% confidence."""
        if not self.interval.excludes_zero:
            return "no difference shown"
        return "B is better" if (self.interval.low > 0) != self.measure.lower_is_better else "B is worse"


@dataclass(frozen=True, slots=True)
class GateResult:
    """The result of a gate in one scope."""

    gate: QualityGate
    scope: str
    a: float
    b: float

    @property
    def held(self) -> bool:
        """Whether B passes the gate."""
        return self.gate.holds(self.a, self.b)


@dataclass(frozen=True, slots=True)
class Comparison:
    """B against A."""

    a: ComparedSystem
    b: ComparedSystem
    questions: int  # that both sides have, with the same evidence
    left_out: int  # that only one side has, or whose evidence differs
    differences: Sequence[Difference]
    gates: Sequence[GateResult]
    by_document: bool

    @property
    def passed(self) -> bool:
        """Whether every gate held."""
        return all(gate.held for gate in self.gates)


def compared_system(run: Run, system: str | None = None) -> ComparedSystem:
    """Return the named system of a run; by default the fused one, or else the first. Raises UsageError."""
    if system is None:
        system = FUSED if FUSED in run.systems else next(iter(run.systems), FUSED)
    if run.systems and system not in run.systems:
        raise UsageError(f"expected a system of {run.folder} ({', '.join(run.systems)}), found {system!r}")
    return ComparedSystem(run, system)


def compare(
    a: ComparedSystem,
    b: ComparedSystem,
    measures: Sequence[Measure],
    *,
    gates: Sequence[QualityGate] = (),
    scopes: Sequence[str] = (),
    by_document: bool = False,
) -> Comparison:
    """Return B against A in every scope that both have (restricted to `scopes`), on the questions that both have.

    Raises UsageError if they have no question in common, or lack the measure of a gate.
    """
    common, left_out = _common(a.run.data, b.run.data)
    if not common:
        raise UsageError(f"expected {a} and {b} to have the same questions, found none in common")
    all_measures = list(dict.fromkeys([*measures, *(gate.measure for gate in gates)]))
    differences: dict[tuple[str, Measure], Difference] = {}
    for measure in all_measures:
        for scope in _scopes(a.run, b.run, measure, scopes):
            difference = _difference(a, b, scope, measure, common, by_document=by_document)
            if difference.interval.count:
                differences[scope, measure] = difference
    results = [result for gate in gates for result in _check(gate, differences, a, b)]
    ordered = sorted(
        differences.values(),
        key=lambda difference: list(dict.fromkeys(key[0] for key in differences)).index(difference.scope),
    )
    return Comparison(
        a=a, b=b, questions=len(common), left_out=left_out, differences=ordered, gates=results, by_document=by_document
    )


def _common(a: DataSet, b: DataSet) -> tuple[dict[str, Question], int]:
    questions_a = {question.qid: question for question in a.questions}
    alike = {
        question.qid: question
        for question in b.questions
        if question.qid in questions_a
        and (questions_a[question.qid].text, questions_a[question.qid].image) == (question.text, question.image)
        and dict(a.qrels.get(question.qid, {})) == dict(b.qrels.get(question.qid, {}))
    }
    return alike, len({*questions_a, *(question.qid for question in b.questions)}) - len(alike)


def _scopes(a: Run, b: Run, measure: Measure, selected: Sequence[str]) -> list[str]:
    scopes_a, scopes_b = (run.scopes if measure.of_ranking else list(run.answers) for run in (a, b))
    return [scope for scope in scopes_a if scope in scopes_b and (not selected or scope in selected)]


def _difference(
    a: ComparedSystem,
    b: ComparedSystem,
    scope: str,
    measure: Measure,
    common: Mapping[str, Question],
    *,
    by_document: bool,
) -> Difference:
    values_a, values_b = a.values(scope, measure), b.values(scope, measure)
    qids = [qid for qid in common if qid in values_a and qid in values_b]
    groups = [common[qid].resampling_unit for qid in qids] if by_document else None
    interval = mean_interval([values_b[qid] - values_a[qid] for qid in qids], groups)
    changed_qids = [qid for qid in qids if abs(values_b[qid] - values_a[qid]) > 1e-9]
    changes = [
        Change(
            question=common[qid],
            a=values_a[qid],
            b=values_b[qid],
            rank_a=_rank(a, scope, qid),
            rank_b=_rank(b, scope, qid),
        )
        for qid in changed_qids
    ]
    sign = -1 if measure.lower_is_better else 1
    changes.sort(key=lambda change: (sign * change.difference, change.question.qid))
    means_a, means_b = ({qid: values[qid] for qid in qids} for values in (values_a, values_b))
    return Difference(
        scope=scope, measure=measure, a=mean(means_a), b=mean(means_b), interval=interval, changes=changes
    )


def _rank(side: ComparedSystem, scope: str, qid: str) -> int | None:
    record = side.run.searches.get((scope, side.system), {}).get(qid)
    return first_rank(side.run.data.relevant(qid), record.ranked) if record else None


def _check(
    gate: QualityGate, differences: Mapping[tuple[str, Measure], Difference], a: ComparedSystem, b: ComparedSystem
) -> list[GateResult]:
    results = [
        GateResult(gate, scope, difference.a, difference.b)
        for (scope, measure), difference in differences.items()
        if measure == gate.measure and gate.scope in (None, scope)
    ]
    if not results:
        raise UsageError(f"expected both {a} and {b} to have the measure of the gate '{gate}', found none")
    return results
