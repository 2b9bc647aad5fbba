"""Reciprocal-rank fusion against hand-worked sums and a twin of one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.core.types import Hit, LaneRank, Ranking
from pagelens.retrieve.fusion import reciprocal_rank_fusion


def ranking(lane: str, *pages: int) -> Ranking:
    return Ranking(lane, [Hit(page, 1.0 / place) for place, page in enumerate(pages, start=1)])


def test_the_hand_worked_case_of_the_paper() -> None:
    """Page 7 is first and second: 1/61 + 1/62. Page 8 is second and absent: 1/62. Page 9: 1/61 + 0."""
    fused = reciprocal_rank_fusion([ranking("words", 7, 8), ranking("text", 9, 7)])
    assert [hit.page for hit in fused] == [7, 9, 8]
    assert [hit.score for hit in fused] == pytest.approx([1 / 61 + 1 / 62, 1 / 61, 1 / 62])
    assert fused[0].lanes == {"words": LaneRank(1, 1.0), "text": LaneRank(2, 0.5)}


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
