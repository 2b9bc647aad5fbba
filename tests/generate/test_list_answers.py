"""Answers from lists and numbered things: lists in full, items by their place, counts, titles of numbered parts."""

import pytest

from pagelens.core.types import Answer
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.extractive.page_lists import find_column_lists, find_lists
from tests.generate.pages import analyze, place_lines, set_page, show

PACKAGE = """Items in the package

• Charging cable
• Carrying case. It holds
the cable too.
• Ear pads

Care

Wipe the pads with a dry cloth."""

GOALS = """Goals of the harbour

1. Deepen the northern berth.
2. Train twelve pilots.
3. Repair the crane."""

EXAMS = "Unit 1\n\nExam #1: berths\n\nExam #2: cranes\n\nUnit 2\n\nExam #3: pilots"

BOARD = [
    [("BANKERS", 0.5), ("DIRECTORS", 0.1)],
    [],
    [("Ada Lund", 0.15), ("Bank of Oban", 0.62)],
    [("Bo Aas", 0.15), ("Perth Savings", 0.62)],
    [("Cy Moe", 0.15), ("Leith Trust", 0.62)],
]


def ask(question: str, *pages: str) -> Answer:
    shown = [show(page, "harbour.pdf", number) for number, page in enumerate(pages, start=1)]
    return ExtractiveAnswerer(analyze, threshold=0).answer(question, shown)


def test_a_list_is_its_items_with_all_their_sentences_up_to_the_next_heading() -> None:
    text = set_page(PACKAGE)
    (found,) = find_lists(text)
    assert text.text[slice(*found.heading)] == "Items in the package"
    assert [text.text[slice(*item)].split()[1] for item in found.items] == ["Charging", "Carrying", "Ear"]
    assert text.text[slice(*found.items[1])].endswith("the cable too.")


def test_items_without_marks_end_where_the_gap_between_lines_grows() -> None:
    lines = ["Strengths", "Good staff", "Low costs", "Fast berths", "Weaknesses", "Old cranes", "Few pilots"]
    tops = [0.10, 0.12, 0.14, 0.16, 0.22, 0.24, 0.26]
    text = place_lines([[(line, 0.1)] for line in lines], tops)
    assert [len(found.items) for found in find_lists(text)] == [3, 2]


def test_columns_side_by_side_are_lists_of_their_own_headed_by_the_label_above_or_above_and_left() -> None:
    text = place_lines(BOARD)
    found = {
        text.text[slice(*one.heading)]: [text.text[slice(*item)] for item in one.items]
        for one in find_column_lists(text)
    }
    assert found == {
        "DIRECTORS": ["Ada Lund", "Bo Aas", "Cy Moe"],
        "BANKERS": ["Bank of Oban", "Perth Savings", "Leith Trust"],
    }


def test_a_list_is_quoted_in_full_where_several_things_are_asked_for() -> None:
    (citation, *_) = ask("What are the goals of the harbour?", GOALS).citations
    assert all(word in citation.quote for word in ("berth", "pilots", "crane"))


def test_the_items_of_a_list_are_counted_and_each_is_quoted() -> None:
    (citation, *_) = ask("How many items are in the package?", PACKAGE).citations
    assert citation.claim.endswith("(3 counted)")
    assert "counted" not in citation.quote
    assert len(citation.boxes) == 5  # the heading and four lines


def test_a_list_of_other_things_is_not_counted() -> None:
    for citation in ask("How many pads are in the package?", PACKAGE).citations:
        assert "counted" not in citation.claim


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the second goal of the harbour?", "Train twelve pilots."),
        ("What is the 3rd goal of the harbour?", "Repair the crane."),
        ("What is the last goal of the harbour?", "Repair the crane."),
    ],
)
def test_an_item_is_found_by_its_place(question: str, expected: str) -> None:
    assert expected in ask(question, GOALS).citations[0].quote


def test_numbered_things_are_counted_if_every_number_from_1_is_there() -> None:
    assert "numbered 1 to 3" in ask("How many exams are there?", EXAMS).citations[0].claim
    without_first = EXAMS.replace("Exam #1: berths", "Talk")
    assert all(
        "numbered" not in citation.claim for citation in ask("How many exams are there?", without_first).citations
    )


def test_appendices_are_counted_by_their_letters_or_roman_numbers() -> None:
    letters = "Appendix A: maps\n\nAppendix B: tides\n\nAppendix C: fees"
    roman = "Appendix I: maps\n\nAppendix II: tides\n\nAppendix III: fees\n\nAppendix IV: rules"
    assert "numbered 1 to 3" in ask("How many appendix are there?", letters).citations[0].claim
    assert "numbered 1 to 4" in ask("How many appendix are there?", roman).citations[0].claim


def test_a_quoted_word_is_counted_on_the_page_that_the_question_names() -> None:
    pages = ("Oban is small.", "Oban sells fish. The boats of Oban are blue. Obanites love Oban.")
    answer = ask('How many times does "Oban" appear on page 2?', *pages)
    assert (answer.citations[0].claim, answer.citations[0].ref.number) == ("Oban … Oban … Oban (3 counted)", 2)


def test_the_topic_of_a_numbered_part_is_its_heading() -> None:
    answer = ask("What is the topic of Unit 14?", "Quiz about Unit 14\n\nUNIT 14: Money and Banks\n\nUNIT 15: Law")
    assert answer.citations[0].quote == "UNIT 14: Money and Banks"


def test_lines_that_begin_with_what_is_counted_are_counted_once_each() -> None:
    page = "• Case Study: Oban\n\n• Quiz\n\n• Case Study: Perth\n\n• Case Study: Oban"
    assert "(2 counted)" in ask("How many case studies are there?", page.replace("Study", "Studies")).citations[0].claim


def test_lines_that_begin_with_one_word_that_is_counted_are_not_counted() -> None:
    citations = ask("How many exams are there?", "Exam: Oban\n\nExam: Perth").citations
    assert all("counted" not in citation.claim for citation in citations)


@pytest.mark.parametrize(("gap", "items"), [(1.7, 5), (1.9, 3)])
def test_items_end_before_a_gap_of_1_8_times_theirs(gap: float, items: int) -> None:
    lines = ["Strengths", "Good staff", "Low costs", "Fast berths", "Old cranes", "Few pilots"]
    tops = [0.10, 0.12, 0.14, 0.16, 0.175 + 0.005 * gap, 0.195 + 0.005 * gap]
    text = place_lines([[(line, 0.1)] for line in lines], tops)
    assert len(find_lists(text)[0].items) == items


@pytest.mark.parametrize(
    ("heading", "is_counted"),
    [("Small package items, boxed", True), ("Package items, boxed", False)],  # 3 of 4 terms, 2 of 3
)
def test_a_list_is_counted_if_the_question_has_seven_tenths_of_its_heading(heading: str, is_counted: bool) -> None:
    page = f"{heading}\n\n• Cable\n• Case\n• Ear pads"
    claims = [citation.claim for citation in ask("How many items are in the small package?", page).citations]
    assert any("3 counted" in claim for claim in claims) == is_counted
