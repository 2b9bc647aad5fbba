"""Chooses factors of the lanes' weights, the constants of the fusion and the reranker's weights for some examples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pagelens.evals.tuning.examples import CONSTANTS, TuningExample
from pagelens.evals.tuning.listwise import Candidates, fit_weights
from pagelens.retrieve.fusion import K
from pagelens.retrieve.reranking.features import FEATURES
from pagelens.retrieve.reranking.rerank import RERANKED

DEPTH = 5  # of nDCG
FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
ROUNDS = 6  # changes to the shipped fusion, at most
INNER_FOLDS = 4  # of groups, to choose what is fitted
SEED = 0  # of the division into folds

Parts = tuple[str, ...]
PARTS: tuple[Parts, ...] = (("reranker",), ("fusion",), ("fusion", "reranker"))


@dataclass(frozen=True, slots=True)
class Setting:
    """A way of fusing and reranking. As shipped: factors of 1, k of 60, scaled, no reranker."""

    factors: Mapping[str, float] = field(default_factory=dict)  # by lane, 1 if absent
    constants: tuple[float, bool] = (float(K), True)
    reranker: Mapping[str, float] | None = None  # by feature


SHIPPED = Setting()


def fit(examples: Sequence[TuningExample], lanes: Sequence[str]) -> Setting:
    """Return a setting with a better mean nDCG@5 than as shipped, if there is one.

    Whether the fusion, the reranker or both are fitted is decided by cross-validation among the examples' own groups:
    by what each gives on groups that it was not fitted on. As shipped where none gives anything.
    """
    totals = dict.fromkeys(PARTS, 0.0)
    for held_out in split_groups(examples, INNER_FOLDS):
        training = [example for example in examples if example.group not in held_out]
        unseen = [example for example in examples if example.group in held_out]
        if training:
            for parts in PARTS:
                totals[parts] += len(unseen) * mean_gain(unseen, _fit_parts(training, lanes, parts), lanes)
    best = max(PARTS, key=lambda parts: totals[parts])
    shipped = len(examples) * mean_gain(examples, SHIPPED, lanes)
    return _fit_parts(examples, lanes, best) if totals[best] > shipped + 1e-9 else SHIPPED


def split_groups(examples: Sequence[TuningExample], folds: int) -> list[list[str]]:
    """Return the groups of the examples, divided at random (seeded) into at most `folds` parts."""
    groups = sorted({example.group for example in examples})
    shuffled = [groups[row] for row in np.random.default_rng(SEED).permutation(len(groups))]
    return [sorted(part) for start in range(folds) if (part := shuffled[start::folds])]


def _fit_parts(examples: Sequence[TuningExample], lanes: Sequence[str], parts: Parts) -> Setting:
    """Return the setting that fits: of the fusion the one change that gains most in each round; then the reranker."""
    best, best_value = SHIPPED, mean_gain(examples, SHIPPED, lanes)
    for _ in range(ROUNDS if "fusion" in parts else 0):
        tried = [(mean_gain(examples, setting, lanes), setting) for setting in _neighbours(best, lanes)]
        value, setting = max(tried, key=lambda pair: pair[0])
        if value <= best_value + 1e-9:
            break
        best, best_value = setting, value
    if "reranker" not in parts:
        return best
    return replace(best, reranker=fit_weights([_candidates(example, best, lanes) for example in examples], FEATURES))


def _neighbours(setting: Setting, lanes: Sequence[str]) -> list[Setting]:
    """Return the settings that differ in one thing: the constants, or one lane's factor."""
    constants = [replace(setting, constants=one) for one in CONSTANTS]
    return constants + [
        replace(setting, factors={**setting.factors, lane: factor}) for lane in lanes for factor in FACTORS
    ]


def mean_gain(examples: Sequence[TuningExample], setting: Setting, lanes: Sequence[str]) -> float:
    """Return the mean nDCG@5 of a setting, 0 to 1."""
    return float(np.mean([ndcg(example.grades[ranked(example, setting, lanes)], example.gold) for example in examples]))


def ranked(example: TuningExample, setting: Setting, lanes: Sequence[str]) -> NDArray[np.int64]:
    """Return the rows of an example's pages, best first; equal scores are ordered by page key."""
    scores = _fused(example, setting, lanes)
    order = np.argsort(-scores, kind="stable")
    if setting.reranker is None or not len(order):
        return order
    features, first = _features(example, scores, order)
    weights = np.array([setting.reranker[name] for name in FEATURES])
    return np.concatenate([first[np.argsort(-(features @ weights), kind="stable")], order[len(first) :]])


def ndcg(grades: Sequence[float] | NDArray[np.float64], gold: Sequence[float]) -> float:
    """Return nDCG@5 of a ranking by its pages' grades; `gold` are those of all pages that answer.

    Gain is the grade, as in trec_eval (Jarvelin and Kekalainen, 2002), discount log2(rank + 1).
    """
    ideal = _dcg(sorted(gold, reverse=True))
    return _dcg(grades) / ideal if ideal > 0 else 0.0


def _dcg(grades: Sequence[float] | NDArray[np.float64]) -> float:
    return sum(float(grade) / math.log2(rank + 1) for rank, grade in enumerate(grades[:DEPTH], start=1))


def _fused(example: TuningExample, setting: Setting, lanes: Sequence[str]) -> NDArray[np.float64]:
    factors = np.array([setting.factors.get(lane, 1.0) for lane in lanes])
    scores: NDArray[np.float64] = example.shares[setting.constants] @ (example.weights * factors)
    return scores


def _features(
    example: TuningExample, scores: NDArray[np.float64], order: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the features of the first pages, in the order of `FEATURES`, and their rows."""
    first = order[:RERANKED]
    share = scores[first] / (scores[first].max() or 1.0)
    return np.column_stack([share, 1 / np.arange(1, len(first) + 1), example.coverage[first]]), first


def _candidates(example: TuningExample, setting: Setting, lanes: Sequence[str]) -> Candidates:
    scores = _fused(example, setting, lanes)
    order = np.argsort(-scores, kind="stable")
    if not len(order):
        return np.zeros((0, len(FEATURES))), np.zeros(0, np.bool_)
    features, first = _features(example, scores, order)
    return features, example.grades[first] > 0
