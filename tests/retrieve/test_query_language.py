"""The query language: what a query is understood as."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.core.query_conditions import NO_CONDITIONS, Wording
from pagelens.core.types import Filters
from pagelens.retrieve.query_language import ParsedQuery, narrowed, parse_query


def required(query: ParsedQuery) -> list[list[str]]:
    return [[wording.text for wording in alternatives] for alternatives in query.conditions.required]


def excluded(query: ParsedQuery) -> list[str]:
    return [wording.text for wording in query.conditions.excluded]


@pytest.mark.parametrize(
    "text",
    [
        "timber exports of the port in 2024",
        "What does the follow-up survey say?",
        "temperature -5 °C",
        "costs - taxes",
        "tar -v option",
        "what is --help",
        "ratio 3:1 at 10:30",
        "http://example.org/a:b",
        '5" pipe and 19" rack',
        "profit or loss and more",
        "Portland, OR population",
        'List them, for example ["Chapter 5", "Chapter 8"]',
        "What is the “XYZ” index?",
        "",
    ],
)
def test_what_is_no_syntax_is_searched_as_it_stands(text: str) -> None:
    query = parse_query(text)
    assert (query.text, query.conditions, query.filters) == (text, NO_CONDITIONS, Filters())


@pytest.mark.parametrize("quoted", ['"annual report"', "“annual report”", "„annual report“", "«annual report»"])
def test_a_phrase_in_quotation_marks_must_stand_on_the_page(quoted: str) -> None:
    query = parse_query(f"timber {quoted}, 2024")
    assert query.text == "timber annual report, 2024"
    assert query.conditions.required == ((Wording("annual report", exact=True),),)
    assert not query.notes


def test_a_minus_leaves_out_a_word_or_a_phrase() -> None:
    query = parse_query('report -draft -"old plan" (-secret)')
    assert query.text == "report ()"
    assert query.conditions.excluded == (
        Wording("draft", exact=False),
        Wording("old plan", exact=True),
        Wording("secret", exact=False),
    )


def test_or_joins_the_words_and_phrases_beside_it() -> None:
    query = parse_query('port timber OR coal OR "iron ore" exports')
    assert query.text == "port timber coal iron ore exports"
    assert required(query) == [["timber", "coal", "iron ore"]]
    assert [wording.exact for wording in query.conditions.required[0]] == [False, False, True]


def test_fields_become_filters() -> None:
    query = parse_query('kind:PDF kind:photo title:"annual report" path:reports/* label:dog since:2021-06 wood')
    assert query.text == "wood"
    assert query.filters == Filters(
        kinds=("pdf", "photo"),
        titles=("annual report",),
        paths=("reports/*",),
        labels=("dog",),
        since=datetime(2021, 6, 1),
    )
    assert narrowed(Filters(first_page=2), query) == Filters(first_page=2, all_of=(query.filters,))


def test_a_date_is_a_period_and_or_joins_values_of_a_field() -> None:
    assert parse_query("date:2021..2022").filters == Filters(
        since=datetime(2021, 1, 1), until=datetime(2022, 12, 31, 23, 59, 59, 999999)
    )
    query = parse_query("kind:pdf OR kind:photo wood")
    assert (query.text, query.filters, query.conditions) == ("wood", Filters(kinds=("pdf", "photo")), NO_CONDITIONS)


def test_a_field_with_a_minus_leaves_out() -> None:
    assert parse_query("-kind:photo -path:drafts wood").filters == Filters(
        none_of=(Filters(kinds=("photo",)), Filters(paths=("drafts",)))
    )


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ('"annual report', "the quotation mark before “annual” is not closed: searched as words"),
        ("colour:red", "unknown field “colour:”: searched as words; fields are path, title, kind, label"),
        ("kind:spreadsheet", "“spreadsheet” is no value of kind: searched as words; expected one of pdf, photo"),
        ("since:yesterday", "“yesterday” is no value of since"),
        ("kind: pdf", "“kind:” has no value"),
        ("timber OR", "OR stands between two words or phrases"),
        ("timber -2019", '“-2019” is read as a number; to leave pages out: -"2019"'),
        ("+timber coal", "a plus means nothing here"),
        ('"timber" AND coal', "AND is searched as a word"),
        ('"--" options', "has no word: left out"),
    ],
)
def test_what_is_not_understood_is_said(text: str, note: str) -> None:
    [found] = parse_query(text).notes
    assert note in found


def test_in_a_question_phrases_are_lenient_and_single_words_are_mentions() -> None:
    query = parse_query('How often does "net income" appear on the "ALL" row?')
    assert query.text == 'How often does "net income" appear on the "ALL" row?'
    assert required(query) == [["net income"]] and query.conditions.lenient
    assert parse_query('According to the chart "Net Income", which of the years is best').conditions.lenient
    assert not parse_query('"net income" of the harbour timber').conditions.lenient
    assert not parse_query('"net income" of harbour timber coal exports').conditions.lenient
    assert parse_query('"net income" of the harbour timber exports').conditions.lenient
    assert parse_query('"net income"', is_question=True).conditions.lenient


def test_a_minus_in_a_question_is_said() -> None:
    query = parse_query("Which reports are there -draft?")
    assert (query.text, excluded(query)) == ("Which reports are there ?", ["draft"])
    assert query.notes == ("pages with “draft” are left out, for the minus before it",)


@given(st.text(alphabet='ab "-:ORkind“”()[]5?+\n', max_size=40), st.booleans())
def test_any_text_is_understood_somehow(text: str, is_question: bool) -> None:
    query = parse_query(text, is_question=is_question)
    assert len(query.text) <= len(text)
    if not (query.conditions or query.filters or query.notes):
        assert query.text == text
