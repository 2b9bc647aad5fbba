"""Refusals: what a threshold on confidence refuses, rightly and wrongly. Knows numbers only, no questions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RefusalPoint:
    """What refusing below a threshold does. Refusal is the positive class: a question without an answer, refused."""

    threshold: float
    precision: float  # of the refused, the share without an answer; 1 when nothing is refused
    recall: float  # of those without an answer, the share refused
    lost: float  # of those with an answer, the share refused


def refusal_curve(confidence: Sequence[float], answerable: Sequence[bool]) -> list[RefusalPoint]:
    """Return a point for each distinct confidence as threshold, ascending, and one above all of them.

    A question is refused when its confidence is below the threshold.
    """
    scores, _ = _arrays(confidence, answerable)
    above = float(np.nextafter(scores.max(), np.inf)) if len(scores) else 0.0
    return [refusals_at(confidence, answerable, float(threshold)) for threshold in [*np.unique(scores), above]]


def refusals_at(confidence: Sequence[float], answerable: Sequence[bool], threshold: float) -> RefusalPoint:
    """Return what refusing below `threshold` does."""
    scores, has_answer = _arrays(confidence, answerable)
    return refusal_counts(scores < threshold, has_answer, threshold)


def refusal_counts(refused: NDArray[np.bool_], answerable: NDArray[np.bool_], threshold: float) -> RefusalPoint:
    """Return precision, recall and loss of given refusals; shares of nothing are 0, precision without refusals 1."""
    caught, lost = int((refused & ~answerable).sum()), int((refused & answerable).sum())
    return RefusalPoint(
        threshold,
        caught / (caught + lost) if caught + lost else 1.0,
        caught / int((~answerable).sum()) if (~answerable).any() else 0.0,
        lost / int(answerable.sum()) if answerable.any() else 0.0,
    )


def auroc(confidence: Sequence[float], answerable: Sequence[bool]) -> float | None:
    """Return how often an answerable question has the higher confidence, ties counting half; None without both kinds.

    Mann-Whitney U over the product of the counts.
    """
    scores, has_answer = _arrays(confidence, answerable)
    if not has_answer.any() or has_answer.all():
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]  # mean rank, from 1, of each tie
    positives, negatives = int(has_answer.sum()), int((~has_answer).sum())
    return float((ranks[has_answer].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _arrays(confidence: Sequence[float], answerable: Sequence[bool]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    scores, has_answer = np.asarray(confidence, np.float64), np.asarray(answerable, np.bool_)
    assert scores.shape == has_answer.shape, (scores.shape, has_answer.shape)
    return scores, has_answer
