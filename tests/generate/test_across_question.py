"""Questions about many documents: which are recognised, and what they ask."""

import json
from pathlib import Path

import pytest

from pagelens.generate.across_question import AcrossQuestion, Wanted, parse_across

SHARED = Path(__file__).parents[3] / "shared"


def parsed(question: str) -> AcrossQuestion:
    found = parse_across(question)
    assert found is not None, question
    return found


def test_words_that_documents_mention_are_divided_at_and_or_and_but_not() -> None:
    found = parsed('Which documents mention both Twitter and "climate change" or weather but not LinkedIn?')
    assert (found.form, found.rule, found.noun) == ("list", "mention", "documents")
    assert found.mentions == [
        [Wanted("Twitter", exact=False)],
        [Wanted("climate change", exact=True), Wanted("weather", exact=False)],
    ]
    assert found.not_mentioned == [Wanted("LinkedIn", exact=False)]


def test_a_conjunction_within_quotation_marks_divides_nothing() -> None:
    assert parsed('How many papers cite "search and rescue"?').mentions == [[Wanted("search and rescue", exact=True)]]


def test_documents_that_do_not_mention_a_word_are_asked_for() -> None:
    found = parsed("How many files do not mention tides?")
    assert (found.form, found.mentions, found.not_mentioned) == ("count", (), [Wanted("tides", exact=False)])


@pytest.mark.parametrize(
    ("predicate", "rule", "low", "high"),
    [
        ("have more than 50 pages", "pages", 51, None),
        ("are 20 pages or more long", "pages", 20, None),
        ("with fewer than 1,000 pages", "pages", None, 999),
        ("have exactly 7 pages", "pages", 7, 7),
        ("were published in 2020", "year", 2020, 2020),
        ("from 2019 or later", "year", 2019, None),
        ("written before 2019", "year", None, 2018),
    ],
)
def test_bounds_are_inclusive(predicate: str, rule: str, low: int | None, high: int | None) -> None:
    found = parsed(f"Which documents {predicate}?")
    assert (found.rule, found.low, found.high) == (rule, low, high)


def test_a_list_of_all_with_a_statement_is_sure_and_a_question_that_may_be_about_contents_is_not() -> None:
    assert parsed("List all contracts that end in 2025").is_sure
    assert parsed("List all contracts that end in 2025").statement == "end in 2025"
    assert not parsed("What documents do I need for the visa?").is_sure
    assert not parsed("Which document mentions tides?").is_sure  # one is asked for


def test_a_total_names_its_value_and_may_be_by_year() -> None:
    found = parsed("What is the total amount due of all invoices by year?")
    assert (found.form, found.statement, found.noun, found.by_year) == ("total", "amount due", "invoices", True)


@pytest.mark.parametrize(
    "question", ["How many reports are there?", "When was the report published?", "How many pages does it have?", ""]
)
def test_other_questions_are_not_about_many_documents(question: str) -> None:
    assert parse_across(question) is None


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_no_development_question_about_one_document_is_taken_for_one_about_many() -> None:
    lines = (SHARED / "data/mmlongbench-dev/queries.jsonl").read_text("utf-8").splitlines()
    found = [question for line in lines if (question := parse_across(json.loads(line)["question"]))]
    assert [question for question in found if question.is_sure] == []
