"""What a question names, and what it does not."""

import pytest

from pagelens.core.types import Document
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.lexical.tantivy_index import analyze
from pagelens.retrieve.query_references import DocumentNames, PagesNamed, hear_pages


@pytest.mark.parametrize(
    ("question", "printed", "positions"),
    [
        ("What is shown on page 12?", ["12"], []),
        ("Compare slides 3-5", ["3", "4", "5"], []),
        ("pp. 10–12 and later", ["10", "11", "12"], []),
        ("pages 3, 5 to 7 and ix", ["3", "5", "6", "7", "ix"], []),
        ("see page number 4", ["4"], []),
        ("page twenty", ["20"], []),
        ("the preface on page iv", ["iv"], []),
        ("on the third page", [], [3]),
        ("the first two slides", [], [1, 2]),
        ("the last three pages", [], [-1, -2, -3]),
        ("the second-to-last page", [], [-2]),
        ("the penultimate slide", [], [-2]),
        ("the 21st page", [], [21]),
        ("Who is on the cover page?", [], [1]),
        ("the back cover", [], [-1]),
    ],
)
def test_pages_are_heard(question: str, printed: list[str], positions: list[int]) -> None:
    heard = hear_pages(question)
    assert (list(heard.printed), list(heard.positions)) == (printed, positions)


@pytest.mark.parametrize(
    "question",
    [
        "How many pages I saw",
        "the front page of the New York Times",
        "web page 2 of the results",
        "a share of 3.5% per page 2.5 times",
        "the first page of the appendix",
        "What is a page table?",
        "pager 12",
    ],
)
def test_what_names_no_page_is_not_heard(question: str) -> None:
    assert not hear_pages(question)


def test_a_range_of_thousands_is_a_remark_and_not_a_request() -> None:
    assert hear_pages("pages 3 to 5000").printed == ("3", "5000")


def test_positions_count_from_the_end_and_stay_inside_the_document() -> None:
    named = PagesNamed(printed=("12", "iv", "2"), positions=(-1, -30, 1))
    assert named.numbers(10) == [2, 10, 1]


def row(key: int, title: str, *paths: str) -> DocumentRow:
    return DocumentRow(key, Document("0" * 64, "pdf", title, 3, 1), paths)


@pytest.fixture
def names() -> DocumentNames:
    rows = [
        row(1, "Annual report of the Port of Sandvik 2019", "/a/sandvik-2019.pdf"),
        row(2, "Annual report of the Port of Sandvik 2020", "/a/sandvik-2020.pdf"),
        row(3, "Climate change", "/a/climate.pdf"),
        row(4, "untitled", "/a/HarbourMasterManualDraft.pdf"),
    ]
    return DocumentNames.of({one.key: one for one in rows}, analyze)


@pytest.mark.parametrize(
    ("question", "documents"),
    [
        ("How much timber, in sandvik-2019.pdf?", [1]),
        ("What does the annual report of the port of Sandvik 2020 say of grain?", [2]),
        ("In the annual report of the port of Sandvik, how much grain?", [1, 2]),
        ("According to the harbour master manual, who opens the lock?", [4]),
        ("How does climate change affect harbours?", []),
        ("How much timber came in?", []),
    ],
)
def test_documents_are_heard_by_file_name_or_by_most_of_a_longer_name(
    names: DocumentNames, question: str, documents: list[int]
) -> None:
    assert names.hear(question, analyze) == documents
