"""Follow-up questions: what they leave to the conversation is put back."""

import pytest

from pagelens.core.types import Answer
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.follow_up import standalone_question
from tests.generate.pages import analyze, show

REVENUE = [("What was the revenue in 2019?", "It was 12 million [1].")]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("And the year before?", "What was the revenue in 2018?"),
        ("and in the previous year", "What was the revenue in 2018?"),
        ("What about the following year?", "What was the revenue in 2020?"),
        ("and in 2016?", "What was the revenue in 2016?"),
        ("And the costs?", "What was the revenue in 2019? And the costs?"),
        ("and the costs the year before?", "What was the revenue in 2019? and the costs the year before?"),
        ("Who signed it?", "What was the revenue in 2019? Who signed it?"),
        ("Which harbour was dredged by the northern crew?", "Which harbour was dredged by the northern crew?"),
    ],
)
def test_what_a_follow_up_leaves_out_comes_from_the_question_before(question: str, expected: str) -> None:
    assert standalone_question(question, REVENUE) == expected


def test_a_follow_up_to_a_follow_up_goes_back_to_the_first() -> None:
    history = [*REVENUE, ("And the year before?", "It was 11 million [1].")]
    assert standalone_question("and the year before?", history) == "What was the revenue in 2017?"


def test_a_first_question_is_taken_as_it_is() -> None:
    assert standalone_question("and the year before?", []) == "and the year before?"


def test_a_number_with_more_digits_is_no_year() -> None:
    history = [("Who is customer 20191?", "Ann [1].")]
    assert standalone_question("and the year before?", history) == "Who is customer 20191? and the year before?"


def test_the_extractive_answer_to_a_follow_up_is_about_its_subject() -> None:
    pages = [show("Revenue in 2018 was 11 million.\nRevenue in 2019 was 12 million.\nThe dog is called Rex.")]
    *pieces, answer = ExtractiveAnswerer(analyze, threshold=0).stream("And the year before?", pages, history=REVENUE)
    assert isinstance(answer, Answer) and answer.question == "What was the revenue in 2018?"
    assert "11 million" in answer.text and pieces == [answer.text, *answer.citations]
