"""Splitting of questions by rules: each part can be searched for alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagelens.retrieve.question_parts import MAX_PARTS, names_in, split_question


@pytest.mark.parametrize(
    "question",
    [
        "How much timber was handled in 2022?",
        "Research and Development costs",
        "What percentage of men and women use it and when?",
        "Growth from 2019 to 2021",  # a period, which one page may well cover
        "timber",
        "",
    ],
)
def test_a_question_of_one_part_stays_as_it_is(question: str) -> None:
    assert split_question(question) == [question]


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "When was the harbour built, and how deep is the basin?",
            ["When was the harbour built", "how deep is the basin?"],
        ),
        (
            "Which wheels does the van have and in which colours is it sold?",
            ["Which wheels does the van have", "in which colours is it sold wheels van"],
        ),
        (
            "What is the tank of the Camry, and how long is its warranty?",
            ["What is the tank of the Camry", "how long is its warranty Camry"],
        ),
        ("Who leads Pilots Ltd? How long does it take?", ["Who leads Pilots Ltd?", "How long does it take?"]),
        ("Timber in 2022? And in 2023?", ["Timber in 2022?", "Timber in 2023?"]),
        (
            "How is the battery checked on the Honor watch? And on the headset?",
            ["How is the battery checked on the Honor watch?", "How is the battery checked on the headset?"],
        ),
        (
            "Profit of Kemi Oy and Vaasa Ab in 2022 and 2023?",
            [f"Profit of {name} in {year}?" for year in (2022, 2023) for name in ("Kemi Oy", "Vaasa Ab")],
        ),
        (
            "What is the revenue of Kemi and of Vaasa?",
            ["What is the revenue of Kemi?", "What is the revenue of Vaasa?"],
        ),
        (
            "How are the Honor watch and the WH-1000XM4 headset charged?",
            ["How are the Honor watch charged?", "How are the WH-1000XM4 headset charged?"],
        ),
        ("Compare portrait mode with night mode", ["portrait mode", "night mode"]),
        ("What is the difference between a bucket and a queue?", ["a bucket", "a queue"]),
        (
            "How does the pay at Kemi differ from that at Vaasa?",
            ["How does the pay at Kemi", "How does the pay at Vaasa?"],
        ),
        ("Dividend in 2002 compared to 2001?", ["Dividend in 2002", "Dividend in 2001"]),
        ("Umsatz von Kemi und Vaasa 2022", ["Umsatz von Kemi 2022", "Umsatz von Vaasa 2022"]),
        ("Which ships are listed? Write the answer as a list.", ["Which ships are listed?"]),
    ],
)
def test_a_question_is_split_into_its_parts(question: str, parts: list[str]) -> None:
    assert split_question(question) == parts


def test_the_number_of_parts_has_a_limit() -> None:
    assert len(split_question(" ".join(f"What is thing {letter}?" for letter in "abcdefgh"))) == MAX_PARTS == 6


def test_names_are_words_written_like_names_but_not_the_first_word_for_its_capital() -> None:
    assert names_in("What did Kemi Oy pay for the WH-1000XM4, and which U.S. port?") == ["Kemi Oy", "WH-1000XM4", "U.S"]
    assert names_in("WHO published it") == ["WHO"]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            "the a of on and or in how what is compare with , ? ; 2022 2023 Kemi Vaasa Oy timber coal it its between "
            "that versus (x) “y” U.S. differ from".split()
        ),
        max_size=25,
    ).map(" ".join)
)
def test_any_words_are_split_into_a_few_parts_without_new_words(question: str) -> None:
    parts = split_question(question)
    assert 1 <= len(parts) <= MAX_PARTS
    assert len(set(parts)) == len(parts)
    signs = str.maketrans("", "", ",?;.()“”")
    words = {word.translate(signs) for word in question.split()}
    assert {word.translate(signs) for part in parts for word in part.split()} <= words
