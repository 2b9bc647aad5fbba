"""Classes given by example images: nearest class mean, and a linear probe equal to scikit-learn's."""

from math import exp

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from pagelens.core.errors import UsageError
from pagelens.encode.image.example_classes import (
    FEATURE_SCALE,
    PROBE_EXAMPLES,
    REACH,
    SINGLE_EXAMPLE_SCALE,
    SINGLE_REACH,
    fit_examples,
)


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def examples(count: int, *, classes: int = 3, dim: int = 12) -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(3)
    centres = random.normal(size=(classes, dim))
    return {f"class {n}": unit(centre + 0.7 * random.normal(size=(count + n, dim))) for n, centre in enumerate(centres)}


def test_one_example_each_is_compared_by_cosine_at_a_fixed_scale() -> None:
    rows = {"left": np.array([[1, 0]], np.float32), "up": np.array([[0, 1]], np.float32)}
    classifier = fit_examples(rows)
    assert classifier.method == "nearest class mean"
    found = classifier.probabilities(np.array([[0.6, 0.8]], np.float32))
    odds = exp(SINGLE_EXAMPLE_SCALE * 0.2)
    np.testing.assert_allclose(found, [[1 / (1 + odds), odds / (1 + odds)]], atol=1e-6)


def test_a_few_examples_are_compared_with_the_class_mean() -> None:
    rows = examples(3)
    classifier = fit_examples(rows)
    assert classifier.method == "nearest class mean"
    new = unit(np.random.default_rng(5).normal(size=(40, 12)))
    means = unit(np.array([part.mean(axis=0) for part in rows.values()], np.float64))
    assert classifier.probabilities(new).argmax(axis=1).tolist() == (new @ means.T).argmax(axis=1).tolist()
    np.testing.assert_allclose(classifier.probabilities(new).sum(axis=1), 1, atol=1e-6)


def test_the_scale_is_fitted_to_examples_left_out_of_their_mean() -> None:
    clear = {"a": unit(np.eye(6)[[0, 0, 0]] + 0.01), "b": unit(np.eye(6)[[1, 1, 1]] + 0.01)}
    vague = {name: unit(np.random.default_rng(n).normal(size=(4, 6))) for n, name in enumerate("ab")}
    scales = [np.linalg.norm(fit_examples(rows).weights, axis=1)[0] for rows in (clear, vague)]
    assert scales[0] >= 20.0 and scales[1] == pytest.approx(2.0)


def test_enough_examples_train_the_probe_that_scikit_learn_trains() -> None:
    rows = examples(PROBE_EXAMPLES)
    classifier = fit_examples(rows)
    assert classifier.method == "linear probe"
    x = FEATURE_SCALE * np.concatenate(list(rows.values())).astype(np.float64)
    y = np.repeat(np.arange(len(rows)), [len(part) for part in rows.values()])
    expected = LogisticRegression(C=1.0, class_weight="balanced", tol=1e-10, max_iter=10_000).fit(x, y)
    new = unit(np.random.default_rng(5).normal(size=(30, 12)))
    np.testing.assert_allclose(
        classifier.probabilities(new), expected.predict_proba(FEATURE_SCALE * new.astype(np.float64)), atol=1e-4
    )
    assert fit_examples(examples(PROBE_EXAMPLES - 1)).method == "nearest class mean"
    assert PROBE_EXAMPLES == 8


@pytest.mark.parametrize("rows", [{}, {"a": np.ones((1, 2), np.float32)}, {"a": np.ones((1, 2)), "b": np.ones((0, 2))}])
def test_fewer_than_two_classes_with_examples_are_refused(rows: dict[str, NDArray[np.float32]]) -> None:
    with pytest.raises(UsageError, match="expected two classes or more with an example each"):
        fit_examples(rows)


def test_an_image_that_is_like_no_example_is_of_no_class() -> None:
    one_each = fit_examples({"left": np.array([[1, 0, 0]], np.float32), "up": np.array([[0, 1, 0]], np.float32)})
    at = [[cosine, 0, (1 - cosine**2) ** 0.5] for cosine in (SINGLE_REACH + 0.01, SINGLE_REACH - 0.01, 0.0)]
    assert one_each.is_like_any(np.array(at, np.float32)).tolist() == [True, False, False]
    assert SINGLE_REACH == 0.55  # docs/LOG.md: the 99th percentile of unrelated photos is 0.54


@pytest.mark.parametrize("count", [2, PROBE_EXAMPLES])
def test_how_like_an_image_must_be_is_learned_from_the_examples(count: int) -> None:
    rows = examples(count, dim=30)
    classifier = fit_examples(rows)
    assert classifier.is_like_any(np.concatenate(list(rows.values()))).all()
    first = next(iter(rows.values()))
    others = [unit(np.delete(first, at, axis=0).mean(axis=0, keepdims=True))[0] for at in range(len(first))]
    least = min(float(row @ other) for row, other in zip(first, others, strict=True))
    assert classifier.reach[0] == pytest.approx(REACH * least, abs=1e-6)
    assert REACH == 0.9
    assert not classifier.is_like_any(-np.concatenate(list(rows.values()))).any()
