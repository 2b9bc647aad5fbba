"""Outlines of tables: the words of their labels and captions, and where they stand."""

import pytest

from pagelens.core.tables.outlines import outline_tables
from pagelens.core.tables.structure import find_tables
from pagelens.core.types import no_text
from tests.generate.pages import set_page

CARGO = """
Table 2: Cargo landed at Oban (tonnes)

Cargo | 2023 | 2024
Timber | 44,900 | 52,300
Grain | 12,000 | 9,700
Total | 56,900 | 62,000
"""


def test_an_outline_has_each_word_of_the_labels_once_and_the_caption_apart() -> None:
    page = set_page(CARGO)
    [outline] = outline_tables(page)
    [table] = find_tables(page)
    labels = [
        chunk.text
        for column in table.columns
        for chunk in (*column.header, *(label for cell in column.cells for label in (*cell.row, *cell.section)))
    ]
    words = outline.labels.split()
    assert set(words) == set(" ".join(labels).split()) > {"2023", "2024", "Timber", "Grain"}
    assert len(words) == len(set(words)) < len(" ".join(labels).split())
    assert outline.caption == "Table 2: Cargo landed at Oban (tonnes)"
    assert outline.box == table.box


@pytest.mark.parametrize(
    ("layout", "count"),
    [
        ("A | 1\nB | 2\nC | 3", 1),
        ("A | 1\nB | 2", 0),  # two values
        ("A | 1\nB | 2\nC | -", 0),  # three values, of which two are numbers
        ("A | 1\nB | 2\nC | -\n\nPage 7", 1),
        ("Nothing stands here but words.", 0),
    ],
)
def test_a_table_has_three_values_and_its_page_three_numbers(layout: str, count: int) -> None:
    assert len(outline_tables(set_page(layout))) == count


def test_a_page_without_words_has_no_tables() -> None:
    assert outline_tables(no_text()) == []


def test_outlines_are_in_the_order_of_the_tables() -> None:
    page = set_page("A | 1\nB | 2\nC | 3\n\nThe year was a good one for all of the ports.\n\nD | 1\nE | 2\nF | 3")
    first, second = outline_tables(page)
    assert ("A" in first.labels.split(), "D" in second.labels.split()) == (True, True)
    assert first.box.y1 < second.box.y0
