"""Thresholds of labels: fitted by hand-worked numbers and by scikit-learn's curves, and cross-validated."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve

from pagelens.core.errors import UsageError
from pagelens.core.labels import LabelCriterion
from pagelens.evals.datasets.judged_photos import holds_name, read_judged_photos
from pagelens.evals.measures.label_thresholds import (
    FOLDS,
    average_precision,
    cross_validated,
    fit_threshold,
    label_quality,
    photo_folds,
)

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], np.float32)
TRUTH = np.array([True, True, False, True, False, False])


def test_the_threshold_has_the_best_f1_or_the_recall_that_is_wanted() -> None:
    assert fit_threshold(SCORES, TRUTH) == pytest.approx(0.6)  # 3 of 4: F1 6/7; two of two: 4/5
    assert fit_threshold(SCORES, TRUTH, recall=0.66) == pytest.approx(0.8)
    assert fit_threshold(SCORES, TRUTH, recall=0.67) == pytest.approx(0.6)
    assert fit_threshold(SCORES, ~TRUTH, recall=1.0) == pytest.approx(0.4)
    assert fit_threshold(SCORES, np.zeros(6, np.bool_)) == float("inf")


@pytest.mark.parametrize("seed", range(4))
def test_fits_are_the_best_points_of_scikit_learns_curve(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = (random.integers(0, 12, 60) / 12).astype(np.float32)  # with ties
    truth = random.random(60) < 0.2 + 0.6 * scores
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    chosen = fit_threshold(scores, truth)
    assert f1[np.flatnonzero(thresholds == chosen)[0]] == pytest.approx(f1.max())
    assert fit_threshold(scores, truth, recall=0.8) == thresholds[recall[:-1] >= 0.8].max()
    assert average_precision(scores, truth) == pytest.approx(average_precision_score(truth, scores))


def test_each_fold_is_decided_by_the_threshold_of_the_others() -> None:
    scores = np.array([0.9, 0.2, 0.3, 0.1], np.float32)
    truth = np.array([True, False, True, False])
    folds = np.array([0, 0, 1, 1])
    # fold 1's own threshold is 0.3, fold 0's is 0.9: each decides the other.
    assert cross_validated(scores, truth, folds).tolist() == [True, False, False, False]
    quality = label_quality("dog", scores, truth, folds)
    assert quality.threshold == pytest.approx(0.3)
    assert (quality.precision, quality.recall) == (1.0, 0.5)
    assert quality.f1 == pytest.approx(2 / 3)
    assert (quality.photos, quality.positives, quality.always_yes) == (4, 2, 0.5)
    nothing = label_quality("cat", scores, np.zeros(4, np.bool_), folds)
    assert (nothing.threshold, nothing.f1, nothing.average_precision) == (1.0, 0.0, 0.0)


def test_scores_without_information_find_no_more_than_chance() -> None:
    """A fit on the photos that are measured would claim more: that is what the folds are for."""
    random = np.random.default_rng(0)
    scores, truth = random.random(400).astype(np.float32), random.random(400) < 0.1
    quality = label_quality("noise", scores, truth, photo_folds([str(n) for n in range(400)]))
    assert quality.precision < 0.2 and quality.average_precision < 0.2


def test_folds_depend_on_the_name_alone() -> None:
    names = [f"photo {n}.jpg" for n in range(1_000)]
    folds = photo_folds(names)
    assert FOLDS == 5 and set(folds.tolist()) == set(range(5))
    assert np.bincount(folds).min() > 150
    assert photo_folds(names[::-1]).tolist() == folds[::-1].tolist()


def test_judged_photos_are_read_from_labels_or_from_captions(tmp_path: Path) -> None:
    rules = [LabelCriterion(name=name, positive=(name,)) for name in ("dog", "man", "guinea pig")]
    lines = [
        {"photo": "a.jpg", "labels": ["Dog", "other"]},
        {"photo": "b.jpg", "captions": ["Two men walk .", "Dogs with guinea pigs"]},
        {"photo": "c.jpg", "captions": ["A dogged woman"]},
    ]
    file = tmp_path / "judged.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    judged = read_judged_photos(file, rules)
    assert judged == {"a.jpg": {"dog", "other"}, "b.jpg": {"man", "dog", "guinea pig"}, "c.jpg": set()}
    for wrong in ('{"photo": "a.jpg"}', '{"labels": []}', ""):
        file.write_text(wrong, "utf-8")
        with pytest.raises(UsageError, match="expected"):
            read_judged_photos(file, rules)


@pytest.mark.parametrize(
    ("caption", "name", "holds"),
    [
        ("Puppies play", "puppy", True),
        ("two benches", "bench", True),
        ("the CHILDREN", "child", True),
        ("a carpet", "car", False),
    ],
)
def test_a_caption_holds_a_name_as_a_whole_word_or_its_plural(caption: str, name: str, holds: bool) -> None:
    assert holds_name(caption, name) is holds
