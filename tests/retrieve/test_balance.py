"""How much the image lane weighs, against hand-worked cases."""

import math

import numpy as np
import pytest

from pagelens.core.types import Hit, Query, Ranking
from pagelens.retrieve.lane_balance import LEAST, LEAST_APART, MOST, WEIGHTS, balanced_weights

PICTURE = np.zeros((2, 2, 3), np.uint8)


def rankings(*, words: float, text: float, image: float) -> list[Ranking]:
    return [Ranking(lane, [Hit(1, best)]) for lane, best in (("words", words), ("text", text), ("image", image))]


def test_even_odds_weigh_one_whatever_the_words_lanes_weigh() -> None:
    """9.4 * (0.4 - text) - 2.4 * 5 / 10 + 1.55 = 0 where text = 0.4 + 0.35 / 9.4."""
    found = rankings(words=5.0, text=0.4 + 0.35 / 9.4, image=0.4)
    weights = balanced_weights(Query("x"), found, idf=10.0, one_space=True)
    assert weights == {**WEIGHTS, "image": pytest.approx(1.0)}


def test_a_picture_that_fits_better_than_any_passage_weighs_up_to_the_most() -> None:
    some = balanced_weights(Query("x"), rankings(words=2, text=0.30, image=0.35), idf=10, one_space=True)["image"]
    assert some == pytest.approx(math.exp(9.4 * 0.05 - 0.48 + 1.55))
    assert balanced_weights(Query("x"), rankings(words=2, text=0.2, image=0.6), idf=10, one_space=True)["image"] == MOST


def test_words_that_are_all_found_leave_the_image_lane_little() -> None:
    weights = balanced_weights(Query("x"), rankings(words=20, text=0.6, image=0.2), idf=10, one_space=True)
    assert weights["image"] == LEAST


def test_cosines_of_two_spaces_are_not_compared() -> None:
    one, other = (rankings(words=4, text=text, image=0.1) for text in (0.2, 0.9))
    weights = [balanced_weights(Query("x"), found, idf=10, one_space=False)["image"] for found in (one, other)]
    assert weights[0] == weights[1] == pytest.approx(math.exp(-5.1 * 0.4 + 2.45))
    sure = balanced_weights(Query("x"), rankings(words=30, text=0.1, image=0.1), idf=10, one_space=False)
    assert sure["image"] == LEAST_APART


def test_without_photos_or_without_words_nothing_breaks() -> None:
    assert balanced_weights(Query("x"), [Ranking("words", [Hit(1, 3.0)])], idf=5, one_space=True) == WEIGHTS
    only = balanced_weights(Query("x"), [Ranking("image", [Hit(1, 0.1)])], idf=0, one_space=True)
    assert only["image"] == MOST  # exp(0.94 + 1.55) is more


def test_a_picture_with_a_text_goes_by_the_picture() -> None:
    alone = balanced_weights(Query(image=PICTURE), [], idf=0, one_space=True)
    both = balanced_weights(Query("but at night", PICTURE), [], idf=0, one_space=True)
    assert alone == WEIGHTS
    assert min(both["image"], both["visual"]) > 2 * sum(both[lane] for lane in ("words", "text", "page"))
