"""Lines of pages that are never quoted."""

import pytest

from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.extractive.candidates import Candidate
from pagelens.generate.extractive.debris import is_debris, is_label_run, is_table_of_contents, statements
from tests.generate.pages import analyze, show


@pytest.mark.parametrize(
    "text",
    ["A N N U A L  R E P O R T", "Introduction ........ 5", "Method . . . . . 12", "10 20 30 40", "T I D E S of 2020"],
)
def test_spaced_letters_leaders_and_bare_figures_are_debris(text: str) -> None:
    assert is_debris(text)


@pytest.mark.parametrize("text", ["The pump costs $14.", "I am a cat", "Oban 12 340.50", "Plan B: sail. See p. 4"])
def test_sentences_and_rows_with_a_label_are_none(text: str) -> None:
    assert not is_debris(text)


def test_a_run_of_labels_is_no_sentence() -> None:
    assert is_label_run("Rank Artist Title Album Share Audio Stream Song Sales 1 2 3")
    assert not is_label_run("The Port of Oban moved timber and grain for Leith")
    assert not is_label_run("Rank Artist Title Album Share Audio Stream Song Sales.")
    assert not is_label_run("Rank Artist Title")


def test_a_table_of_contents_says_so_and_ends_lines_in_numbers() -> None:
    lines = "\n".join(
        f"{name} {number}" for name, number in (("Pumps", 3), ("Filters", 9), ("Handles", 12), ("Care", 14))
    )
    assert is_table_of_contents(f"Contents\n{lines}")
    assert not is_table_of_contents(lines)
    assert not is_table_of_contents("Contents\nPumps 3")


def test_running_headers_are_not_quoted_but_sentences_in_the_margin_are() -> None:
    def page(number: int) -> str:
        return f"Pump manual {number}\n\nThe pump number {number} moves water."

    pages = [show(page(number), number=number) for number in (1, 2)]
    answer = ExtractiveAnswerer(analyze).answer("What does the pump move?", pages)
    assert [citation.quote for citation in answer.citations] == ["The pump number 1 moves water."]


@pytest.mark.parametrize(
    ("labels", "is_kept"),
    [
        ("Oban Perth Leith Ayr Wick Troon Nairn Crail Elie Largs Tain", True),  # 12 words with what introduces them
        ("Oban Perth Leith Ayr Wick Troon Nairn Crail Elie Largs Tain Alloa", False),
        ("Oban, Perth, Leith, Ayr, Wick, Troon, Nairn, Crail, Elie, Largs, Tain, Alloa", True),
    ],
)
def test_a_long_run_of_labels_behind_a_heading_is_debris_unless_something_parts_them(
    labels: str, is_kept: bool
) -> None:
    candidate = Candidate(start=0, end=1, text=f"Ports {labels}", heading="", lead="Ports")
    assert bool(statements([show("Ports")], [(0, candidate)])) == is_kept
