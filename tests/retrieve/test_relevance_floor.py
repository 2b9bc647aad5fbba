"""Results that are as good as noise are told; the weights are those that were measured."""

import math
from collections.abc import Mapping

import pytest

from pagelens.core.terms import OtherForm
from pagelens.retrieve.relevance_floor import (
    FLOOR_OF_PHOTOS,
    FLOOR_OF_TEXT,
    FLOOR_OF_WORDS,
    FloorWeights,
    RelevanceSignals,
    is_weak,
    unknown_share,
)


def weak(
    floor: FloorWeights, best: Mapping[str, float], *, unknown: float = 0.0, pages: int = 1_000, size: int = 1_000
) -> bool:
    return is_weak(
        RelevanceSignals(best=best, idf_sum=10.0, unknown=unknown, page_count=pages, collection_size=size), floor
    )


@pytest.mark.parametrize(
    ("cosine", "unknown", "pages", "size"),
    [
        (5.6 / 19.9, 0.0, 1_000, 1_000),  # 0.7 * 3 + 3.5
        (5.6 / 19.9, 0.0, 50_000, 50_000),  # as in the largest collection that was measured
        (4.2 / 19.9, 0.0, 10, 1_000),
        (3.5 / 19.9, 0.0, 1, 1),
        (9.1 / 19.9, 1.0, 1_000, 100),  # unknown terms count half in a collection of 100 pages
        (7.7 / 19.9, 1.0, 10, 100),
    ],
)
def test_the_cosine_that_is_near_enough_depends_on_pages_and_unknown_words(
    cosine: float, unknown: float, pages: int, size: int
) -> None:
    assert weak(FLOOR_OF_TEXT, {"text": cosine - 0.001}, unknown=unknown, pages=pages, size=size)
    assert not weak(FLOOR_OF_TEXT, {"text": cosine + 0.001}, unknown=unknown, pages=pages, size=size)


@pytest.mark.parametrize(
    ("coverage", "unknown", "pages"), [(3.1 / 8.2, 0.0, 1_000), (0.1 / 8.2, 0.0, 1), (5.7 / 8.2, 1.0, 1_000)]
)
def test_without_a_text_lane_the_coverage_of_the_words_decides(coverage: float, unknown: float, pages: int) -> None:
    assert weak(FLOOR_OF_WORDS, {"words": 10 * coverage - 0.01}, unknown=unknown, pages=pages, size=100)
    assert not weak(FLOOR_OF_WORDS, {"words": 10 * coverage + 0.01}, unknown=unknown, pages=pages, size=100)


def test_a_photo_that_is_near_enough_is_no_weak_result() -> None:
    for floor in (FLOOR_OF_TEXT, FLOOR_OF_PHOTOS):
        assert weak(floor, {"image": 0.169}, unknown=1.0)
        assert not weak(floor, {"image": 0.17}, unknown=1.0)


def test_unknown_is_what_no_page_has_in_any_form() -> None:
    most = math.log(1 + 10.5 / 0.5)
    terms = ["harbour", "vertrag", "xyz", OtherForm("~vertrag", ["vertrag"])]
    idf = {"harbour": 1.0, "vertrag": most, "xyz": most, "~vertrag": 2.0}
    assert unknown_share(terms, idf, 10) == pytest.approx(most / (1 + 2 * most))
    assert unknown_share(["xyz"], {"xyz": most}, 10) == 1.0
    assert unknown_share(["xyz"], {"xyz": 0.0}, 10) == 0.0  # nothing is known of a damaged index
