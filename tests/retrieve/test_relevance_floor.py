"""Results that are as good as noise are told; the weights are those that were measured."""

import math
from collections.abc import Mapping

import pytest

from pagelens.core.terms import OtherForm
from pagelens.core.types import Hit, Ranking
from pagelens.retrieve.relevance_floor import (
    FLOOR_OF_MULTILINGUAL_TEXT,
    FLOOR_OF_PHOTOS,
    FLOOR_OF_TEXT,
    FLOOR_OF_WORDS,
    FloorWeights,
    RelevanceSignals,
    is_weak,
    mean_of_nearest,
    unknown_share,
)


def weak(
    floor: FloorWeights,
    best: Mapping[str, float],
    *,
    unknown: float = 0.0,
    pages: int = 1_000,
    size: int = 1_000,
    nearest: float | None = None,
) -> bool:
    return is_weak(
        RelevanceSignals(
            best=best,
            nearest=best.get("text", 0.0) if nearest is None else nearest,
            idf_sum=10.0,
            unknown=unknown,
            page_count=pages,
            collection_size=size,
        ),
        floor,
    )


@pytest.mark.parametrize(
    ("cosine", "unknown", "pages", "size"),
    [
        (7.4 / 26.7, 0.0, 1_000, 1_000),  # 1.4 * 3 + 3.2, over both weights of cosines
        (7.4 / 26.7, 0.0, 50_000, 50_000),  # as in the largest collection that was measured
        (4.6 / 26.7, 0.0, 10, 1_000),
        (3.2 / 26.7, 0.0, 1, 1),
        (11.0 / 26.7, 1.0, 1_000, 100),  # unknown terms count half in a collection of 100 pages
        (8.2 / 26.7, 1.0, 10, 100),
    ],
)
def test_the_cosine_that_is_near_enough_depends_on_pages_and_unknown_words(
    cosine: float, unknown: float, pages: int, size: int
) -> None:
    assert weak(FLOOR_OF_TEXT, {"text": cosine - 0.001}, unknown=unknown, pages=pages, size=size)
    assert not weak(FLOOR_OF_TEXT, {"text": cosine + 0.001}, unknown=unknown, pages=pages, size=size)


@pytest.mark.parametrize(
    ("cosine", "unknown", "pages", "size"),
    [
        (7.5 / 28.5, 0.0, 1_000, 1_000),  # 1.0 * 3 + 4.5, over both weights of cosines
        (4.5 / 28.5, 0.0, 1, 1),
        (11.15 / 28.5, 1.0, 10, 100),  # 1.0 + 4.5 + 11.3 / 2
    ],
)
def test_the_multilingual_encoder_has_a_floor_of_its_own(cosine: float, unknown: float, pages: int, size: int) -> None:
    floor = FLOOR_OF_MULTILINGUAL_TEXT
    assert weak(floor, {"text": cosine - 0.0005}, unknown=unknown, pages=pages, size=size)
    assert not weak(floor, {"text": cosine + 0.0005}, unknown=unknown, pages=pages, size=size)
    assert weak(floor, {"text": 0.2}, nearest=(7.5 - 17.8 * 0.2) / 10.7 - 0.0005)
    assert not weak(floor, {"text": 0.2}, nearest=(7.5 - 17.8 * 0.2) / 10.7 + 0.0005)


def test_several_pages_near_a_query_are_worth_more_than_one() -> None:
    one = 0.4  # 9.8 * 0.4 + 16.9 * nearest = 7.4
    assert weak(FLOOR_OF_TEXT, {"text": one}, nearest=3.48 / 16.9 - 0.001)
    assert not weak(FLOOR_OF_TEXT, {"text": one}, nearest=3.48 / 16.9 + 0.001)


def test_the_nearest_pages_are_the_first_five_of_the_text_lane() -> None:
    text = Ranking("text", [Hit(page, score) for page, score in enumerate((0.9, 0.5, 0.4, 0.4, 0.3, 0.1))])
    words = Ranking("words", [Hit(7, 12.0)])
    assert mean_of_nearest([words, text]) == pytest.approx(0.5)
    assert mean_of_nearest([Ranking("text", text.hits[:2])]) == pytest.approx(0.7)
    assert mean_of_nearest([words]) == 0.0


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
