"""Questions answered by the cells of a table: the cell, what is computed from cells, and how it is cited."""

from dataclasses import replace
from decimal import Decimal

import pytest

from pagelens.core.types import ContextPage
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.extractive.tables.cell_values import cell_number
from pagelens.generate.extractive.tables.operations import Operation, find_operations
from tests.generate.pages import analyze, place_lines, show

HARBOUR = [
    [("Table 4: Cargo landed at the harbour (in thousand tonnes)", 0.05)],
    [],
    [("Cargo", 0.05), ("2023", 0.4), ("2024", 0.6)],
    [("Timber", 0.05), ("44.9", 0.4), ("52.3", 0.6)],
    [("Grain", 0.05), ("12.0", 0.4), ("9.7", 0.6)],
    [("Coal", 0.05), ("30.5", 0.4), ("28.1", 0.6)],
    [("Total", 0.05), ("87.4", 0.4), ("90.1", 0.6)],
]


def harbour() -> ContextPage:
    return replace(show(""), text=place_lines(HARBOUR))


def statement(question: str) -> str:
    """Return what the first citation says."""
    return ExtractiveAnswerer(analyze, threshold=0).answer(question, [harbour()]).citations[0].claim


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How much timber was landed in 2024?", "Timber, 2024: 52.3 in thousand tonnes"),
        (
            "How much more timber than coal was landed in 2023?",
            "Timber, 2023: 44.9 in thousand tonnes; Coal, 2023: 30.5 in thousand tonnes"
            " (difference: 44.9 − 30.5 = 14.4)",
        ),
        (
            "What is the difference in grain between 2023 and 2024?",
            "Grain, 2023: 12.0 in thousand tonnes; Grain, 2024: 9.7 in thousand tonnes (difference: 12 − 9.7 = 2.3)",
        ),
        (
            "How much timber, grain and coal was landed together in 2024?",
            "Timber, 2024: 52.3 in thousand tonnes; Grain, 2024: 9.7 in thousand tonnes;"
            " Coal, 2024: 28.1 in thousand tonnes (total: 52.3 + 9.7 + 28.1 = 90.1)",
        ),
        (
            "What is the average of timber and grain in 2023?",
            "Timber, 2023: 44.9 in thousand tonnes; Grain, 2023: 12.0 in thousand tonnes"
            " (average: (44.9 + 12) / 2 = 28.45)",
        ),
        ("Which cargo was the largest in 2023?", "Timber, 2023: 44.9 in thousand tonnes (the largest of 3)"),
        (
            "Which cargo was the second largest in 2023?",
            "Coal, 2023: 30.5 in thousand tonnes (the second largest of 3)",
        ),
        ("Which cargo was the smallest in 2024?", "Grain, 2024: 9.7 in thousand tonnes (the smallest of 3)"),
        (
            "Which cargo was more than 30 in 2023?",
            "Timber, 2023: 44.9 in thousand tonnes; Coal, 2023: 30.5 in thousand tonnes (2 of 3 are above 30)",
        ),
        (
            "How many kinds of cargo were at most 12 in 2023?",
            "Grain, 2023: 12.0 in thousand tonnes (1 of 3 are below 12 or just that)",
        ),
    ],
)
def test_a_question_is_answered_by_cells_with_the_arithmetic_shown(question: str, expected: str) -> None:
    assert statement(question) == expected


def test_every_cell_of_a_computation_is_marked_and_the_quote_holds_the_cells_only() -> None:
    page = harbour()
    question = "How much more timber than coal was landed in 2023?"
    citation = ExtractiveAnswerer(analyze, threshold=0).answer(question, [page]).citations[0]
    text = page.text
    starts = [text.text.index(value) for value in ("44.9", "30.5")]
    assert citation.boxes == [box for start in starts for box in text.boxes_of(start, start + 4)]
    assert "difference" not in citation.quote


def test_no_cell_is_chosen_where_the_question_names_two_alike() -> None:
    quote = (
        ExtractiveAnswerer(analyze, threshold=0).answer("How much timber was landed?", [harbour()]).citations[0].quote
    )
    assert "44.9" in quote and "52.3" in quote


