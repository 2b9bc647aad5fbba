"""Printed page labels."""

import pytest

from pagelens.ingest.readers.pdf.page_labels import LabelRule, Style, letters, page_label, roman


@pytest.mark.parametrize(
    ("number", "written"), [(1, "i"), (4, "iv"), (9, "ix"), (14, "xiv"), (1994, "mcmxciv"), (4000, "mmmm")]
)
def test_roman_numerals(number: int, written: str) -> None:
    assert roman(number) == written


@pytest.mark.parametrize(("number", "written"), [(1, "a"), (26, "z"), (27, "aa"), (28, "bb"), (53, "aaa")])
def test_letters_repeat_as_the_standard_says(number: int, written: str) -> None:
    assert letters(number) == written


def test_each_page_follows_the_last_rule_before_it() -> None:
    rules = [
        LabelRule(0, "r", "", 1),
        LabelRule(3, "D", "A-", 5),
        LabelRule(5, "", "Cover", 1),
        LabelRule(6, "A", "", 2),
    ]
    assert [page_label(rules, index) for index in range(8)] == ["i", "ii", "iii", "A-5", "A-6", "Cover", "B", "C"]


def test_a_page_before_the_first_rule_or_with_an_empty_label_has_none() -> None:
    assert page_label([], 0) is None
    assert page_label([LabelRule(2, "D", "", 1)], 1) is None
    assert page_label([LabelRule(0, "", " ", 1)], 0) is None


@pytest.mark.parametrize("style", ["r", "a", "R", "A", "D"])
@pytest.mark.parametrize("first", [0, -7, 2**31 - 1])
def test_numbers_nobody_prints_are_written_in_digits(style: Style, first: int) -> None:
    assert page_label([LabelRule(0, style, "", first)], 0) == str(first)
