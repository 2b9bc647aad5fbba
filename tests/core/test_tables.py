"""Tables and charts read from the boxes of words: each value has the labels of its row and its column."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.core.tables.chunks import find_chunks
from pagelens.core.tables.structure import Table, TableLayout, find_tables
from pagelens.core.types import PageText, no_text
from tests.generate.pages import LETTER, LINE, place_lines, set_page

CARGO = """
Table 2: Cargo landed at Oban (tonnes)

Cargo | 2023 | 2024
Timber | 44,900 | 52,300
Grain | 12,000 | 9,700
Total | 56,900 | 62,000
"""


def readings(tables: Sequence[Table]) -> dict[tuple[str, str], str]:
    """Return the values by their row's label and their column's header."""
    return {
        (" ".join(chunk.text for chunk in cell.row), " ".join(chunk.text for chunk in column.header)): cell.value.text
        for table in tables
        for column in table.columns
        for cell in column.cells
    }


def test_each_value_has_the_label_of_its_row_and_the_header_of_its_column() -> None:
    tables = find_tables(set_page(CARGO))
    assert len(tables) == 1
    assert readings(tables) == {
        ("Timber", "2023"): "44,900",
        ("Timber", "2024"): "52,300",
        ("Grain", "2023"): "12,000",
        ("Grain", "2024"): "9,700",
        ("Total", "2023"): "56,900",
        ("Total", "2024"): "62,000",
    }


def test_the_caption_is_the_line_above_or_below() -> None:
    above = find_tables(set_page(CARGO))[0]
    below = find_tables(set_page("A | 1\nB | 2\nC | 3\n\nFigure 4: Letters of the port"))[0]
    assert above.caption[0].text == "Table 2: Cargo landed at Oban (tonnes)"
    assert below.caption[0].text == "Figure 4: Letters of the port"


words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=8).map(str.capitalize)


@given(
    st.lists(words, min_size=2, max_size=6, unique=True),
    st.lists(words, min_size=1, max_size=4, unique=True),
    st.data(),
)
def test_a_grid_of_numbers_is_read_as_it_was_set(rows: list[str], columns: list[str], data: st.DataObject) -> None:
    numbers = st.integers(0, 99_999).map("{:,}".format)
    grid = {(row, column): data.draw(numbers) for row in rows for column in columns}
    lines = [[("", 0.05), *((column, 0.3 + 0.15 * at) for at, column in enumerate(columns))]]
    lines += [
        [(row, 0.05), *((grid[row, column], 0.3 + 0.15 * at) for at, column in enumerate(columns))] for row in rows
    ]
    empty = ("nil", "none", "na")
    if any(word.lower() in empty for word in (*rows, *columns)):
        return
    page = place_lines(lines)
    assert readings(find_tables(page)) == grid
    layout = TableLayout(page)
    assert layout.value_count >= len(grid)
    assert {word for pair in grid for text in pair for word in text.split()} <= layout.label_words


def test_words_of_running_text_are_no_words_of_labels() -> None:
    prose = "The harbour master said that the year was a good one for timber"
    layout = TableLayout(place_lines([[(prose, 0.05)]] * 5 + [[]] * 3 + [[("Coal", 0.05), ("11", 0.5)]]))
    assert layout.label_words == {"Coal", "11"}
    assert layout.value_count == 1


def test_values_on_bars_take_the_headers_in_order() -> None:
    bars = place_lines(
        [
            [("Support", 0.35), ("Oppose", 0.7)],
            [("West", 0.05), ("43%", 0.3), ("21%", 0.55)],
            [("East", 0.05), ("23", 0.2), ("38", 0.8)],
        ]
    )
    assert readings(find_tables(bars)) == {
        ("West", "Support"): "43%",
        ("East", "Support"): "23",
        ("West", "Oppose"): "21%",
        ("East", "Oppose"): "38",
    }


def test_ranges_in_the_first_column_name_the_rows() -> None:
    rows = [("Shares", "Holders"), ("1 - 500", "49,439"), ("501 - 1000", "3,562"), ("1001 and above", "52")]
    page = place_lines([[(name, 0.05), (value, 0.4)] for name, value in rows])
    assert readings(find_tables(page)) == {
        ("1 - 500", "Holders"): "49,439",
        ("501 - 1000", "Holders"): "3,562",
        ("1001 and above", "Holders"): "52",
    }


def test_a_label_of_two_lines_is_one_label_where_rows_are_farther_apart_than_lines() -> None:
    step = 1.5 * LINE
    page = place_lines(
        [
            [("Loans", 0.05), ("12.5", 0.4)],
            [("Plant", 0.05), ("30.1", 0.4)],
            [("Machinery", 0.05)],
            [("Cash", 0.05), ("7.0", 0.4)],
        ],
        tops=[0.1, 0.1 + step, 0.1 + step + 0.85 * LINE, 0.1 + 3 * step],
    )
    assert readings(find_tables(page)) == {
        ("Loans", ""): "12.5",
        ("Plant Machinery", ""): "30.1",
        ("Cash", ""): "7.0",
    }


def test_running_text_beside_a_table_names_none_of_its_rows() -> None:
    prose = ["The harbour took in more than it had in any of the years"] * 6
    lines = [[(line, 0.02)] for line in prose]
    for line, (label, value) in zip(lines[1:], [("Timber", "52"), ("Grain", "97"), ("Coal", "11")], strict=False):
        line += [(label, 0.7), (value, 0.85)]
    assert readings(find_tables(place_lines(lines))) == {("Timber", ""): "52", ("Grain", ""): "97", ("Coal", ""): "11"}


def test_a_value_on_a_bar_is_named_by_the_label_below_it() -> None:
    page = place_lines([[("12%", 0.2), ("30%", 0.5)], [], [("Oban", 0.2), ("Perth", 0.5)]])
    assert readings(find_tables(page)) == {("Oban", ""): "12%", ("Perth", ""): "30%"}


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("52,300", "value"),
        ("(1.9)", "value"),
        ("66.4% (0.8%)", "value"),
        ("US$ 3.2 million", "value"),
        ("16,20,62,192", "value"),
        ("–", "value"),
        ("None", "value"),
        ("2014", "key"),
        ("2008-09", "key"),
        ("31.3.2003", "key"),
        ("18-29", "key"),
        ("65+", "key"),
        ("Timber", "label"),
        ("GPT-4", "label"),
        ("3rd Street of Oban", "label"),
    ],
)
def test_a_chunk_is_a_value_a_key_or_a_label(written: str, kind: str) -> None:
    assert [chunk.kind for chunk in find_chunks(set_page(written))] == [kind]


def test_a_page_without_words_has_no_tables() -> None:
    assert find_tables(no_text()) == ()


def test_a_section_number_is_no_table() -> None:
    assert find_tables(place_lines([[("4.2", 0.1), ("RESULTS", 0.18)]])) == ()


def test_a_letter_is_as_wide_as_the_tests_say() -> None:
    page: PageText = place_lines([[("Timber", 0.1)]])
    assert find_chunks(page)[0].letter_width == pytest.approx(LETTER, rel=1e-4)
