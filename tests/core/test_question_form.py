"""What a question says of the form of its answer is no part of what it asks."""

import pytest

from pagelens.core.question_form import without_instructions, without_source


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who leads it? Write the answer in list format.", "Who leads it?"),
        ("How many cranes? Please write down the answer in int format.", "How many cranes?"),
        ("According to this report, how many cranes are there?", "how many cranes are there?"),
        ("How many cranes are shown in this document?", "How many cranes are?"),
        ("Which years are shown in the chart, e.g., [2001, 2002]?", "Which years are shown in the chart?"),
        (
            "According to the chart “Cranes”, how many are there?",
            "According to the chart “Cranes”, how many are there?",
        ),
        ("Write the filing number in this document.", "Write the filing number."),
        ("How many cranes are there in the paper?", "How many cranes are there?"),
        ("What stands in the paper of Oban?", "What stands in the paper of Oban?"),
        ("Who leads it? Enumerate all of them in a list.", "Who leads it?"),
        ("What is the title of unit 8 in the table?", "What is the title of unit 8?"),
        ("What stands in the table of Oban?", "What stands in the table of Oban?"),
        ("What is the answer to question 3?", "What is the answer to question 3?"),
    ],
)
def test_instructions_are_taken_from_a_question(question: str, expected: str) -> None:
    assert without_instructions(question) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("According to the 2015 harbour survey, who owns it?", "who owns it?"),
        ("According to Table 2, who owns it?", "According to Table 2, who owns it?"),
        (
            "According to the report “Harbour, 2015”, who owns it?",
            "According to the report “Harbour, 2015”, who owns it?",
        ),
    ],
)
def test_a_source_is_no_part_of_what_must_be_named(question: str, expected: str) -> None:
    assert without_source(question) == expected
