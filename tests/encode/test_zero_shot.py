"""Zero-shot classes and policies: equal to open_clip's own code, and to hand-worked numbers."""

import pagelens.encode.torch_support  # noqa: F401

# isort: split
from collections.abc import Sequence
from math import exp
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.labels import LabelCriterion
from pagelens.core.protocols import ImageEncoder
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.core.types import ImageArray
from pagelens.encode.image.zero_shot import (
    NEUTRAL,
    TEMPLATES,
    RuleProbabilities,
    ZeroShotClassifier,
    class_probabilities,
    class_vectors,
    policy_probabilities,
)
from pagelens.encode.loading import load_image_encoder
from tests.encode.tiny_vision import make_clip_checkpoint

CLASSES = [LabelCriterion(name=name, positive=(name,)) for name in ("dog", "sailing boat", "lighthouse")]


def pictures() -> list[ImageArray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (70 + 9 * step, 80, 3), np.uint8) for step in range(5)]


@pytest.mark.parametrize("siglip", [False, True])
def test_class_probabilities_are_those_of_open_clips_zero_shot_code(siglip: bool, tmp_path: Path) -> None:
    folder = make_clip_checkpoint(tmp_path / "tiny", siglip=siglip)
    encoder = load_image_encoder(str(folder), Settings(offline=True))
    name = f"local-dir:{folder}"
    model, preprocess = open_clip.create_model_from_pretrained(name)
    tokenize = open_clip.get_tokenizer(name)
    model.eval()
    neutral = class_vectors(encoder, [LabelCriterion(name="none", positive=NEUTRAL)], ["{}"])[0]
    with torch.no_grad():
        weights = open_clip.build_zero_shot_classifier(model, tokenize, [rule.name for rule in CLASSES], TEMPLATES)
        none = open_clip.build_zero_shot_classifier(model, tokenize, ["{}"], NEUTRAL).numpy()[:, 0]
        images = torch.stack([preprocess(Image.fromarray(picture)) for picture in pictures()])
        features = model.encode_image(images, normalize=True)
        scale = model.logit_scale.exp()
        logits = scale * features @ torch.cat([weights, torch.from_numpy(none)[:, None]], dim=1)
        expected = logits.softmax(dim=-1)[:, :-1].numpy()
    assert encoder.logit_scale == pytest.approx(float(scale))
    np.testing.assert_allclose(class_vectors(encoder, CLASSES), weights.T.numpy(), atol=1e-5)
    np.testing.assert_allclose(neutral, none, atol=1e-5)
    vectors = encoder.encode_images(pictures())
    found = ZeroShotClassifier(encoder, CLASSES).probabilities(vectors).values
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected, axis=1).min() > 1e-3  # the comparison can fail: the classes differ
    plain = class_vectors(encoder, CLASSES, ["{}"])
    assert np.abs(plain - weights.T.numpy()).max() > 1e-3  # and so does the ensemble from the words alone


def test_probabilities_are_a_softmax_with_none_of_these() -> None:
    images = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    classes, neutral = np.array([[1, 0, 0], [0, 1, 0]], np.float32), np.array([0, 0, 1], np.float32)
    found = class_probabilities(images, classes, neutral, scale=2.0)
    total = exp(2) + 2
    np.testing.assert_allclose(found, [[exp(2) / total, 1 / total], [1 / total, 1 / total]], atol=1e-6)


def test_a_policy_compares_its_two_sides_whatever_their_number_of_descriptions() -> None:
    image = np.array([[1, 0]], np.float32)
    gun, tool = np.array([[0.6, 0.8]], np.float32), np.array([[0.0, 1.0]], np.float32)
    once = policy_probabilities(image, gun, tool, scale=5.0)
    assert once[0] == pytest.approx(1 / (1 + exp(-3)), abs=1e-6)
    np.testing.assert_allclose(policy_probabilities(image, np.repeat(gun, 7, axis=0), tool, scale=5.0), once, atol=1e-6)
    assert policy_probabilities(image, tool, gun, scale=1e6)[0] == 0  # no overflow


class AxisEncoder:
    """Gives each known text an axis of its own, and all others the last axis."""

    logit_scale = 10.0
    space = Space(model="axes", revision="1", dim=4)
    axes = ("dog", "gun", "tool")

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self.axes.index(text) if text in self.axes else 3 for text in texts]
        return np.eye(4, dtype=np.float32)[rows]

    def encode_images(self, images: Sequence[ImageArray]) -> NDArray[np.float32]:
        raise AssertionError(f"expected stored vectors to be used, found {len(images)} images")

    def with_templates(self, templates: Sequence[str]) -> ImageEncoder:
        assert templates == TEMPLATES
        return self


def test_rules_are_assigned_from_their_threshold_on_and_policies_are_decided_apart() -> None:
    rules = [
        LabelCriterion(name="dog", positive=("dog",), threshold=0.9),
        LabelCriterion(name="weapons", positive=("gun",), negative=("tool",), threshold=0.5, policy=True),
    ]
    images = np.eye(4, dtype=np.float32)  # a dog, a gun, a tool, something else
    found = ZeroShotClassifier(AxisEncoder(), rules).probabilities(images)
    assert found.values[0, 0] == pytest.approx(exp(10) / (exp(10) + 1), abs=1e-6)
    assert found.values[:, 1] == pytest.approx([0.5, 1 / (1 + exp(-10)), 1 / (1 + exp(10)), 0.5], abs=1e-6)
    assert [(row, rule.label) for row, rule, _ in found.assigned()] == [
        (0, "dog"), (0, "flagged:weapons"), (1, "flagged:weapons"), (3, "flagged:weapons"),
    ]  # fmt: skip
    higher = RuleProbabilities([rules[0]], np.array([[0.91], [0.89], [0.9]], np.float32))
    assert [row for row, _, _ in higher.assigned()] == [0, 2]
