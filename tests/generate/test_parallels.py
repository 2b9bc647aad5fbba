"""Statements of one form, which enumerate."""

import pytest

from pagelens.core.types import Answer
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.extractive.candidates import Candidate
from pagelens.generate.extractive.parallels import rows_in_order
from pagelens.generate.extractive.sentence_scoring import ScoredCandidate
from tests.generate.pages import TermEncoder, analyze, show

QUESTION = "What are the things that do not make a harbour safe?"
REPORTS = "Having lots of reports does not make a harbour safe."
CRANES = "Having a new crane does not make a harbour safe."


def ask(question: str, *pages: str) -> Answer:
    shown = [show(page, "harbour.pdf", number) for number, page in enumerate(pages, start=1)]
    return ExtractiveAnswerer(analyze).answer(question, shown)


def quotes(question: str, *pages: str) -> list[str]:
    answer = ask(question, *pages)
    assert answer.found is True
    return [citation.quote for citation in answer.citations]


def test_statements_of_one_form_are_all_quoted_in_the_order_of_the_pages_where_several_things_are_asked_for() -> None:
    alarms = "Having lots of alarms does not make a harbour safe."
    flags = "Having lots of flags does not make a harbour safe."
    assert quotes(QUESTION, alarms, "The pilots sing.", CRANES, REPORTS, flags) == [alarms, CRANES, REPORTS, flags]


def test_where_one_thing_is_asked_for_they_are_not() -> None:
    pages = [
        f"Having lots of {thing} does not make a harbour safe." for thing in ("reports", "alarms", "flags", "oars")
    ]
    assert 0 < len(ask("What does not make a harbour safe?", *pages).citations) < len(pages)


@pytest.mark.parametrize(
    ("other", "is_parallel"),
    [
        ("Having some old iron cranes does not make a harbour safe.", False),  # four words differ
        ("Having some old cranes does not make a harbour safe.", True),  # three
        ("Having lots of reports does not make every old ferry boat fast.", False),  # seven words are one beginning
        ("Having lots of reports does not make a very old ferry boat fast.", True),  # eight
    ],
)
def test_at_most_three_words_differ_or_eight_are_one_beginning(other: str, is_parallel: bool) -> None:
    given = quotes(QUESTION, REPORTS, CRANES, other)
    assert (other in given and CRANES in given) == is_parallel


def test_a_question_contradicts_nothing() -> None:
    denial = "Reports do not make a harbour safe."
    question = "Do reports make a harbour safe?"
    assert "contradict" in ask(question, denial, "Reports make a harbour safe.").text
    assert "contradict" not in ask(question, denial, "Which reports make a harbour safe?").text


@pytest.mark.parametrize(("rest", "count"), [("do not make harbours safe.", 2), ("never make harbours safe.", 1)])
def test_five_words_must_be_shared(rest: str, count: int) -> None:
    pages = [f"Reports {rest}", f"Alarms {rest}"]
    assert len(ask("What are the things that do not make harbours safe?", *pages).citations) == count


def scored(text: str, start: int, terms: str, page: int = 0) -> ScoredCandidate:
    candidate = Candidate(start, start + len(text), text, heading="")
    return ScoredCandidate(
        page=page, candidate=candidate, terms=frozenset(terms.split()), share=1.0, score=1.0, fit=1.0
    )


def test_rows_that_the_question_does_not_tell_apart_are_quoted_in_the_order_of_their_sheet() -> None:
    """A route of two rows, as a merged cell makes it: the row above is not quoted behind the one below."""
    below = scored("Route: Northern; Captain: Mads Orv", 80, "captain northern")
    above = scored("Route: Northern; Captain: Ilka Soren", 40, "captain northern")
    prose = scored("The captain sails north.", 0, "captain northern")
    assert rows_in_order([below, prose, above]) == [above, prose, below]


@pytest.mark.parametrize(
    "other",
    [
        scored("Route: Southern; Captain: Ilka Soren", 40, "captain"),  # fewer words of the question
        scored("Route: Northern; Boat: Petrel", 40, "captain northern"),  # another table
        scored("Route: Northern; Captain: Ilka Soren", 40, "captain northern", page=1),
    ],
)
def test_other_quotes_stay_behind_the_better_one(other: ScoredCandidate) -> None:
    best = scored("Route: Northern; Captain: Mads Orv", 80, "captain northern")
    assert rows_in_order([best, other]) == [best, other]


def test_an_answer_quotes_rows_alike_in_the_order_of_their_sheet_whichever_scores_more() -> None:
    above = "Route: Northern; Captain: Ilka Soren, once pilot of the outer harbour and mate of the tug; Boat: Petrel"
    below = "Route: Northern; Captain: Mads Orv; Boat: Gannet"  # fewer words: nearer to the question
    page = show(f"{above}\n{below}", "ferries.xlsx", 1)
    answer = ExtractiveAnswerer(analyze, TermEncoder()).answer("Who is the captain on the northern route?", [page])
    assert answer.found is True
    assert [citation.quote for citation in answer.citations] == [above, below]
