"""Queries by several pictures, by pictures to be unlike, and the share of words: against arithmetic by hand."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from pagelens.core.spaces import Space
from pagelens.core.types import ImageArray, Query
from pagelens.retrieve.fusion import share_weights
from pagelens.retrieve.lanes import UNLIKE_WEIGHT, CaptionLane, ImageLane, Lane, VisualLane, image_vector

RED, GREEN, BLUE = (np.eye(3, dtype=np.uint8)[row].reshape(1, 1, 3) for row in range(3))
PARTS = {"words": "words", "image": "both", "visual": "images"}


class Colours:
    """Encodes a picture of one pixel as its colour, and the text "green" as green."""

    space = Space(model="colours", revision="1", dim=3)

    def encode_images(self, images: Sequence[ImageArray]) -> NDArray[np.float32]:
        return np.array([image[0, 0] for image in images], np.float32)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        assert list(texts) == ["green"]
        return np.array([[0, 1, 0]], np.float32)


def test_pictures_are_averaged_and_those_to_be_unlike_subtracted() -> None:
    two = image_vector(Colours(), Query(image=RED, further_images=[GREEN]))
    np.testing.assert_allclose(two, [0.5**0.5, 0.5**0.5, 0], atol=1e-6)
    less = image_vector(Colours(), Query(image=RED, further_images=[GREEN], unlike_images=[BLUE, BLUE]))
    expected = np.array([0.5**0.5, 0.5**0.5, -0.5])
    np.testing.assert_allclose(less, expected / np.linalg.norm(expected), atol=1e-6)
    np.testing.assert_array_equal(image_vector(Colours(), Query(image=BLUE)), [0, 0, 1])


def test_the_weight_of_pictures_to_be_unlike_is_the_measured_one() -> None:
    assert UNLIKE_WEIGHT == 0.5  # benchmarks.photos: 0.25 leaves more of them, 0.75 loses those that are wanted


@pytest.mark.parametrize("lane", [ImageLane(Colours()), VisualLane(Colours()), CaptionLane(Colours())])
def test_every_lane_over_pictures_uses_them(lane: Lane) -> None:
    query = Query(image=RED, further_images=[GREEN], unlike_images=[BLUE])
    prepared = lane.prepare(query, 10, None)
    np.testing.assert_array_equal(prepared.vector, image_vector(Colours(), query))  # type: ignore[union-attr]


def test_words_and_pictures_share_one_vector_in_the_image_lane() -> None:
    query = Query("green", RED, text_share=0.25, unlike_images=[BLUE])
    prepared = ImageLane(Colours()).prepare(query, 10, None)
    expected = 0.25 * np.array([0, 1, 0]) + 0.75 * image_vector(Colours(), query)
    np.testing.assert_allclose(prepared.vector, expected / np.linalg.norm(expected), atol=1e-6)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.5, {"words": 0.5, "image": 4, "visual": 4}),  # as without the option
        (0.0, {"words": 0, "image": 4, "visual": 8}),
        (0.25, {"words": 0.25, "image": 4, "visual": 6}),
        (1.0, {"words": 1, "image": 4, "visual": 0}),
    ],
)
def test_the_share_of_the_words_shifts_weight_between_lanes(share: float, expected: dict[str, float]) -> None:
    weights = {"words": 0.5, "image": 4.0, "visual": 4.0}
    assert share_weights(weights, PARTS, share) == pytest.approx(expected)  # type: ignore[arg-type]
