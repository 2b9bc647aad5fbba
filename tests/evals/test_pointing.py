"""Areas of boxes against gold boxes, by hand-worked cases and by a count of grid cells; the figures of a run."""

from collections.abc import ItemsView, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagelens.core.types import Box, PageRef
from pagelens.evals.measures.pointing import NOWHERE, point
from pagelens.evals.report.markdown_report import pointing_table
from pagelens.evals.runs.pointing_scores import ANSWER, pointing_figures
from pagelens.evals.runs.run_folder import read_run_folder
from tests.evals.conftest import Evaluation

GOLD = [Box(0.0, 0.0, 0.5, 0.5)]


@st.composite
def boxes(draw: st.DrawFn) -> list[Box]:
    """Return up to four boxes with corners on a grid of tenths."""
    corner = st.integers(0, 10)
    drawn = draw(st.lists(st.tuples(corner, corner, corner, corner), max_size=4))
    return [Box(*(value / 10 for value in (min(a, b), min(c, d), max(a, b), max(c, d)))) for a, b, c, d in drawn]


def on_grid(found: list[Box]) -> NDArray[np.bool_]:
    """Return which cells of a grid of tenths the boxes cover."""
    cells = np.zeros((10, 10), bool)
    for x0, y0, x1, y1 in found:
        cells[round(10 * y0) : round(10 * y1), round(10 * x0) : round(10 * x1)] = True
    return cells


def test_a_box_half_of_which_is_gold_points_inside_and_covers_what_it_shares() -> None:
    pointing = point([Box(0.25, 0.0, 0.75, 0.5)], GOLD)
    assert (pointing.precision, pointing.coverage, pointing.f1) == pytest.approx((0.5, 0.5, 0.5))
    assert pointing.inside


def test_a_box_of_which_two_fifths_are_gold_does_not_point_inside() -> None:
    assert not point([Box(0.3, 0.0, 0.8, 0.5)], GOLD).inside


def test_a_word_inside_the_gold_box_points_inside_though_it_covers_little() -> None:
    pointing = point([Box(0.1, 0.1, 0.15, 0.2)], GOLD)
    assert pointing.inside
    assert pointing.coverage == pytest.approx(0.02)
    assert pointing.f1 == pytest.approx(2 * 0.02 / 1.02)


def test_the_whole_page_covers_the_gold_box_and_does_not_point_inside() -> None:
    pointing = point([Box(0.0, 0.0, 1.0, 1.0)], GOLD)
    assert (pointing.precision, pointing.coverage) == pytest.approx((0.25, 1.0))
    assert not pointing.inside


def test_boxes_that_overlap_count_once() -> None:
    twice = [Box(0.0, 0.0, 0.5, 0.5), Box(0.0, 0.0, 0.5, 0.25), Box(0.5, 0.5, 1.0, 1.0)]
    pointing = point(twice, GOLD)
    assert (pointing.precision, pointing.coverage) == pytest.approx((0.5, 1.0))


@pytest.mark.parametrize("found", [[], [Box(0.6, 0.6, 0.9, 0.9)], [Box(0.2, 0.2, 0.2, 0.4)]])
def test_nothing_beside_the_gold_box_or_without_area_points_anywhere(found: list[Box]) -> None:
    assert point(found, GOLD) == NOWHERE
    assert point(GOLD, found) == NOWHERE


@settings(deadline=None)
@given(boxes(), boxes())
def test_areas_are_those_of_a_grid(found: list[Box], gold: list[Box]) -> None:
    found_cells, gold_cells = on_grid(found), on_grid(gold)
    common = (found_cells & gold_cells).sum()
    pointing = point(found, gold)
    if not found_cells.any() or not gold_cells.any():
        assert pointing == NOWHERE
    else:
        assert pointing.precision == pytest.approx(common / found_cells.sum())
        assert pointing.coverage == pytest.approx(common / gold_cells.sum())


def test_a_run_says_how_many_point_inside_of_all_and_of_those_on_the_right_page(evaluation: Evaluation) -> None:
    """The words of q1's page stand in its gold box, and none in that of q3, which is at the foot of its page."""
    figures = {(row.scope, row.system, row.source): row for row in pointing_figures(evaluation.run)}
    for system in ("fused", ANSWER):
        row = figures["within", system, "all"]
        assert (row.page_right.mean, row.page_right.count) == (1.0, 2)
        assert (row.inside.mean, row.inside_of_right.mean) == (0.5, 0.5)
        assert 0 < row.coverage.mean < 0.5
    assert not [key for key in figures if key[0] == "foreign"]


def test_a_hit_on_another_page_than_the_gold_boxes_is_not_inside(evaluation: Evaluation) -> None:
    boxes = {qid: {page._replace(number=1): found for page, found in pages.items()} for qid, pages in _gold(evaluation)}
    run = replace(evaluation.run, data=replace(evaluation.run.data, gold_boxes=boxes))
    row = next(row for row in pointing_figures(run) if (row.scope, row.system) == ("within", "fused"))
    assert (row.page_right.mean, row.inside.mean, row.inside_of_right.count) == (0.0, 0.0, 0)


def _gold(evaluation: Evaluation) -> ItemsView[str, Mapping[PageRef, Sequence[Box]]]:
    return dict(evaluation.run.data.gold_boxes).items()


def test_the_figures_are_the_same_when_the_run_is_read_again_and_stand_in_the_report(evaluation: Evaluation) -> None:
    figures = pointing_figures(read_run_folder(evaluation.run.folder))
    assert figures == pointing_figures(evaluation.run)
    table = "\n".join(pointing_table(figures))
    assert "| within the question's document | fused | all | 2 | 100.0 (100 to 100) | 50.0 (0 to 100) |" in table
