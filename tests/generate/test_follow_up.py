"""Follow-up questions: what they leave to the conversation is put back."""

import pytest

from pagelens.core.types import Answer
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.follow_up import picture_of_last, standalone_question
from tests.generate.pages import analyze, show

REVENUE = [("What was the revenue in 2019?", "It was 12 million [1].")]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("And the year before?", "What was the revenue in 2018?"),
        ("and in the previous year", "What was the revenue in 2018?"),
        ("What about the following year?", "What was the revenue in 2020?"),
        ("and in 2016?", "What was the revenue in 2016?"),
        ("And the costs?", "And the costs? (2019)"),
        ("and the costs the year before?", "and the costs the year before? (2018)"),
        ("Who signed it?", "Who signed it? (revenue 2019)"),
        ("Which harbour was dredged by the northern crew?", "Which harbour was dredged by the northern crew?"),
    ],
)
def test_what_a_follow_up_leaves_out_comes_from_the_question_before(question: str, expected: str) -> None:
    assert str(standalone_question(question, REVENUE)) == expected


def test_a_follow_up_to_a_follow_up_goes_back_to_the_first() -> None:
    history = [*REVENUE, ("And the year before?", "It was 11 million [1].")]
    assert str(standalone_question("and the year before?", history)) == "What was the revenue in 2017?"


def test_a_first_question_is_taken_as_it_is() -> None:
    assert str(standalone_question("and the year before?", [])) == "and the year before?"


def test_a_number_with_more_digits_is_no_year() -> None:
    history = [("Who is customer 20191?", "Ann [1].")]
    assert "20190" not in str(standalone_question("and the year before?", history))


def test_the_extractive_answer_to_a_follow_up_is_about_its_subject() -> None:
    pages = [show("Revenue in 2018 was 11 million.\nRevenue in 2019 was 12 million.\nThe dog is called Rex.")]
    *pieces, answer = ExtractiveAnswerer(analyze, threshold=0).stream("And the year before?", pages, history=REVENUE)
    assert isinstance(answer, Answer) and answer.question == "What was the revenue in 2018?"
    assert "11 million" in answer.text and pieces == [answer.text, *answer.citations]


@pytest.mark.parametrize("question", ["What is paid for harbour dredging?", "Who owns the land north of the harbour?"])
def test_words_that_only_end_like_a_conjunction_make_no_follow_up(question: str) -> None:
    assert standalone_question(question, REVENUE).subject == ""


@pytest.mark.parametrize(
    "question",
    [
        f"{' ' * 200_000}x y z w",
        f"say more{' ' * 200_000}x y",
        f"{'the ' * 50_000}x",
        f"the{' ' * 200_000}year, please",
    ],
    ids=["leading", "last word", "articles", "within"],
)
def test_a_question_of_blanks_takes_time_in_proportion_to_its_length(question: str) -> None:
    """By the square of the length it would take half an hour."""
    assert question in str(standalone_question(question, REVENUE))


def test_white_space_between_the_words_of_a_follow_up_does_not_count() -> None:
    assert str(standalone_question("and the\n  year   before?", REVENUE)) == "What was the revenue in 2018?"


@pytest.mark.parametrize(
    ("questions", "picture"),
    [
        ([("Which model is this?", "a.jpg")], "a.jpg"),
        ([("Which model is this?", "a.jpg"), ("and where is its manual?", None)], "a.jpg"),
        ([("Which model is this?", "a.jpg"), ("and this?", "b.jpg"), ("where is its manual?", None)], "b.jpg"),
        ([("Which model is this?", "a.jpg"), ("How much timber was moved by the port in 2024?", None)], None),
        ([("Which?", "a.jpg"), ("How much timber was moved by the port?", None), ("and in 2023?", None)], None),
        ([("Which?", "a.jpg"), ("How much timber was moved?", None), ("What stands on my photo?", None)], "a.jpg"),
        ([("Which?", "a.jpg"), ("How much timber was moved?", None), ("Was steht auf dem Bild?", None)], "a.jpg"),
        ([("What stands on my photo?", None)], None),
    ],
)
def test_a_follow_up_is_about_the_picture_before_it(questions: list[tuple[str, str | None]], picture: str) -> None:
    assert picture_of_last(questions) == picture
