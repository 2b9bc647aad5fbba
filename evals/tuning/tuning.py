"""Tunes a collection on questions: fits, measures on documents that the fit has not seen, and decides.

The figures are of searches as users make them. Each question is searched with what was fitted without its document;
the gain is over the engine as shipped, its 95% interval over documents. What is written is fitted on all questions, and
only if the interval lies above zero.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.evals.runs.bootstrap import Interval, mean_interval
from pagelens.evals.tuning.examples import TuningExample, page_grades, record_examples
from pagelens.evals.tuning.fitting import DEPTH, SHIPPED, Setting, fit, ndcg, split_groups
from pagelens.index.layout import Tuning
from pagelens.index.reader import Snapshot
from pagelens.retrieve.reranking.builtin import BuiltinReranker
from pagelens.retrieve.search import Fusion, Retriever

FOLDS = 10
MIN_DOCUMENTS = 8  # whose questions can be learned from: an interval over fewer says little

OnQuestion = Callable[[int, int], None]
"""Called with the number of questions measured so far, and of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Groups of questions, and what was fitted without them."""

    groups: Sequence[str]
    setting: Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningReport:
    """What tuning would change, and what that gives."""

    questions: int
    documents: int  # groups of questions that share documents
    shipped: float  # nDCG@5 as shipped, percent
    tuned: float  # the same with what was fitted without the question's document
    gain: Interval  # percent
    folds: Sequence[Fold]
    tuning: Tuning | None  # to be written; None: there is too little to learn from


def tune(
    engine: Engine, data: DataSet, names: DocumentNames, *, on_question: OnQuestion = lambda *_: None
) -> TuningReport:
    """Fit and measure; nothing is written. Raises UsageError for questions about fewer than `MIN_DOCUMENTS`."""
    shipped = engine.retriever.with_reranker(None, fusion=Fusion())
    with engine.snapshot() as snapshot:
        lanes = shipped.lane_names
        examples = record_examples(snapshot, shipped, data, names, lanes)
        groups = sorted({example.group for example in examples})
        if len(groups) < MIN_DOCUMENTS:
            raise UsageError(
                f"expected questions about at least {MIN_DOCUMENTS} documents with pages that answer them, found "
                f"{len(groups)} ({len(examples)} questions): that is too little to learn from. "
                "pagelens eval init proposes more"
            )
        folds = fit_folds(examples, lanes)
        setting_of = {group: fold.setting for fold in folds for group in fold.groups}
        measure = _Measure(snapshot, shipped, data, names)
        before, after = [], []
        for count, example in enumerate(examples, start=1):
            setting = setting_of[example.group]
            before.append(measure.ndcg(example, SHIPPED))
            after.append(before[-1] if setting == SHIPPED else measure.ndcg(example, setting))
            on_question(count, len(examples))
    gain = mean_interval([new - old for old, new in zip(before, after, strict=True)], [one.group for one in examples])
    return TuningReport(
        questions=len(examples),
        documents=len(groups),
        shipped=float(np.mean(before)),
        tuned=float(np.mean(after)),
        gain=gain,
        folds=folds,
        tuning=_tuning(fit(examples, lanes), gain, len(examples), len(groups)) if gain.low > 0 else None,
    )


def fit_folds(examples: Sequence[TuningExample], lanes: Sequence[str]) -> list[Fold]:
    """Return folds of groups, each with what was fitted without their questions."""
    folds = []
    for held_out in split_groups(examples, FOLDS):
        training = [example for example in examples if example.group not in held_out]
        folds.append(Fold(groups=held_out, setting=fit(training, lanes)))
    return folds


@dataclass(slots=True)
class _Measure:
    """Measures searches for questions with some setting."""

    snapshot: Snapshot
    shipped: Retriever
    data: DataSet
    names: DocumentNames

    def ndcg(self, example: TuningExample, setting: Setting) -> float:
        """Return nDCG@5 of a search, in percent."""
        k, scaled = setting.constants
        retriever = self.shipped.with_reranker(
            None if setting.reranker is None else BuiltinReranker(setting.reranker),
            fusion=Fusion(k=k, scaled=scaled, factors=setting.factors),
        )
        found = retriever.search(self.snapshot, example.query, k=DEPTH, filters=example.filters)
        question = next(one for one in self.data.questions if one.qid == example.qid)
        grades = page_grades(self.snapshot, self.data, self.names, question, [hit.page for hit in found.hits])
        return 100 * ndcg(grades, example.gold)


def _tuning(setting: Setting, gain: Interval, questions: int, documents: int) -> Tuning:
    k, scaled = setting.constants
    factors: Mapping[str, float] = {lane: factor for lane, factor in setting.factors.items() if factor != 1}
    return Tuning(
        factors=factors,
        k=k,
        scaled=scaled,
        reranker=setting.reranker,
        gain=(round(gain.mean, 2), round(gain.low, 2), round(gain.high, 2)),
        questions=questions,
        documents=documents,
    )
