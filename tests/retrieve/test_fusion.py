"""Reciprocal-rank fusion against hand-worked sums and a twin of one line; lane weights against hand-worked cases."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.core.types import Hit, LaneRank, Query, Ranking
from pagelens.retrieve.fusion import (
    MAX_IMAGE_WEIGHT,
    MIN_IMAGE_WEIGHT,
    MIN_IMAGE_WEIGHT_ALONE,
    balanced_weights,
    reciprocal_rank_fusion,
)
from pagelens.retrieve.lanes import ImageLane, PageLane, TextLane, VisualLane, WordsLane

NOTHING = np.zeros(0, np.int64)


def ranking(lane: str, *pages: int) -> Ranking:
    return Ranking(lane, [Hit(page, 1.0 / place) for place, page in enumerate(pages, start=1)])


def test_the_hand_worked_case_of_the_paper() -> None:
    """Page 7 is first and second: 1/61 + 1/62. Page 8 is second and absent: 1/62. Page 9: 1/61 + 0."""
    fused = reciprocal_rank_fusion([ranking("words", 7, 8), ranking("text", 9, 7)])
    assert [hit.page for hit in fused] == [7, 9, 8]
    assert [hit.score for hit in fused] == pytest.approx([1 / 61 + 1 / 62, 1 / 61, 1 / 62])
    assert fused[0].lanes == {"words": LaneRank(1, 1.0), "text": LaneRank(2, 0.5)}


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 9])
def test_a_limit_returns_the_first_hits_as_they_are_without_it(limit: int) -> None:
    rankings = [ranking("words", 7, 8), ranking("text", 9, 7)]
    assert reciprocal_rank_fusion(rankings, limit=limit) == reciprocal_rank_fusion(rankings)[:limit]


def test_equal_scores_keep_the_order_of_the_page_keys() -> None:
    fused = reciprocal_rank_fusion([ranking("words", 5, 3), ranking("text", 3, 5)])
    assert [hit.page for hit in fused] == [3, 5]


def test_a_weight_multiplies_its_lane_and_a_lane_without_one_weighs_one() -> None:
    fused = reciprocal_rank_fusion([ranking("words", 1), ranking("text", 2)], weights={"words": 2.0})
    assert [hit.page for hit in fused] == [1, 2]
    assert [hit.score for hit in fused] == pytest.approx([2 / 61, 1 / 61])


def test_scaled_shares_follow_the_score_between_the_lanes_floor_and_its_best() -> None:
    """Three hits: the floor of the first lane is 2.6 * 3 / 13 = 0.6, that of the second its last score."""
    close = Ranking("words", [Hit(1, 10.6), Hit(2, 9.6), Hit(3, 2.6)])
    far = Ranking("text", [Hit(2, 0.8), Hit(1, 0.0), Hit(3, -0.2)])
    fused = {hit.page: hit.score for hit in reciprocal_rank_fusion([close, far], scaled=True)}
    assert fused[1] == pytest.approx(1 / 61 + 0.2 / 62)
    assert fused[2] == pytest.approx(0.9 / 62 + 1 / 61)
    assert fused[3] == pytest.approx(0.2 / 63)


def test_the_second_of_two_good_pages_is_not_worthless() -> None:
    fused = reciprocal_rank_fusion([Ranking("text", [Hit(1, 0.42), Hit(2, 0.4)])], scaled=True)
    assert fused[1].score > 0.9 / 62


def test_a_lane_whose_pages_all_score_alike_gives_each_its_whole_share() -> None:
    fused = reciprocal_rank_fusion([Ranking("text", [Hit(1, 0.5), Hit(2, 0.5)])], scaled=True)
    assert [hit.score for hit in fused] == pytest.approx([1 / 61, 1 / 62])


def test_no_rankings_and_empty_rankings_fuse_to_nothing() -> None:
    assert reciprocal_rank_fusion([]) == []
    assert reciprocal_rank_fusion([Ranking("words", []), Ranking("text", [])], scaled=True) == []


page_lists = st.lists(st.lists(st.integers(1, 30), unique=True, max_size=12), max_size=4)


@given(page_lists, st.floats(1, 100))
def test_every_page_gets_the_sum_over_its_lanes(lists: list[list[int]], k: float) -> None:
    fused = reciprocal_rank_fusion([ranking(str(lane), *pages) for lane, pages in enumerate(lists)], k=k)
    twin = {
        page: sum(1 / (k + pages.index(page) + 1) for pages in lists if page in pages) for page in set().union(*lists)
    }
    assert {hit.page: hit.score for hit in fused} == pytest.approx(twin)
    assert [hit.score for hit in fused] == sorted((hit.score for hit in fused), reverse=True)


# Lane weights

IMAGE = np.zeros((2, 2, 3), np.uint8)
LANES = (WordsLane, TextLane, ImageLane, VisualLane, PageLane)
WEIGHTS = {lane.name: lane.weight for lane in LANES}


def lane_weights(
    query: Query, rankings: list[Ranking], *, idf_sum: float, comparable_cosines: bool
) -> Mapping[str, float]:
    return balanced_weights(
        query,
        rankings,
        idf_sum=idf_sum,
        comparable_cosines=comparable_cosines,
        weights=WEIGHTS,
        image_query_weights={lane.name: lane.image_query_weight for lane in LANES},
    )


def best_scores(*, words: float, text: float, image: float) -> list[Ranking]:
    return [Ranking(lane, [Hit(1, best)]) for lane, best in (("words", words), ("text", text), ("image", image))]


def test_even_odds_give_the_image_lane_weight_one() -> None:
    """9.4 * (0.4 - text) - 2.4 * 5 / 10 + 1.55 = 0 where text = 0.4 + 0.35 / 9.4."""
    found = best_scores(words=5.0, text=0.4 + 0.35 / 9.4, image=0.4)
    weights = lane_weights(Query("x"), found, idf_sum=10.0, comparable_cosines=True)
    assert weights == {**WEIGHTS, "image": pytest.approx(1.0)}


def test_an_image_that_fits_better_than_any_passage_weighs_up_to_the_most() -> None:
    weight = lane_weights(Query("x"), best_scores(words=2, text=0.30, image=0.35), idf_sum=10, comparable_cosines=True)[
        "image"
    ]
    assert weight == pytest.approx(math.exp(9.4 * 0.05 - 0.48 + 1.55))
    assert (
        lane_weights(Query("x"), best_scores(words=2, text=0.2, image=0.6), idf_sum=10, comparable_cosines=True)[
            "image"
        ]
        == MAX_IMAGE_WEIGHT
    )


def test_words_that_are_all_found_leave_the_image_lane_little() -> None:
    weights = lane_weights(Query("x"), best_scores(words=20, text=0.6, image=0.2), idf_sum=10, comparable_cosines=True)
    assert weights["image"] == MIN_IMAGE_WEIGHT


def test_cosines_of_two_spaces_are_not_compared() -> None:
    rankings = [best_scores(words=4, text=text, image=0.1) for text in (0.2, 0.9)]
    weights = [lane_weights(Query("x"), ranking, idf_sum=10, comparable_cosines=False)["image"] for ranking in rankings]
    assert weights[0] == weights[1] == pytest.approx(math.exp(-5.1 * 0.4 + 2.45))
    sure = lane_weights(Query("x"), best_scores(words=30, text=0.1, image=0.1), idf_sum=10, comparable_cosines=False)
    assert sure["image"] == MIN_IMAGE_WEIGHT_ALONE


def test_without_photos_or_without_words_nothing_breaks() -> None:
    assert lane_weights(Query("x"), [Ranking("words", [Hit(1, 3.0)])], idf_sum=5, comparable_cosines=True) == WEIGHTS
    only = lane_weights(Query("x"), [Ranking("image", [Hit(1, 0.1)])], idf_sum=0, comparable_cosines=True)
    assert only["image"] == MAX_IMAGE_WEIGHT  # exp(0.94 + 1.55) is more


def test_an_image_with_a_text_goes_by_the_image() -> None:
    alone = lane_weights(Query(image=IMAGE), [], idf_sum=0, comparable_cosines=True)
    both = lane_weights(Query("but at night", IMAGE), [], idf_sum=0, comparable_cosines=True)
    assert alone == WEIGHTS
    assert min(both["image"], both["visual"]) > 2 * sum(both[lane] for lane in ("words", "text", "page"))


def test_lanes_that_know_a_page_speak_for_those_that_lack_it_with_a_part_of_their_weight() -> None:
    """Weights 2, 1 and 1.5: page 1 is ranked by `words` only, which has 2 of the 4.5; page 2 is in all lanes."""
    rankings = [ranking("words", 1, 2), ranking("text", 2), ranking("page", 2)]
    weights = {"words": 2.0, "text": 1.0, "page": 1.5}
    lacking = {"words": NOTHING, "text": np.array([1, 7]), "page": np.array([1, 7])}
    fused = {hit.page: hit.score for hit in reciprocal_rank_fusion(rankings, weights=weights, lacking=lacking)}
    assert fused[1] == pytest.approx(2 / 61 * (1 + 0.875 * 2.5 / 2))
    assert fused[2] == pytest.approx(2 / 62 + 1 / 61 + 1.5 / 61)


def test_a_lane_that_has_a_page_and_does_not_rank_it_counts_as_one_that_knows_it() -> None:
    """Page 1 is in `words` and `page`, which does not find it, and lacks `text`: 1 of 4.5 is missing."""
    weights = {"words": 2.0, "text": 1.0, "page": 1.5}
    lacking = {"words": NOTHING, "text": np.array([1]), "page": NOTHING}
    [hit] = reciprocal_rank_fusion([ranking("words", 1)], weights=weights, lacking=lacking)
    assert hit.score == pytest.approx(2 / 61 * (1 + 0.875 * 1 / 3.5))


def test_where_every_page_lacks_the_same_lanes_the_order_is_that_of_the_others() -> None:
    rankings = [ranking("words", 3, 1, 2), ranking("text"), ranking("page")]
    lacking = {"words": NOTHING, "text": np.array([1, 2, 3]), "page": np.array([1, 2, 3])}
    assert [hit.page for hit in reciprocal_rank_fusion(rankings, lacking=lacking)] == [3, 1, 2]


def test_pages_that_lack_nothing_keep_their_scores_to_the_last_bit() -> None:
    rankings = [ranking("words", 1, 2), ranking("text", 2, 1)]
    lacking = {"words": NOTHING, "text": np.array([9])}
    assert reciprocal_rank_fusion(rankings, lacking=lacking) == reciprocal_rank_fusion(rankings)
