"""Refusals below a confidence threshold: precision, recall and AUROC, computed from numbers only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RefusalPoint:
    """Precision and recall of refusing below a threshold; the positive class is a question without an answer."""

    threshold: float
    precision: float  # share of the refused questions that have no answer; 1 if nothing is refused
    recall: float  # share of the questions without an answer that are refused
    lost: float  # share of the questions with an answer that are refused


def refusal_curve(confidence: Sequence[float], answerable: Sequence[bool]) -> list[RefusalPoint]:
    """Return a point for each distinct confidence as threshold, ascending, and one for a threshold above all of them.

    A question is refused if its confidence is below the threshold.
    """
    scores, _ = _arrays(confidence, answerable)
    above = float(np.nextafter(scores.max(), np.inf)) if len(scores) else 0.0
    return [refusals_at(confidence, answerable, float(threshold)) for threshold in [*np.unique(scores), above]]


def refusals_at(confidence: Sequence[float], answerable: Sequence[bool], threshold: float) -> RefusalPoint:
    """Return precision, recall and loss of refusing below `threshold`."""
    scores, has_answer = _arrays(confidence, answerable)
    return refusal_counts(scores < threshold, has_answer, threshold)


def refusal_counts(refused: NDArray[np.bool_], answerable: NDArray[np.bool_], threshold: float) -> RefusalPoint:
    """Return precision, recall and loss of given refusals; shares of no questions are 0, precision of none is 1."""
    caught, lost = int((refused & ~answerable).sum()), int((refused & answerable).sum())
    return RefusalPoint(
        threshold,
        caught / (caught + lost) if caught + lost else 1.0,
        caught / int((~answerable).sum()) if (~answerable).any() else 0.0,
        lost / int(answerable.sum()) if answerable.any() else 0.0,
    )


def auroc(confidence: Sequence[float], answerable: Sequence[bool]) -> float | None:
    """Return the probability that an answerable question has the higher confidence, ties counting half.

    It is Mann-Whitney's U divided by the product of the counts; None unless there are questions of both kinds.
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
