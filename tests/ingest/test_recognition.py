"""A recognised line becomes words."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.ingest.ocr.recognition import line_part_box, split_line


def test_a_line_is_split_at_its_blanks_and_each_word_keeps_its_own_confidence() -> None:
    # "ab cd": five signs of a fifth of the line each.
    parts = list(split_line("ab cd", [0.1, 0.3, 0.7, 0.9], [0.9, 0.7, 0.1, 0.5, 0.3]))
    assert [part.text for part in parts] == ["ab", "cd"]
    assert [part.confidence for part in parts] == pytest.approx([0.8, 0.4])
    assert [(part.start, part.end) for part in parts] == [pytest.approx((0, 0.4)), pytest.approx((0.6, 1))]


def test_neighbours_that_stand_close_share_the_gap() -> None:
    first, second = split_line("ab cd", [0.1, 0.5, 0.6, 1.0], [1.0] * 5)  # half a letter would be 0.2
    assert first.end == second.start == pytest.approx(0.55)


def test_single_letters_and_blanks_at_the_ends() -> None:
    parts = list(split_line(" a b ", [0.3, 0.7], [1.0] * 5))
    assert [part.text for part in parts] == ["a", "b"]
    assert parts[0].end <= parts[1].start
    assert list(split_line("  ", [], [1.0, 1.0])) == []


@given(st.text(st.sampled_from("ab \u3000é漢"), max_size=12), st.data())
def test_words_are_those_of_str_split_and_in_order_within_the_line(text: str, data: st.DataObject) -> None:
    count = sum(not char.isspace() for char in text)
    share = st.floats(0, 1)
    centres = sorted(data.draw(st.lists(share, min_size=count, max_size=count)))
    parts = list(split_line(text, centres, data.draw(st.lists(share, min_size=len(text), max_size=len(text)))))
    assert [part.text for part in parts] == text.split()
    for part in parts:
        assert 0 <= part.start <= part.end <= 1 and 0 <= part.confidence <= 1
    assert all(one.start <= other.start for one, other in pairwise(parts))


def test_a_part_of_a_line_has_an_upright_box_whichever_way_the_line_runs() -> None:
    level = np.array([[10, 20], [110, 20], [110, 40], [10, 40]], np.float64)
    assert line_part_box(level, 0.25, 0.5) == (35, 20, 60, 40)
    down = np.array([[40, 10], [40, 110], [20, 110], [20, 10]], np.float64)  # begins at the top right, runs down
    assert line_part_box(down, 0.0, 0.1) == (20, 10, 40, 20)
    assert line_part_box(np.roll(level, 2, axis=0), 0.0, 0.1) == (100, 20, 110, 40)  # upside down: begins at the right
