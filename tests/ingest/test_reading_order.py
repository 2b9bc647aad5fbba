"""Boxes of text lines to reading order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.ingest.text.reading_order import Rects, reading_order

TALL = 20.0  # pixels, a line
PITCH = 24.0


def column(left: float, width: float, count: int, top: float = 0.0) -> list[tuple[float, float, float, float]]:
    """Return lines below one another."""
    return [(left, top + row * PITCH, left + width, top + row * PITCH + TALL) for row in range(count)]


def order(rects: list[tuple[float, float, float, float]]) -> list[int]:
    return [place.box for place in reading_order(np.array(rects))]


def test_no_boxes_have_no_order() -> None:
    assert reading_order(np.zeros((0, 4))) == []


def test_two_columns_of_prose_are_read_one_after_the_other() -> None:
    left, right = column(0, 400, 9), column(450, 400, 9)
    assert order([*left, *right]) == list(range(18))
    assert order([box for pair in zip(left, right, strict=True) for box in pair]) == [
        *range(0, 18, 2),
        *range(1, 18, 2),
    ]


def test_three_columns_are_too() -> None:
    boxes = [*column(0, 300, 6), *column(350, 300, 6), *column(700, 300, 6)]
    assert order(boxes) == list(range(18))


def test_what_spans_both_columns_is_read_before_and_after_them() -> None:
    title, body = (0.0, 0.0, 850.0, 20.0), [*column(0, 400, 6, top=30), *column(450, 400, 6, top=30)]
    foot = (0.0, 200.0, 850.0, 220.0)
    assert order([foot, title, *body]) == [1, *range(2, 14), 0]


def test_a_table_is_read_row_by_row() -> None:
    labels, numbers, more = column(0, 300, 5), column(400, 60, 5), column(550, 60, 5)
    assert order([*labels, *numbers, *more]) == [row + 5 * cell for row in range(5) for cell in range(3)]
    lines = [place.line for place in reading_order(np.array([*labels, *numbers, *more]))]
    assert lines == [row for row in range(5) for _ in range(3)]


def test_a_column_of_prose_beside_a_table_whose_rows_lie_elsewhere_is_a_column() -> None:
    # As on a page of a report: on the left a table of two cells a row, on the right prose on lines of its own.
    table = [box for left, width in ((0, 200), (260, 40)) for box in column(left, width, 7)]
    prose = column(400, 400, 7, top=PITCH / 2)
    got = order([*table, *prose])
    assert got == [cell for row in range(7) for cell in (row, row + 7)] + list(range(14, 21))


def test_a_wide_white_row_parts_blocks() -> None:
    boxes = [*column(0, 400, 3), *column(0, 400, 2, top=3 * PITCH + 40)]
    assert [(place.block, place.line) for place in reading_order(np.array(boxes))] == [
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 3),
        (1, 4),
    ]


@pytest.mark.parametrize("factor", [0.1, 7.0])
def test_the_order_does_not_depend_on_the_size_of_the_picture(factor: float) -> None:
    boxes = np.array([*column(0, 400, 6), *column(450, 400, 6), *column(0, 850, 2, top=200)])
    assert reading_order(boxes * factor) == reading_order(boxes)


SIDES = st.floats(0, 1000, width=32)


@st.composite
def rects(draw: st.DrawFn) -> Rects:
    found = draw(st.lists(st.tuples(SIDES, SIDES, st.floats(0, 300), st.floats(0, 60)), max_size=30))
    return np.array([(x, y, x + width, y + height) for x, y, width, height in found]).reshape(-1, 4)


@given(rects())
def test_every_box_is_read_exactly_once_and_lines_and_blocks_stand_together(boxes: Rects) -> None:
    places = reading_order(boxes)
    assert sorted(place.box for place in places) == list(range(len(boxes)))
    for numbers in ([place.line for place in places], [place.block for place in places]):
        assert numbers == sorted(numbers)
        assert not numbers or sorted(set(numbers)) == list(range(numbers[-1] + 1))