@pytest.mark.parametrize(
    ("question", "operations"),
    [
        ("How much higher is A than B?", [Operation("difference")]),
        ("By how much did exports increase from 2001 to 2002?", [Operation("difference")]),
        ("What is the combined share of A and B?", [Operation("total")]),
        ("What is the average of A and B?", [Operation("average")]),
        ("Which group is the third largest?", [Operation("maximum", 3)]),
        ("Who attended the fewest meetings?", [Operation("minimum")]),
        ("How many meetings did A attend?", []),
        ("Who attended more than 6 meetings?", [Operation("above", bound=Decimal(6))]),
        ("Who attended at least 6 meetings?", [Operation("above", bound=Decimal(6), has_bound=True)]),
        ("Which vendors are under $1.5 million?", [Operation("below", bound=Decimal("1.5"), scale="million")]),
        ("Which winters were below -5?", [Operation("below", bound=Decimal(-5))]),
        ("Which reports are better than 2019?", []),
    ],
)
def test_an_operation_is_heard_by_its_words(question: str, operations: list[Operation]) -> None:
    assert find_operations(question) == operations


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("52,300", "52300"),
        ("16,20,62,192", "162062192"),
        ("(1,645.27)", "-1645.27"),
        ("-0.8%", "-0.8"),
        ("66.4% (0.8%)", "66.4"),
        ("$4,668", "4668"),
        ("–", None),
        ("38.3/38.0", None),
    ],
)
def test_the_number_of_a_cell(written: str, value: str | None) -> None:
    assert cell_number(written) == (None if value is None else Decimal(value))


def test_a_bound_is_compared_in_the_scale_of_the_column() -> None:
    rows = [[("Revenue (in $ millions)", 0.05)], [], [("Vendor", 0.05), ("Revenue", 0.4)]]
    rows += [[(name, 0.05), (value, 0.4)] for name, value in (("Ada", "310"), ("Bell", "90"), ("Cray", "250"))]
    page = replace(show(""), text=place_lines(rows))
    answer = ExtractiveAnswerer(analyze, threshold=0).answer("Which vendor has a revenue over $0.2 billion?", [page])
    assert "310" in answer.citations[0].quote and "250" in answer.citations[0].quote
    assert "90" not in answer.citations[0].quote


def test_one_computation_does_not_stand_for_another() -> None:
    """The largest cell is no sum."""
    answer = ExtractiveAnswerer(analyze).answer("What is the sum of the largest cargo in 2023?", [harbour()])
    assert answer.found is not True


def test_what_the_numbers_measure_may_be_told_nowhere_if_rows_and_columns_are_named_in_full() -> None:
    answer = ExtractiveAnswerer(analyze).answer(
        "How much larger was the freight of timber than coal in 2023?", [harbour()]
    )
    assert answer.found is True
    assert answer.citations[0].claim.endswith("(difference: 44.9 − 30.5 = 14.4)")


def test_a_percentage_may_be_asked_for_by_how_much_but_is_no_count() -> None:
    rows = [
        [("Share", 0.05), ("2023", 0.4)],
        *([(name, 0.05), (value, 0.4)] for name, value in (("Oban", "12%"), ("Perth", "15%"), ("Leith", "9%"))),
    ]
    page = replace(show(""), text=place_lines(rows))
    answerer = ExtractiveAnswerer(analyze)
    assert answerer.answer("How much larger was the stake of Oban than Leith in 2023?", [page]).found is True
    assert answerer.answer("How many ships had Oban in 2023?", [page]).found is not True


YARDS = [
    [("Yard", 0.05), ("Oban north", 0.3), ("Oban south", 0.5), ("Perth", 0.7)],
    [("Cranes", 0.05), ("85", 0.3), ("8,895", 0.5), ("21,776", 0.7)],
    [("Pilots", 0.05), ("991", 0.3), ("1,791", 0.5), ("678", 0.7)],
]


def test_the_cells_that_a_name_has_in_common_are_added() -> None:
    page = replace(show(""), text=place_lines(YARDS))
    given = ExtractiveAnswerer(analyze, threshold=0).answer("How many cranes in total do the Oban yards have?", [page])
    assert given.citations[0].claim.endswith("(total: 85 + 8,895 = 8,980)")


def test_a_name_that_all_cells_have_chooses_none_to_be_added() -> None:
    rows = [[(text.replace("Perth", "Oban west"), left) for text, left in line] for line in YARDS]
    page = replace(show(""), text=place_lines(rows))
    given = ExtractiveAnswerer(analyze, threshold=0).answer("How many cranes in total do the Oban yards have?", [page])
    assert all("total:" not in citation.claim for citation in given.citations)
