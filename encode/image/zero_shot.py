"""Zero-shot classification of images: their vectors compared with the vectors of descriptions. Pure numpy.

As in Radford et al., "Learning transferable visual models from natural language supervision" (2021): each class name is
put into several templates, the unit vectors are averaged (prompt ensembling), cosines are multiplied by the model's own
logit scale, and a softmax over the label set gives probabilities. One more class stands for "none of these": neutral
descriptions that fit any image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagelens.core.labels import LabelCriterion
from pagelens.core.protocols import LabelEncoder

TEMPLATES = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)
"""The seven templates that CLIP's authors selected for ImageNet (notebook Prompt_Engineering_for_ImageNet)."""

NEUTRAL = ("a photo.", "a picture.", "an image.", "a photo of something.", "a photo of some other thing.")
"""Descriptions of "none of these"."""


@dataclass(frozen=True, slots=True, eq=False)
class RuleProbabilities:
    """How probable each rule is for each image."""

    rules: Sequence[LabelCriterion]
    values: NDArray[np.float32]  # (n_images, n_rules)

    def assigned(self) -> list[tuple[int, LabelCriterion, float]]:
        """Return (row of the image, rule, probability) of all probabilities that reach their rule's threshold."""
        thresholds = np.array([rule.threshold for rule in self.rules], np.float32)
        rows, columns = np.nonzero(self.values >= thresholds)
        return [
            (int(row), self.rules[column], float(self.values[row, column]))
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]


class ZeroShotClassifier:
    """Gives probabilities of label rules for vectors of images; descriptions are encoded once."""

    def __init__(self, encoder: LabelEncoder, rules: Sequence[LabelCriterion]) -> None:
        """Encode the descriptions of all rules."""
        self._rules = tuple(rules)
        self._scale = encoder.logit_scale
        classes = [rule for rule in rules if not rule.policy]
        self._neutral = mean_unit(encoder.encode_queries(NEUTRAL))  # (dim,)
        self._classes = class_vectors(encoder, classes) if classes else np.zeros((0, encoder.space.dim), np.float32)
        self._sides = {
            rule.label: (encoder.encode_queries(rule.positive), encoder.encode_queries(rule.negative or NEUTRAL))
            for rule in rules
            if rule.policy
        }

    def probabilities(self, images: NDArray[np.float32]) -> RuleProbabilities:
        """Return the probability of each rule for unit vectors of images (n, dim)."""
        of_classes = iter(class_probabilities(images, self._classes, self._neutral, self._scale).T)
        columns = [
            policy_probabilities(images, *self._sides[rule.label], self._scale) if rule.policy else next(of_classes)
            for rule in self._rules
        ]
        values = np.stack(columns, axis=1) if columns else np.zeros((len(images), 0), np.float32)
        return RuleProbabilities(self._rules, values)


def class_vectors(
    encoder: LabelEncoder, rules: Sequence[LabelCriterion], templates: Sequence[str] = TEMPLATES
) -> NDArray[np.float32]:
    """Return (n_rules, dim), unit rows: the mean of a class's descriptions, each put into every template."""
    ensemble = encoder.with_templates(templates)
    vectors = ensemble.encode_queries([text for rule in rules for text in rule.positive])
    ends = np.cumsum([len(rule.positive) for rule in rules])
    return np.stack([mean_unit(part) for part in np.split(vectors, ends[:-1])])


def class_probabilities(
    images: NDArray[np.float32], classes: NDArray[np.float32], neutral: NDArray[np.float32], scale: float
) -> NDArray[np.float32]:
    """Return (n_images, n_classes): a softmax over the classes and the neutral vector (dim,), which is left out."""
    logits = scale * (images @ np.vstack([classes, neutral]).T).astype(np.float64)
    return softmax_rows(logits)[:, :-1].astype(np.float32)


def policy_probabilities(
    images: NDArray[np.float32], positive: NDArray[np.float32], negative: NDArray[np.float32], scale: float
) -> NDArray[np.float32]:
    """Return (n_images,): the probability of the positive descriptions against the negative ones.

    Each side counts with the mean of its descriptions' softmax terms, so that more descriptions make no side likelier.
    """
    sides = [_log_mean_exp(scale * (images @ side.T).astype(np.float64)) for side in (positive, negative)]
    return (1 / (1 + np.exp(np.clip(sides[1] - sides[0], -700, 700)))).astype(np.float32)


def softmax_rows(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the softmax of each row of (n, k)."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float64)


def mean_unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of rows (n, dim), with length 1."""
    mean = rows.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)


def _log_mean_exp(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    highest = logits.max(axis=1, keepdims=True)
    return np.asarray(highest[:, 0] + np.log(np.exp(logits - highest).mean(axis=1)), np.float64)
