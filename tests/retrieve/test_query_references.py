"""Which pages and documents a query names, and which words name none."""

import pytest

from pagelens.core.types import Document
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.lexical.analysis import analyze
from pagelens.retrieve.query_references import DocumentNameIndex, PageReferences, find_page_references


@pytest.mark.parametrize(
    ("question", "labels", "positions"),
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
def test_named_pages_are_found(question: str, labels: list[str], positions: list[int]) -> None:
    references = find_page_references(question)
    assert (list(references.labels), list(references.positions)) == (labels, positions)


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
def test_what_names_no_page_is_no_reference(question: str) -> None:
    assert not find_page_references(question)


def test_a_range_of_thousands_is_taken_for_its_two_ends() -> None:
    assert find_page_references("pages 3 to 5000").labels == ("3", "5000")


def test_positions_count_from_the_end_and_stay_inside_the_document() -> None:
    named = PageReferences(labels=("12", "iv", "2"), positions=(-1, -30, 1))
    assert named.numbers(10) == [2, 10, 1]


def row(key: int, title: str, *paths: str) -> DocumentRow:
    return DocumentRow(key, Document(sha256="0" * 64, kind="pdf", title=title, page_count=3, size=1), paths)


@pytest.fixture
def names() -> DocumentNameIndex:
    rows = [
        row(1, "Annual report of the Port of Sandvik 2019", "/a/sandvik-2019.pdf"),
        row(2, "Annual report of the Port of Sandvik 2020", "/a/sandvik-2020.pdf"),
        row(3, "Climate change", "/a/climate.pdf"),
        row(4, "untitled", "/a/HarbourMasterManualDraft.pdf"),
    ]
    return DocumentNameIndex.of({item.key: item for item in rows}, analyze)


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
def test_documents_are_found_by_file_name_or_by_most_of_a_longer_name(
    names: DocumentNameIndex, question: str, documents: list[int]
) -> None:
    assert names.find_document_references(question, analyze) == documents
