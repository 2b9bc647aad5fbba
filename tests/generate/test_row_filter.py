"""Rows of a table chosen by the words of their labels."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pagelens.core.types import ContextPage
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from tests.generate.pages import analyze, place_lines, show

PILOTS = (
    ("Ada Lund", "Retired"),
    ("Bo Aas", "Active"),
    ("Cy Moe", "Retired"),
    ("Di Ness", "Active"),
    ("Ed Voe", "Active"),
)


def board(pilots: Sequence[tuple[str, str]] = PILOTS) -> ContextPage:
    rows = [[("Table 1: Pilots of the harbour", 0.05)], [], [("Name", 0.05), ("Ships", 0.5)]]
    rows += [[(name, 0.05), (state, 0.25), (str(12 + n), 0.5)] for n, (name, state) in enumerate(pilots)]
    return replace(show(""), text=place_lines(rows))


def claims(question: str, page: ContextPage) -> list[str]:
    return [item.claim for item in ExtractiveAnswerer(analyze, threshold=0).answer(question, [page]).citations]


def test_all_rows_with_the_words_are_quoted_and_how_many_of_the_table_they_are() -> None:
    assert claims("Who are the active pilots?", board())[0] == (
        "Bo Aas Active … Di Ness Active … Ed Voe Active (3 of 5 rows)"
    )


def test_rows_are_counted() -> None:
    assert claims("How many pilots are retired?", board())[0] == "Ada Lund Retired … Cy Moe Retired (2 of 5 rows)"


def test_rows_are_not_counted_as_something_else() -> None:
    assert not any("rows" in claim for claim in claims("How many ferries have active pilots?", board()))


def test_rows_need_every_word_that_tells_rows_apart() -> None:
    """No row is both."""
    assert not any("rows" in claim for claim in claims("Who are the active and retired pilots?", board()))


@pytest.mark.parametrize(("count", "is_filtered"), [(3, False), (4, True)])
def test_a_table_of_fewer_than_four_rows_is_not_filtered(count: int, is_filtered: bool) -> None:
    pilots = [*PILOTS[1:3], *PILOTS[3:]][:count]  # two are active of three, three of four
    found = claims("Who are the active pilots?", board(pilots))
    assert any("rows" in claim for claim in found) == is_filtered


def test_one_row_is_no_list() -> None:
    pilots = [*PILOTS[:3], ("Di Ness", "Retired")]
    assert not any("rows" in claim for claim in claims("Who are the active pilots?", board(pilots)))
