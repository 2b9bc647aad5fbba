"""Blocks of pages that a file draws in another order than that of reading."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.ingest.text import block_order
from pagelens.ingest.text.block_order import in_reading_order
from pagelens.ingest.text.columns import part_columns
from pagelens.ingest.text.page_text import Word


def block(
    number: int,
    text: str,
    x: float,
    y: float,
    *,
    width: float = 20.0,
    lines: int = 3,
    size: float = 1.0,
    leftwards: bool = False,
) -> list[Word]:
    """Return a block of lines of four words, of height `size` and 1.2 apart, all with the same text."""
    step = width / 4
    places = [x + step * at for at in range(4)]
    return [
        Word(text, left, y + 1.2 * row, left + step - 0.4, y + 1.2 * row + size, number, 100 * number + row)
        for row in range(lines)
        for left in (reversed(places) if leftwards else places)
    ]


def order(blocks: Sequence[list[Word]]) -> str:
    words = in_reading_order([word for words in blocks for word in words])
    return "".join(dict.fromkeys(word.text for word in words))


def two_columns() -> dict[str, list[Word]]:
    """Return a title, two blocks in each of two columns, and a foot, in reading order."""
    return {
        "t": block(0, "t", 0, 0, width=45, lines=1, size=1.5),
        "a": block(1, "a", 0, 4),
        "b": block(2, "b", 0, 8.5),
        "c": block(3, "c", 25, 4),
        "d": block(4, "d", 25, 8.5),
        "f": block(5, "f", 0, 16, width=45, lines=1, size=1.5),
    }


@pytest.mark.parametrize("drawn", ["tabcdf", "abcdtf", "abcdft", "ftabcd", "tbacdf"])
def test_a_block_that_is_drawn_out_of_place_is_moved(drawn: str) -> None:
    blocks = two_columns()
    assert order([blocks[name] for name in drawn]) == "tabcdf"


@pytest.mark.parametrize("drawn", ["dcbatf", "ftdcba", "catbfd", "dbcatf"])
def test_a_page_with_several_blocks_out_of_place_stays_as_it_is_drawn(drawn: str) -> None:
    blocks = two_columns()
    assert order([blocks[name] for name in drawn]) == drawn


@pytest.mark.parametrize("drawn", ["tacbdf", "tcdabf"])
def test_the_drawing_order_stays_where_no_block_stands_above_an_earlier_one(drawn: str) -> None:
    blocks = two_columns()
    assert order([blocks[name] for name in drawn]) == drawn


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        ("ftcdab", "tcdabf"),  # a running foot that is drawn first
        ("cdabft", "tcdabf"),  # a title that is drawn last
    ],
)
def test_one_block_in_the_wrong_place_is_moved_and_the_others_stay(drawn: str, expected: str) -> None:
    blocks = two_columns()
    assert order([blocks[name] for name in drawn]) == expected


@pytest.mark.parametrize(("drawn", "expected"), [("acbdrn", "abcdrn"), ("rnacbd", "rnabcd"), ("acbd", "abcd")])
def test_running_titles_and_page_numbers_stay_where_they_are_drawn(drawn: str, expected: str) -> None:
    column = {name: block(at, name, 0, 4 + 5 * at, width=45) for at, name in enumerate("abcd")}
    running = {"r": block(8, "r", 0, 0, lines=1), "n": block(9, "n", 40, 30, width=4, lines=1)}
    blocks = column | running
    assert order([blocks[name] for name in drawn]) == expected
    assert order([blocks[name] for name in drawn if name in "rabcd"]) == expected.replace("n", "")


@pytest.mark.parametrize(("size", "expected"), [(0.99 * block_order.SMALL, "abt"), (1.01 * block_order.SMALL, "tab")])
def test_a_line_above_the_text_in_larger_type_is_its_title(size: float, expected: str) -> None:
    text = [block(at, name, 0, 4 + 5 * at, width=45) for at, name in enumerate("ab")]
    assert order([*text, block(2, "t", 0, 0, width=45, lines=1, size=size)]) == expected


@pytest.mark.parametrize(("count", "expected"), [(0, "ts"), (1, "st")])
def test_many_lines_below_a_title_are_its_text(count: int, expected: str) -> None:
    lines = [block(at, "s", 0, 10 + 2 * at, lines=1) for at in range(block_order.MAX_RUNNING + 1 - count)]
    assert order([*lines, block(9, "t", 0, 0, lines=1, size=2.0)]) == expected


def test_a_line_within_the_text_is_no_running_title() -> None:
    a, b = block(0, "a", 0, 4, width=45), block(1, "b", 0, 14, width=45)
    assert order([a, b, block(2, "h", 0, 11, width=45, lines=1)]) == "ahb"


def test_a_title_of_scripts_that_run_to_the_left_is_moved_too() -> None:
    left, right = "א", "ב"
    blocks = [block(n, text, x, y, leftwards=True) for n, (text, x, y) in enumerate([(left, 0, 4), (right, 25, 4)])]
    title = block(2, "ג", 0, 0, width=45, lines=1, size=1.5, leftwards=True)
    assert order([*blocks, title]) == "גאב"


def test_text_that_is_upside_down_or_sideways_stays_as_it_is_drawn() -> None:
    blocks = two_columns()
    drawn = [blocks[name] for name in "dcbatf"]
    turned = [[word._replace(x0=60 - word.x1, x1=60 - word.x0) for word in words] for words in drawn]
    assert order(turned) == "dcbatf"
    sideways = [[Word(w.text, w.y0, w.x0, w.y1, w.x1, w.block, w.line) for w in words] for words in drawn]
    assert order(sideways) == "dcbatf"


def test_words_and_lines_of_a_block_stay_together() -> None:
    blocks = two_columns()
    words = [word for name in "dcbatf" for word in blocks[name]]
    ordered = in_reading_order(words)
    assert sorted(ordered) == sorted(words)
    for name, own in blocks.items():
        assert [word for word in ordered if word.text == name] == own


def test_a_page_of_very_many_blocks_is_left_as_it_is() -> None:
    rows = [Word("x", 0, 2 * at, 1, 2 * at + 1, at, at) for at in range(block_order.MAX_BLOCKS - 1)]
    late = Word("x", 0, -5, 1, -2, block_order.MAX_BLOCKS, block_order.MAX_BLOCKS)
    assert in_reading_order([*rows, late])[0] == late
    many = [*rows, Word("x", 0, 2 * len(rows), 1, 2 * len(rows) + 1, len(rows), len(rows)), late]
    assert in_reading_order(many) is many
    assert in_reading_order([]) == []


coordinates = st.sampled_from([0.0, 1.0, 1.5, 2.0, 9.0, 20.0, -3.0]) | st.floats(-50, 50)
any_words = st.lists(
    st.builds(
        Word,
        text=st.sampled_from(["a", "text", "12", "א", "Name"]),
        x0=coordinates,
        y0=coordinates | st.sampled_from([math.nan, math.inf]),
        x1=coordinates,
        y1=coordinates,
        block=st.integers(0, 5),
        line=st.integers(0, 9),
    ),
    max_size=40,
)


@given(any_words)
def test_no_word_is_lost_whatever_comes_in(words: list[Word]) -> None:
    for ordered in (in_reading_order(words), part_columns(words)):
        assert sorted(id(word.text) for word in ordered) == sorted(id(word.text) for word in words)
        assert len(ordered) == len(words)


def test_thresholds_are_those_that_were_measured() -> None:
    assert 0.1 <= block_order.SHARED <= 0.5  # docs/LOG.md: the same order from 0.1 to 0.5
    assert block_order.MAX_BLOCKS <= 1000  # time grows with its square
