"""The network against torch's own operators, written out from the paper's table and not from the code under test."""

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pagelens.core.errors import WeightsError
from pagelens.encode.image.efficientnet import LITE0, LITE2, EfficientNetLite, Variant, preprocess
from pagelens.encode.weights import wheel_file

# kernel, stride, channels of each stage (Tan and Le, table 1); Lite2 is 1.1 times as wide, in steps of 8
STAGES = {
    LITE0.name: [(3, 1, 16), (3, 2, 24), (5, 2, 40), (3, 2, 80), (5, 1, 112), (5, 2, 192), (3, 1, 320)],
    LITE2.name: [(3, 1, 16), (3, 2, 24), (5, 2, 48), (3, 2, 88), (5, 1, 120), (5, 2, 208), (3, 1, 352)],
}
DEPTHS = {LITE0.name: [1, 2, 2, 3, 3, 4, 1], LITE2.name: [1, 3, 3, 4, 4, 5, 1]}


def same(x: torch.Tensor, weight: torch.Tensor, stride: int, groups: int = 1) -> torch.Tensor:
    """TensorFlow's padding: as much as gives ceil(size / stride), the odd pixel at the end."""
    total = [max((-(-size // stride) - 1) * stride + weight.shape[-1] - size, 0) for size in x.shape[-2:]]
    high, wide = total
    padded = functional.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
    return functional.conv2d(padded, weight, stride=stride, groups=groups)


def torch_predict(variant: Variant, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    weights = torch.load(wheel_file(*variant.pin), weights_only=True, map_location="cpu")

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance, scale, shift = (
            weights[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(x, mean, variance, scale, shift, eps=1e-3)

    x = functional.relu6(norm(same(pixels, weights["_conv_stem.weight"], 2), "_bn0"))
    block = 0
    for (kernel, first_stride, channels), depth in zip(STAGES[variant.name], DEPTHS[variant.name], strict=True):
        for repeat in range(depth):
            name, stride, taken = f"_blocks.{block}", first_stride if repeat == 0 else 1, x
            if block > 0:
                x = functional.relu6(norm(same(x, weights[f"{name}._expand_conv.weight"], 1), f"{name}._bn0"))
            deep = weights[f"{name}._depthwise_conv.weight"]
            assert deep.shape[-1] == kernel
            x = functional.relu6(norm(same(x, deep, stride, groups=len(deep)), f"{name}._bn1"))
            x = norm(same(x, weights[f"{name}._project_conv.weight"], 1), f"{name}._bn2")
            assert x.shape[1] == channels
            x = x + taken if repeat > 0 else x
            block += 1
    features = functional.relu6(norm(same(x, weights["_conv_head.weight"], 1), "_bn1")).mean((2, 3))
    return features, functional.linear(features, weights["_fc.weight"], weights["_fc.bias"])


def pictures(count: int) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (60 + 50 * n, 300 - 40 * n, 3), dtype=np.uint8) for n in range(count)]


@pytest.mark.parametrize("variant", [LITE0, LITE2], ids=lambda variant: variant.name)
def test_the_network_computes_what_torch_computes(variant: Variant) -> None:
    shown = pictures(3)
    output = EfficientNetLite.load(variant).predict(shown)
    pixels = torch.from_numpy(np.stack([preprocess(picture, variant.side) for picture in shown]))
    with torch.no_grad():
        features, scores = torch_predict(variant, pixels)
    np.testing.assert_allclose(output.features, features.numpy(), atol=1e-4)
    np.testing.assert_allclose(output.scores, scores.numpy(), atol=1e-4)


def test_each_image_is_classified_by_itself_and_in_order() -> None:
    network = EfficientNetLite.load(LITE0, workers=2)
    shown = pictures(5) * 2  # more than one batch
    output = network.predict(shown)
    for row, picture in enumerate(shown):
        np.testing.assert_allclose(output.scores[row], network.predict([picture]).scores[0], atol=1e-4)
    assert network.predict([]).scores.shape == (0, 1000)
    assert network.predict([]).features.shape == (0, 1280)


def test_the_whole_image_is_scaled_to_minus_one_to_one() -> None:
    picture = np.zeros((40, 400, 3), np.uint8)
    picture[:, 200:] = 255
    pixels = preprocess(picture, 224)
    assert pixels.shape == (3, 224, 224)
    np.testing.assert_allclose(pixels[:, :, :100], -1)
    np.testing.assert_allclose(pixels[:, :, 124:], 1)


def test_weights_of_another_size_are_refused_by_the_tensor_that_is_missing() -> None:
    with pytest.raises(WeightsError, match=r"found no '_blocks\.16\._expand_conv\.weight'"):
        EfficientNetLite.load(replace(LITE2, pin=LITE0.pin))


def test_weights_of_other_shapes_than_the_graphs_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"cannot load .*efficientnet_lite2\.onnx"):
        EfficientNetLite.load(replace(LITE0, graph=LITE2.graph))


def test_the_weights_stay_while_the_network_is_in_use() -> None:
    network, shown = EfficientNetLite.load(LITE0), pictures(2)
    first = network.predict(shown).scores
    gc.collect()
    filler = [np.ones(size, np.float32) for size in range(1_000, 200_000, 1_000)]
    np.testing.assert_array_equal(network.predict(shown).scores, first)
    assert len(filler) == 199
