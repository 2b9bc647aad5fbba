"""Text that continues on the next page is found past running titles and page numbers."""

import numpy as np
import pytest

from pagelens.core.types import PageText
from pagelens.retrieve.continuation import find_continuation


def page(text: str) -> PageText:
    return PageText(text=text, spans=np.zeros((0, 2), np.int32), boxes=np.zeros((0, 4), np.float32))


UNFINISHED = "The keel was laid in March.\nAll of the timber for it came from the"
FOLLOWING = "forests behind the town, by river.\nThe masts came later."
ROWS = "Item Price Weight\nRope 12.50 7\nTar 8.00 20", "Sail 140.00 35\nOars 61.20 11\nAll prices in crowns."


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (UNFINISHED, FOLLOWING),
        (UNFINISHED, "For ships, the river was the road,\nand ran behind the town."),
        ROWS,
    ],
)
def test_only_an_unfinished_sentence_that_continues_in_lower_case_or_the_rows_of_a_table_continue(
    first: str, second: str
) -> None:
    assert (find_continuation(page(first), page(second)) is None) == second.startswith("For ships")


def test_running_titles_and_page_numbers_are_ignored() -> None:
    first = f"The Shipyard, chapter 3\n{UNFINISHED}\nCopyright of the Yard 2020\n12"
    second = f"The Shipyard, chapter 4\n{FOLLOWING}\nCopyright of the Yard 2020\n13"
    span = find_continuation(page(first), page(second))
    assert span is not None
    assert second[span.start : span.end].startswith("forests behind the town")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (UNFINISHED + " north.", FOLLOWING),  # a sentence that ends
        ("Ropes\nTar and pitch\nOars", "sails\nnails and bolts"),  # points of a slide
        ("", FOLLOWING),
        (UNFINISHED, ""),
        ("12", "13"),
        (ROWS[0], "Sail 140.00\nOars 61.20"),  # another table
    ],
)
def test_text_that_ends_with_its_page_or_is_undecided_does_not_continue(first: str, second: str) -> None:
    assert find_continuation(page(first), page(second)) is None
