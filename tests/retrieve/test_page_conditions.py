"""Conditions on the words of pages, and spelling: the same on both lexical stores."""

from collections.abc import Iterator

import numpy as np
import pytest

from pagelens.core.query_conditions import Correction, PageConditions, Wording
from pagelens.core.types import Filters, Query
from pagelens.index.creation import create
from pagelens.index.layout import Layout, ServerRecord
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve import page_conditions
from pagelens.retrieve.lanes import WordsLane
from pagelens.retrieve.page_conditions import apply_conditions
from pagelens.retrieve.query_language import parse_query
from pagelens.retrieve.search import RetrievalResult, Retriever
from tests.index.fixtures import TEXT, make, new_pages, write

PAGES = [
    "the annual report of the port",
    "a report that is annual and long",
    "con-\ntamination of ground water by coal",
    "timber and coal reports",
    "Café prices rose on 5 March 2024 by 1,043 crowns",
    "東京都の年間報告 and the annual\nreport",
    "whole timber examination, by the Bank of England",
    "연간 보고서를 제출",
    "отчёты о лесе, given to him and us of the U.S. economy",
]
OTHERS = ["a draft of another kind", "nothing of the sort", "the examination of timber again", "der Hafen und das Holz"]


@pytest.fixture(scope="module", params=["tantivy", "qdrant"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectionReader]:
    """Two documents; Qdrant in its local mode."""
    folder = tmp_path_factory.mktemp(request.param)
    root = folder / "collection"
    if request.param == "qdrant":
        create(Layout(root), profile="test", lanes=[TEXT], server=ServerRecord("", "conditions"))
    else:
        make(root)
    for name, texts, title in (("a.pdf", PAGES, "Port of Sandvik"), ("old draft.pdf", OTHERS, "Working paper")):
        (folder / name).write_text("any content")
        write(root, new_pages(str(folder / name), texts, title=title))
    reader = CollectionReader(root)
    yield reader
    reader.close()


@pytest.fixture
def snapshot(reader: CollectionReader) -> Iterator[Snapshot]:
    with reader.snapshot() as snapshot:
        yield snapshot


def search(snapshot: Snapshot, text: str, *, is_question: bool = False, spelling: bool = True) -> RetrievalResult:
    understood = parse_query(text, is_question=is_question)
    query = Query(understood.text, conditions=understood.conditions, spelling=spelling)
    retriever = Retriever([WordsLane(analyze)], analyze)
    return retriever.search(snapshot, query, k=20, filters=understood.filters)


def found(snapshot: Snapshot, text: str) -> set[str]:
    """The texts of the pages that a query finds."""
    return {page.text.text for page in snapshot.pages([hit.page for hit in search(snapshot, text).hits]).values()}


def selected(snapshot: Snapshot, conditions: PageConditions) -> set[str]:
    selection = apply_conditions(snapshot, conditions, None, analyze).selection
    keys = np.concatenate([snapshot.vectors("text").keys >> 12])  # pages of passages
    assert selection is not None
    pages = snapshot.pages(np.unique(keys)[selection.mask(np.unique(keys))].tolist())
    return {page.text.text for page in pages.values()}


@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ('"annual report"', {0, 5}),  # across a line end too
        ('"ANNUAL, report"', {0, 5}),
        ('"annual reports"', set[int]()),  # as written, no stems
        ('"contamination of ground"', {2}),
        ('"of the port"', {0}),  # stop words count
        ('"cafe prices"', {4}),
        ('"5 march"', {4}),
        ('"1,043"', {4}),
        ('"march 2024 by 1,043 crowns"', {4}),
        ('"東京都"', {5}),
        ('"年間報告"', {5}),
        ('"연간 보고서"', {7}),
        ('given "to him and us"', {8}),
        ('"u.s. economy"', {8}),  # indexed as "us"
        ("отчёта OR доклад given", {8}),  # another case
        ("given -отчёта", {8}),
        ("given -отчёты", set[int]()),
        ('"bank of england" timber', {6}),
        ('"annual report" -port', set[int]()),  # "port" is in the title
        ('report -"annual report"', {1, 3}),
        ("report -timber", {0, 1, 5}),
        ("report -annual -coal", set[int]()),
        ("timber OR coal report", {2, 3, 6}),
        ('"ground water" OR "bank of england" of', {2, 6}),
    ],
)
def test_pages_that_meet_the_conditions_are_found(snapshot: Snapshot, query: str, pages: set[int]) -> None:
    of_first = {text for text in found(snapshot, query) if text in PAGES}
    assert of_first == {PAGES[number] for number in pages}


