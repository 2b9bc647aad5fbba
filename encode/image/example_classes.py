"""Classification of images by a few example images of each class: nearest class mean, or a linear probe. Pure numpy.

The nearest class mean (Mensink et al., 2013) compares an image with the mean vector of each class; its logit scale is
fitted to the examples, each left out of its own class's mean. The linear probe is a multinomial logistic regression on
unit vectors; it is used where every class has `PROBE_EXAMPLES` examples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import UsageError
from pagelens.encode.image.zero_shot import mean_unit, softmax_rows

PROBE_EXAMPLES = 8  # of each class, from which the linear probe is used
REGULARIZATION = 1.0  # L2 weight; as scikit-learn's LogisticRegression(C=1) on vectors scaled by FEATURE_SCALE
FEATURE_SCALE = 8.0  # unit vectors have small components: without it the regularization would flatten the probe
ITERATIONS, TOLERANCE = 5_000, 1e-6  # at most; the largest component of the gradient that ends the fit
SCALES = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0)  # logit scales that are tried
SINGLE_EXAMPLE_SCALE = 20.0  # where no class has two examples, nothing can be fitted
REACH = 0.9  # of the least cosine between an example and the mean of the others: images further off are of no class
SINGLE_REACH = 0.55  # of a class with one example; 99 of 100 pairs of unrelated photos are less alike (docs/LOG.md)

Method = Literal["nearest class mean", "linear probe"]


@dataclass(frozen=True, slots=True, eq=False)
class ExampleClassifier:
    """Linear scores of classes: probabilities are the softmax of `images @ weights.T + bias`."""

    classes: Sequence[str]
    weights: NDArray[np.float64]  # (n_classes, dim)
    bias: NDArray[np.float64]  # (n_classes,)
    method: Method
    means: NDArray[np.float64]  # (n_classes, dim), unit vectors
    reach: NDArray[np.float64]  # (n_classes,) the least cosine with its mean that an image of a class has

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n_images, n_classes) for unit vectors of images (n_images, dim)."""
        return softmax_rows(images.astype(np.float64) @ self.weights.T + self.bias).astype(np.float32)

    def is_like_any(self, images: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return (n_images,): whether an image is about as like a class as its examples are; else it is of none."""
        return np.asarray((images.astype(np.float64) @ self.means.T >= self.reach).any(axis=1), np.bool_)


def fit_examples(examples: Mapping[str, NDArray[np.float32]]) -> ExampleClassifier:
    """Return the classifier of classes given by the unit vectors (n, dim) of their examples. Raises UsageError."""
    empty = [name for name, rows in examples.items() if not len(rows)]
    if len(examples) < 2 or empty:
        found = f"no example of {', '.join(empty)}" if empty else f"{len(examples)}"
        raise UsageError(f"expected two classes or more with an example each, found {found}")
    if min(map(len, examples.values())) >= PROBE_EXAMPLES:
        return _linear_probe(examples)
    scale = _fitted_scale(examples)
    means = _class_means(examples)
    return ExampleClassifier(
        classes=tuple(examples),
        weights=scale * means,
        bias=np.zeros(len(means)),
        method="nearest class mean",
        means=means,
        reach=_reach(examples),
    )


def _class_means(examples: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    return np.stack([mean_unit(rows) for rows in examples.values()]).astype(np.float64)


def _reach(examples: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return how like its class's mean an image must be, (n_classes,), from each example and the mean of the others."""
    return np.array(
        [
            SINGLE_REACH
            if len(rows) == 1
            else REACH * min(float(row @ mean_unit(np.delete(rows, at, axis=0))) for at, row in enumerate(rows))
            for rows in examples.values()
        ]
    )


def _fitted_scale(examples: Mapping[str, NDArray[np.float32]]) -> float:
    """Return the logit scale at which examples, left out of their own class's mean, are most probable."""
    classes = list(examples.values())
    means = np.stack([mean_unit(rows) for rows in classes])
    logits, targets = [], []
    for number, rows in enumerate(classes):
        for left_out in range(len(rows)) if len(rows) > 1 else ():
            own = mean_unit(np.delete(rows, left_out, axis=0))
            logits.append(np.vstack([means[:number], own, means[number + 1 :]]) @ rows[left_out])
            targets.append(number)
    if not logits:
        return SINGLE_EXAMPLE_SCALE
    cosines = np.array(logits, np.float64)
    losses = [_loss(scale * cosines, np.array(targets)) for scale in SCALES]
    return SCALES[int(np.argmin(losses))]


def _loss(logits: NDArray[np.float64], targets: NDArray[np.int64]) -> float:
    likelihood = softmax_rows(logits)[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(likelihood, 1e-300)).mean())


def _linear_probe(examples: Mapping[str, NDArray[np.float32]]) -> ExampleClassifier:
    """Fit by accelerated gradient descent, restarted where it overshoots (O'Donoghue and Candès, 2015), on the summed
    log loss; classes weigh the same."""
    rows = FEATURE_SCALE * np.concatenate(list(examples.values())).astype(np.float64)
    sizes = np.array([len(part) for part in examples.values()])
    targets = np.repeat(np.arange(len(sizes)), sizes)
    weight = (len(rows) / (len(sizes) * sizes))[targets][:, None]  # balanced, as in scikit-learn
    one_hot = np.eye(len(sizes))[targets]
    with_bias = np.hstack([rows, np.ones((len(rows), 1))])
    decay = np.append(np.full(rows.shape[1], REGULARIZATION), 0.0)  # the bias is free
    step = 1 / (0.5 * float(np.linalg.norm(np.sqrt(weight) * with_bias, 2)) ** 2 + REGULARIZATION)  # Lipschitz bound
    parameters = np.zeros((len(sizes), with_bias.shape[1]))
    momentum, age = parameters, 0
    for _ in range(ITERATIONS):
        errors = weight * (softmax_rows(with_bias @ momentum.T) - one_hot)
        gradient = errors.T @ with_bias + decay * momentum
        if np.abs(gradient).max() < TOLERANCE:
            break
        following = momentum - step * gradient
        age = 0 if (gradient * (following - parameters)).sum() > 0 else age + 1
        momentum = following + age / (age + 3) * (following - parameters)
        parameters = following
    return ExampleClassifier(
        classes=tuple(examples),
        weights=FEATURE_SCALE * parameters[:, :-1],
        bias=parameters[:, -1],
        method="linear probe",
        means=_class_means(examples),
        reach=_reach(examples),
    )
