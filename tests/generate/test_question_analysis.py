"""Questions: what they ask for, and what would answer them."""

import pytest

from pagelens.generate.extractive.constraints import find_years
from pagelens.generate.extractive.languages.question_language import AnswerType
from pagelens.generate.extractive.question_analysis import FORM_WEIGHT, QuestionAnalyzer
from tests.generate.pages import analyze

ANALYZER = QuestionAnalyzer(analyze)


@pytest.mark.parametrize(
    ("question", "answer_type"),
    [
        ("How many pumps were sold?", "number"),
        ("How long does the battery last?", "number"),
        ("What percentage of adults agree?", "percent"),
        ("What share of adults agree?", "percent"),
        ("In which year was the bridge opened?", "year"),
        ("When does the ferry leave?", "date"),
        ("What does the ticket cost?", "money"),
        ("Who signed the letter?", "person"),
        ("Where is the plant located?", "place"),
        ("What does NARL stand for?", "meaning"),
        ("What is a heat pump?", "definition"),
    ],
)
def test_a_question_says_what_kind_of_thing_answers_it(question: str, answer_type: AnswerType) -> None:
    assert answer_type in ANALYZER.analyze(question).answer_types


@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        ("How many pumps were sold in 2019?", "In 2019 they sold 1,200.", "In 2019 they sold pumps."),
        ("How many wheels has it?", "It has four wheels.", "It has wheels."),
        ("What percentage agreed?", "73% agreed.", "73 agreed."),
        ("In which year was it opened?", "It was opened in 1825.", "It was opened by 1,825 guests at 12 noon."),
        ("When does it leave?", "It leaves in May.", "It may leave the market."),
        ("What is the price?", "It is $14.", "It is low."),
        ("Who built it?", "It was built by Robert Stevenson.", "It was built by hand."),
        ("Where is it made?", "It is made in Guldhar.", "It is made well."),
        ("What does NARL stand for?", "National Laboratory (NARL)", "NARL does research."),
        ("What is a heat pump?", "A heat pump is a machine that moves heat.", "The shop sells one heat pump a day."),
    ],
)
def test_an_answer_holds_what_is_asked_for_beyond_what_the_question_says(
    question: str, answer: str, other: str
) -> None:
    analysis = ANALYZER.analyze(question)
    assert analysis.is_answered_by(answer)
    assert not analysis.is_answered_by(other)


def test_function_words_do_not_describe_words_of_form_hardly_and_instructions_not_at_all() -> None:
    terms = ANALYZER.analyze("In the table, how many pumps were sold? Write the answer in list format.").terms
    assert terms == {"table": FORM_WEIGHT, "pump": 1.0, "sold": 1.0}


def test_a_question_of_function_words_alone_is_described_by_all_of_them() -> None:
    assert set(ANALYZER.analyze("Who are you?").terms) == {"who", "are", "you"}


def test_a_page_number_says_where_to_look_and_describes_nothing() -> None:
    analysis = ANALYZER.analyze("What is the name of the diagram on page 12?")
    assert "12" not in analysis.terms
    assert not analysis.asks_for_page


@pytest.mark.parametrize(
    "question", ["On which page is the warranty?", "What page shows the map?", "Give the page number."]
)
def test_a_question_for_a_page_is_recognized(question: str) -> None:
    assert ANALYZER.analyze(question).asks_for_page


def test_a_round_number_of_things_is_no_year() -> None:
    assert find_years("Who bought 2000 eggs in 1999?") == ["1999"]
    assert find_years("Who bought eggs in 2000 and in 1999?") == ["2000", "1999"]
    assert find_years("What were the 2019 figures?") == ["2019"]


@pytest.mark.parametrize(
    ("question", "wants_list"),
    [
        ("Which books are listed?", True),
        ("What large blue ships did the port buy?", True),
        ("Who are the directors?", True),
        ("What data durability does OBS have?", False),  # a plural is asked for only before its verb
        ("What access does the guest of the ships have?", False),
        ("Which colour was the boss's?", False),
    ],
)
def test_several_things_are_asked_for_by_a_plural_before_its_verb(question: str, wants_list: bool) -> None:
    assert QuestionAnalyzer(analyze).analyze(question).wants_list == wants_list