def test_a_title_or_file_name_counts_for_all_its_pages(snapshot: Snapshot) -> None:
    assert found(snapshot, '"working paper" examination') == {OTHERS[2]}
    assert found(snapshot, "examination -draft") == {PAGES[6]}
    assert found(snapshot, "examination -timber") == set()
    assert found(snapshot, "title:sandvik examination") == {PAGES[6]}
    assert found(snapshot, "-title:sandvik examination") == {OTHERS[2]}
    assert found(snapshot, "-path:*draft.pdf timber") == {PAGES[3], PAGES[6]}


def test_a_query_of_conditions_alone_selects_pages(snapshot: Snapshot) -> None:
    conditions = PageConditions(required=[[Wording("timber", exact=False)]], excluded=[Wording("coal", exact=True)])
    assert selected(snapshot, conditions) == {PAGES[6], OTHERS[2]}


def test_a_phrase_that_no_page_has_is_said(snapshot: Snapshot) -> None:
    result = search(snapshot, '"report annual" timber')
    assert not result.hits and result.page_count == 0
    assert result.notes == ["no page has “report annual”; without quotation marks, 3 pages have its words"]
    assert search(snapshot, '"report coal"').notes == [
        "no page has “report coal”; without quotation marks, 1 page has its words"
    ]
    lenient = search(snapshot, '"report annual" timber', is_question=True)
    assert lenient.hits and lenient.notes == ["no page has “report annual”: searched as words"]


def test_a_stop_word_is_no_condition_without_quotation_marks(snapshot: Snapshot) -> None:
    result = search(snapshot, "timber -the")
    assert len(result.hits) == 3
    assert result.notes == ["“the” is too frequent a word to be a condition: left aside"]
    assert found(snapshot, 'timber -"the"') == {PAGES[3]}


def test_in_a_question_pages_with_the_phrase_come_first(snapshot: Snapshot) -> None:
    query = 'Which "timber again" is in the timber and coal reports?'
    first = search(snapshot, query).hits[0].page
    assert snapshot.pages([first])[first].text.text == OTHERS[2]
    without = search(snapshot, query.replace('"', ""))
    assert {hit.page for hit in search(snapshot, query).hits} == {hit.page for hit in without.hits}
    assert without.hits[0].page != first


def test_where_too_many_pages_may_have_a_phrase_the_best_are_read(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_conditions, "MAX_READ", 2)
    result = search(snapshot, '"annual report"')
    assert len(result.hits) == 1  # the other page with the phrase is long, and third by its words
    assert result.notes == ["“annual report”: 3 pages may have it; the 2 that match its words best were read"]


def test_filters_hold_beside_conditions(snapshot: Snapshot) -> None:
    understood = parse_query('"the examination"')
    retriever = Retriever([WordsLane(analyze)], analyze)
    query = Query(understood.text, conditions=understood.conditions)
    assert not retriever.search(snapshot, query, k=5, filters=Filters(titles=("sandvik",))).hits
    assert retriever.search(snapshot, query, k=5, filters=Filters(titles=("work*",))).page_count == 1


def test_words_that_no_page_has_are_corrected(snapshot: Snapshot) -> None:
    result = search(snapshot, "Examinaton of timbr")
    assert result.text == "Examination of timber"
    assert result.corrections == [Correction("Examinaton", "Examination"), Correction("timbr", "timber")]
    assert found(snapshot, "Examinaton of timbr") == found(snapshot, "Examination of timber")
    as_written = search(snapshot, "Examinaton of timbr", spelling=False)
    assert (as_written.hits, as_written.corrections) == ([], ())


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("timber exzminaton", "timber examination"),  # two errors in ten letters
        ("coaal reportt of timbr", "coal report of timber"),  # a short query
        ("timbr coaal of the", "timber coal of the"),  # half of the words
        ("der reportt timber coal examination ground", "der report timber coal examination ground"),
        ("REPORTT OF TIMBR", "REPORT OF TIMBER"),
        ("보고서 timbr", "보고서 timber"),
    ],
)
def test_errors_are_put_right(snapshot: Snapshot, query: str, text: str) -> None:
    assert search(snapshot, query).text == text


@pytest.mark.parametrize(
    "query",
    [
        "examinations timber",  # another form of a word that a page has
        '"examinaton" timber',  # in quotation marks
        "timber oal",  # too short
        "timber exmintion",  # two errors in nine letters
        "EXAM timber coal",  # an acronym
        "timber20 timbr/coal",  # codes
        "the timbr of coaal reportt",  # most words are unknown
        "les reportt timber coal examination ground",  # no page is in French
        "timber goal",  # a common English word, one letter from "coal"
    ],
)
def test_other_words_are_left_as_they_are(snapshot: Snapshot, query: str) -> None:
    assert search(snapshot, query).corrections in ((), [])
