"""Whether a page's text goes on on the next, past what stands at the edge of both."""

import numpy as np
import pytest

from pagelens.core.types import PageText
from pagelens.ingest.text.continuation import runs_on


def page(text: str) -> PageText:
    return PageText(text, np.zeros((0, 2), np.int32), np.zeros((0, 4), np.float32))


OPEN = "The keel was laid in March.\nAll of the timber for it came from the"
GOES_ON = "forests behind the town, by river.\nThe masts came later."
ROWS = "Item Price Weight\nRope 12.50 7\nTar 8.00 20", "Sail 140.00 35\nOars 61.20 11\nAll prices in crowns."


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (OPEN, GOES_ON),
        (OPEN, "For ships, the river was the road,\nand ran behind the town."),
        ROWS,
    ],
)
def test_only_an_open_sentence_that_goes_on_in_lower_case_or_the_rows_of_a_table_run_on(here: str, there: str) -> None:
    assert (runs_on(page(here), page(there)) is None) == there.startswith("For ships")


def test_running_titles_and_page_numbers_are_looked_past() -> None:
    here = f"The Shipyard, chapter 3\n{OPEN}\nCopyright of the Yard 2020\n12"
    there = f"The Shipyard, chapter 4\n{GOES_ON}\nCopyright of the Yard 2020\n13"
    found = runs_on(page(here), page(there))
    assert found is not None
    assert there[found.start : found.end].startswith("forests behind the town")


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (OPEN + " north.", GOES_ON),  # a sentence that ends
        ("Ropes\nTar and pitch\nOars", "sails\nnails and bolts"),  # points of a slide
        ("", GOES_ON),
        (OPEN, ""),
        ("12", "13"),
        (ROWS[0], "Sail 140.00\nOars 61.20"),  # another table
    ],
)
def test_what_ends_with_its_page_or_cannot_be_told_does_not_run_on(here: str, there: str) -> None:
    assert runs_on(page(here), page(there)) is None
