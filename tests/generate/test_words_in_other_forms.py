"""The extractive answerer finds the words of a question in another form: numbers, dates, acronyms, inflected words."""

import pytest

from pagelens.core.types import ContextPage
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.extractive.question_analysis import QuestionAnalyzer
from pagelens.index.lexical.analysis import analyze
from tests.generate.pages import show

ANSWERER = ExtractiveAnswerer(analyze, threshold=0.3)  # no idf: each word counts the same
LEDGERS = [
    show("Ferry office, yearly sheet.\n\nTickets sold in 2022: 998,110.\n\nFuel bought: 51 900 litres.", "2022.txt"),
    show("Ferry office, yearly sheet.\n\nTickets sold in 2023: 1,043,250.\n\nFuel bought: 48 200 litres.", "2023.txt"),
    show("Ferry office, yearly sheet.\n\nTickets sold in 2021: 1,250,043.\n\nFuel bought: 47 100 litres.", "2021.txt"),
]
MINUTES = [
    show("The committee met on March 7, 2024 and again on 2 July 2024.", "b.txt"),
    show("The committee met on 2024-03-05 and again on 17.06.2024.", "a.txt"),
    show("The committee met on 5 May 2023. It will meet on 3 June.", "c.txt"),
]
CLINIC = [
    show("The IT desk answers calls until nine. The desk publishes lists of those who call.", "it.txt"),
    show("The WHO published the hand washing leaflet that hangs at every sink.", "who.txt"),
]
LEASE = [
    show("세입자는 계약서를 삼월까지 제출해야 합니다. 보증금은 이천만 원입니다.", "lease.txt"),
    show("버스는 십 분마다 다닙니다. 기사들이 교대로 운전합니다.", "bus.txt"),
]
CLAIMS = [
    show("Storm damage and fire are covered in full.\n\nFlood damage is not covered by the old rules.", "claims.txt")
]


@pytest.mark.parametrize(
    ("question", "pages", "quoted", "not_quoted"),
    [
        ("In which year were 1043250 tickets sold?", LEDGERS, "1,043,250", ("998,110", "1,250,043")),
        ("In which year were 1.043.250 tickets sold?", LEDGERS, "1,043,250", ("998,110", "1,250,043")),
        ("When were 48200 litres of fuel bought?", LEDGERS, "48 200", ("51 900", "47 100")),
        ("Did the committee meet on 5 March 2024?", MINUTES, "2024-03-05", ("March 7", "5 May")),
        ("Did the committee meet on 03/07/2024?", MINUTES, "March 7, 2024", ("2024-03-05", "5 May")),
        ("What did the WHO publish?", CLINIC, "The WHO published the hand", ("lists of those",)),
        ("보증금 얼마", LEASE, "이천만 원", ("버스는",)),
        ("What damage is not covered?", CLAIMS, "Flood damage is not covered", ("Storm",)),
    ],
)
def test_the_sentence_with_the_other_form_is_quoted_first(
    question: str, pages: list[ContextPage], quoted: str, not_quoted: tuple[str, ...]
) -> None:
    answer = ANSWERER.answer(question, pages)
    assert answer.found
    assert quoted in answer.citations[0].quote
    assert not [text for text in not_quoted if text in answer.text]


def test_who_in_capitals_asks_for_no_person() -> None:
    analyzer = QuestionAnalyzer(analyze)
    assert "person" not in analyzer.analyze("What did the WHO publish?").answer_types
    assert "person" in analyzer.analyze("Who published the leaflet?").answer_types
    assert "person" in analyzer.analyze("WHO PUBLISHED IT?").answer_types


def test_a_word_in_another_form_counts_as_the_word_itself() -> None:
    question = QuestionAnalyzer(analyze).analyze("Was steht in dem Vertrag?")
    assert "vertrag" in question.terms_in(analyze("Die Verträge sind von den Mietern zu unterschreiben."))


def test_numbers_of_five_digits_are_exact_and_years_are_not() -> None:
    assert QuestionAnalyzer(analyze).analyze("Were 10,432 or 1,043 tickets sold in 2023?").exact_terms == {"10432"}


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many tonnes did timber grow to?", "Timber grew to 3 tonnes in the second year."),
        ("How many ships were sold?", "The office may sell 12 ships a year."),
        ("How much horsepower does the engine have?", "The engine is a 301-hp V6 from the old works."),
    ],
)
def test_a_past_form_is_its_verb_and_a_sign_its_unit(question: str, text: str) -> None:
    answer = ExtractiveAnswerer(analyze).answer(question, [show(text, "a.txt")])
    assert answer.found is True, answer.reason


@pytest.mark.parametrize(
    "question",
    [
        "How much rain fell at Dunholt in December?",
        "How much rain has fallen at Dunholt in December?",
        "How high was the rain fall at Dunholt in December?",
    ],
)
def test_two_neighbouring_words_of_a_question_may_stand_on_the_page_as_one(question: str) -> None:
    page = show("Dunholt: December rainfall mm: 777\nEastrey: December rainfall mm: 146", "stations.txt")
    answer = ExtractiveAnswerer(analyze).answer(question, [page])
    assert answer.found is True, answer.reason
    assert "777" in answer.citations[0].quote


@pytest.mark.parametrize(
    "question", ["How much rain was there when snow fell at Dunholt?", "How much did the fall rain at Dunholt cost?"]
)
def test_words_of_a_question_are_joined_in_their_order_and_as_neighbours_only(question: str) -> None:
    terms = QuestionAnalyzer(analyze).analyze(question).terms_in(analyze("Dunholt: December rainfall mm: 777"))
    assert terms == {"dunholt"}


def test_a_word_that_a_question_repeats_is_not_joined_with_itself() -> None:
    question = QuestionAnalyzer(analyze).analyze("Which papers of Table 1 and Table 2 are of 2021?")
    assert "tabl" not in question.terms_in(analyze("The tablet was sold."))


@pytest.mark.parametrize(
    ("question", "is_one_word"),
    [("How long is the sea wall at Dunholt?", True), ("How long is the ox bow at Dunholt?", False)],
)
def test_words_of_three_letters_are_joined_and_shorter_ones_are_not(question: str, is_one_word: bool) -> None:
    written = "seawall" if is_one_word else "oxbow"
    terms = QuestionAnalyzer(analyze).analyze(question).terms_in(analyze(f"Dunholt has a {written} of 777 m."))
    assert terms == ({"sea", "wall", "dunholt"} if is_one_word else {"dunholt"})
