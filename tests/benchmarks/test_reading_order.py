"""The measures of reading order, on pages made here, and the file of hand-checked pages."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import block_orders, page_blocks, reading_order
from benchmarks.page_blocks import Box, Group
from benchmarks.reading_order import OrderedPage

LEFT, RIGHT = ((0.1, 0.2, 0.4, 0.3), (0.1, 0.4, 0.4, 0.5)), ((0.6, 0.2, 0.9, 0.3), (0.6, 0.4, 0.9, 0.5))
TITLE = (0.1, 0.05, 0.9, 0.1)


def page(*chains: Sequence[Box], free: Sequence[Box] = ()) -> OrderedPage:
    return OrderedPage(
        file="a.pdf", page=1, kind="columns", chains=tuple(tuple(chain) for chain in chains), free=tuple(free)
    )


def words(*blocks: Box) -> NDArray[np.float64]:
    """Return two lines of two words for each block."""
    return np.array([word for box in blocks for line in lines(box) for word in line])


def lines(box: Box) -> list[list[Box]]:
    x0, y0, x1, y1 = box
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return [[(x0, top, x, foot), (x, top, x1, foot)] for top, foot in ((y0, y), (y, y1))]


def test_text_in_the_right_order_has_all_measures_at_100() -> None:
    result = reading_order.measure_page(page((TITLE, *LEFT, *RIGHT)), words(TITLE, *LEFT, *RIGHT))
    assert result.values == {"pairs": 100, "adjacent": 100, "whole": 100}
    assert result.missing == 0


def test_lines_read_across_two_columns_leave_no_block_whole() -> None:
    across = [
        word
        for left, right in zip(LEFT, RIGHT, strict=True)
        for pair in zip(lines(left), lines(right), strict=True)
        for line in pair
        for word in line
    ]
    result = reading_order.measure_page(page((*LEFT, *RIGHT)), np.array(across))
    assert result.values["whole"] == 0
    assert np.array_equal(reading_order.row_by_row(words(*LEFT, *RIGHT)), np.array(across))


def test_a_title_at_the_end_puts_each_of_its_pairs_in_the_wrong_order() -> None:
    result = reading_order.measure_page(page((TITLE, *LEFT, *RIGHT)), words(*LEFT, *RIGHT, TITLE))
    assert result.values == {"pairs": 60, "adjacent": 75, "whole": 100}  # 4 of 10 pairs and 1 of 4 neighbours


def test_a_box_may_stand_anywhere_but_holds_no_block_of_the_main_text() -> None:
    boxed = page(LEFT, RIGHT)
    for order in ((*LEFT, *RIGHT), (*RIGHT, *LEFT), (LEFT[0], *RIGHT, LEFT[1])):
        assert reading_order.measure_page(boxed, words(*order)).values["pairs"] == 100
    inside = reading_order.measure_page(boxed, words(RIGHT[0], *LEFT, RIGHT[1]))
    assert inside.values["pairs"] == pytest.approx(100 * 4 / 6)  # each block of the main text is on both sides


def test_a_chain_of_one_block_adds_no_pair() -> None:
    result = reading_order.measure_page(page(LEFT, (TITLE,)), words(LEFT[1], TITLE, LEFT[0]))
    assert result.values["pairs"] == 0


def test_a_free_block_counts_in_whole_alone() -> None:
    between = np.insert(words(*LEFT), 2, words(TITLE)[0], axis=0)
    result = reading_order.measure_page(page(LEFT, free=(TITLE,)), between)
    assert result.values == {"pairs": 100, "adjacent": 100, "whole": 50}


def test_a_word_belongs_to_the_smallest_block_around_it() -> None:
    outer, inner = (0.0, 0.0, 1.0, 1.0), (0.4, 0.4, 0.6, 0.6)
    found = reading_order.block_words((outer, inner), np.array([(0.1, 0.1, 0.2, 0.2), (0.45, 0.45, 0.55, 0.55)]))
    assert [positions.tolist() for positions in found] == [[0], [1]]


def test_a_block_without_a_word_is_counted_as_missing() -> None:
    result = reading_order.measure_page(page((TITLE, *LEFT)), words(*LEFT))
    assert (result.missing, result.values["pairs"]) == (1, 100)


def test_the_hand_checked_pages_are_sixty_or_more_of_every_kind() -> None:
    pages = reading_order.load_pages()
    assert len(pages) >= 60
    assert {one.kind for one in pages} == {"columns", "table", "boxes", "plain", "slide"}
    assert len({one.name for one in pages}) == len(pages)
    for one in pages:
        assert len(set(one.blocks)) == len(one.blocks), one.name
        assert any(len(chain) > 1 for chain in one.chains), one.name
        assert all(0 <= x0 < x1 <= 1.001 and 0 <= y0 < y1 <= 1.001 for x0, y0, x1, y1 in one.blocks), one.name


def group(*texts: str, x: float, y: float) -> Group:
    """Return a block with a line for each text: letters of 6 points, lines of 10 points, 12 apart."""
    found = []
    for row, text in enumerate(texts):
        at = x
        for word in text.split():
            found.append(((at, y + 12 * row, at + 6 * len(word), y + 12 * row + 10), word))
            at += 6 * len(word) + 4
    return Group(page_blocks.union([box for box, _ in found]), found, lines=len(texts))


def texts(groups: Sequence[Group]) -> list[str]:
    return [" ".join(word for _, word in one.words) for one in groups]


def test_columns_under_a_title_are_three_blocks() -> None:
    parts = (
        group("A title over both of them", x=50, y=10),
        group("one two", "three", x=50, y=40),
        group("four", "five six", x=200, y=40),
    )
    found = page_blocks.blocks([word for part in parts for word in part.words])
    assert texts(found) == ["A title over both of them", "one two three", "four five six"]
    assert page_blocks.is_side_by_side([group("a b c", "d e f", x=x, y=40) for x in (50, 200)])
    assert not page_blocks.is_side_by_side(found)


def test_an_order_parts_a_table_into_cells_row_by_row() -> None:
    columns = [group("Year", "2001", "2002", x=50, y=10), group("Sales", "86", "76", x=200, y=10)]
    chains, free = block_orders.ordered(columns, "T0,1/auto", zoom=1)
    assert texts(chains[0]) == ["Year", "Sales", "2001", "86", "2002", "76"]
    assert free == []
    assert texts(block_orders.ordered(columns, "R0,1/21", zoom=1)[0][0]) == ["Year Sales", "2001 2002 86 76"]


def test_an_order_cuts_merges_and_leaves_blocks_free() -> None:
    parts = [group("head", "body", x=50, y=10), group("note", x=200, y=10), group("9", x=50, y=90)]
    chains, free = block_orders.ordered(parts, "X0/21 3 0 | 1", zoom=1)
    assert [texts(chain) for chain in chains] == [["body", "head"], ["note"]]
    assert texts(free) == ["9"]
    assert texts(block_orders.ordered(parts, "0+1", zoom=1)[0][0]) == ["head body note"]


def test_an_order_that_names_a_block_twice_or_cuts_beside_it_is_refused() -> None:
    parts = [group("head", "body", x=50, y=10), group("note", x=200, y=10)]
    with pytest.raises(ValueError, match=r"every block once, found \[0\] again"):
        block_orders.ordered(parts, "0 0-1", zoom=1)
    with pytest.raises(ValueError, match="X1/90 to part the block"):
        block_orders.ordered(parts, "X1/90 0 1", zoom=1)


def test_words_are_read_by_the_package_of_the_checkout(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="expected the package in"):
        reading_order.read_words([], tmp_path)


def word(text: str, x: float, y: float, height: float = 10) -> tuple[Box, str]:
    return (x, y, x + 30, y + height), text


@pytest.mark.parametrize(("gap", "count"), [(8.9, 1), (9.1, 2)])
def test_words_are_one_line_up_to_a_gap_of_nine_tenths_of_their_height(gap: float, count: int) -> None:
    assert len(page_blocks.line_parts([word("a", 0, 0), word("b", 30 + gap, 0)])) == count


@pytest.mark.parametrize(("gap", "count"), [(5.4, 1), (5.6, 2)])
def test_lines_are_one_block_up_to_a_gap_of_about_half_their_height(gap: float, count: int) -> None:
    assert len(page_blocks.blocks([word("a", 0, 0), word("b", 0, 10 + gap)])) == count


@pytest.mark.parametrize(("height", "count"), [(12.9, 1), (13.1, 2)])
def test_lines_of_one_block_differ_in_height_by_less_than_a_third(height: float, count: int) -> None:
    assert len(page_blocks.blocks([word("a", 0, 0), word("b", 0, 11, height)])) == count


@pytest.mark.parametrize(("outside", "count"), [(0.0009, 1), (0.0011, 0)])
def test_a_word_may_stand_a_thousandth_of_the_page_outside_its_block(outside: float, count: int) -> None:
    centre = 0.4 + outside
    found = reading_order.block_words(LEFT[:1], np.array([(centre - 0.05, 0.22, centre + 0.05, 0.24)]))
    assert len(found[0]) == count


@pytest.mark.parametrize(("step", "order"), [(0.0075, [0, 1]), (0.0085, [1, 0])])
def test_rows_of_the_control_are_four_fifths_of_a_word_high(step: float, order: list[int]) -> None:
    left, right = (0.1, 0.022 + step, 0.2, 0.042 + step), (0.5, 0.022, 0.6, 0.042)  # rows end at 0.024, 0.040, …
    assert np.array_equal(reading_order.row_by_row(np.array([left, right])), np.array([left, right])[order])
