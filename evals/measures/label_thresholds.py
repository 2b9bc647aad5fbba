"""Thresholds of labels fitted to judged photos, and their precision and recall on photos not fitted to."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelQuality:
    """How well a label's probabilities find the photos that have it. Shares are of cross-validated decisions."""

    label: str
    photos: int  # judged
    positives: int  # that have the label
    threshold: float  # fitted to all judged photos; 1 where none has the label
    precision: float
    recall: float
    f1: float
    average_precision: float  # needs no threshold; its chance level is `always_yes`

    @property
    def always_yes(self) -> float:
        """The precision of labelling every photo; its recall is 1."""
        return self.positives / self.photos if self.photos else 0.0


def fit_threshold(scores: NDArray[np.float32], truth: NDArray[np.bool_], *, recall: float | None = None) -> float:
    """Return the threshold t of "score >= t" with the highest F1, or the highest t that reaches a recall.

    Among equals the highest is returned; infinity where nothing is to be found.
    """
    if not truth.any():
        return float("inf")
    thresholds, found, chosen = _counts(scores, truth)
    if recall is not None:
        return float(thresholds[int(np.argmax(found >= recall * truth.sum() - 1e-9))])
    return float(thresholds[int(np.argmax(2 * found / (chosen + truth.sum())))])


def cross_validated(
    scores: NDArray[np.float32], truth: NDArray[np.bool_], folds: NDArray[np.int64], *, recall: float | None = None
) -> NDArray[np.bool_]:
    """Return a decision for each photo, by the threshold fitted to the photos of all other folds."""
    decisions = np.zeros(len(scores), np.bool_)
    for fold in np.unique(folds):
        rest = folds != fold
        decisions[~rest] = scores[~rest] >= fit_threshold(scores[rest], truth[rest], recall=recall)
    return decisions


def label_quality(
    label: str,
    scores: NDArray[np.float32],
    truth: NDArray[np.bool_],
    folds: NDArray[np.int64],
    *,
    recall: float | None = None,
) -> LabelQuality:
    """Return a label's fitted threshold and its cross-validated measures."""
    decisions = cross_validated(scores, truth, folds, recall=recall)
    found, chosen, positives = int((decisions & truth).sum()), int(decisions.sum()), int(truth.sum())
    return LabelQuality(
        label=label,
        photos=len(scores),
        positives=positives,
        threshold=min(fit_threshold(scores, truth, recall=recall), 1.0),
        precision=found / chosen if chosen else 0.0,
        recall=found / positives if positives else 0.0,
        f1=2 * found / (chosen + positives) if chosen + positives else 0.0,
        average_precision=average_precision(scores, truth),
    )


def average_precision(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Return the mean precision at the rank of each positive photo; equal scores share one rank."""
    if not truth.any():
        return 0.0
    _, found, chosen = _counts(scores, truth)
    gained = np.diff(found, prepend=0)
    return float((gained * found / chosen).sum() / truth.sum())


def photo_folds(names: Sequence[str], folds: int = FOLDS) -> NDArray[np.int64]:
    """Return the fold of each photo, by a hash of its name: the same in every run."""
    digests = (hashlib.sha256(name.encode()).digest() for name in names)
    return np.array([int.from_bytes(digest[:4], "big") % folds for digest in digests], np.int64)


def _counts(
    scores: NDArray[np.float32], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct scores, highest first, and for each how many positives and how many photos reach it."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return ordered[last], np.cumsum(truth[order])[last].astype(np.int64), last + 1
