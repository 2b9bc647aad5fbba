"""Depth of a search: quick, normal and thorough, on a small collection with the `words` lane."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.depth import answered, two_part_questions
from benchmarks.development_set import SET
from pagelens.core.keys import document_of, number_of, page_key
from pagelens.core.types import Depth, Filters, FusedHit, Query, RerankCandidate
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve.depth import MAX_SEARCHES, READ, DepthOptions, interleave, search_at_depth
from pagelens.retrieve.lanes import WordsLane
from pagelens.retrieve.query_language import parse_query
from pagelens.retrieve.search import RetrievalResult, Retriever
from tests.index.fixtures import make, new_pages, write

TIMBER = [f"timber exports of the harbour, boats, ships, sacks, barrels, part {part}" for part in "abcdefgh"]
OTHERS = ["The crane of the quay was repaired.", "Kemi sold a crane in 1987.", "Of the pilots nothing is known."]
TANKS = [f"tank {size} litres of the boat in the yard" for size in ("small", "large")]


class _Backwards:
    """A reranker that turns the order round."""

    name = "backwards"
    cost = ""

    def scores(
        self, query: str, candidates: Sequence[RerankCandidate], idf: Mapping[str, float]
    ) -> NDArray[np.float64]:
        del query, idf
        return np.array([one.rank for one in candidates], np.float64)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """Eight pages on timber, three others in a document of their own, and two on tanks."""
    folder = tmp_path_factory.mktemp("depth")
    make(folder / "collection")
    for name, texts in (("timber.pdf", TIMBER), ("others.pdf", OTHERS), ("tanks.pdf", TANKS)):
        (folder / name).write_text(name)
        write(folder / "collection", new_pages(str(folder / name), texts))
    reader = CollectionReader(folder / "collection")
    with reader.snapshot() as snapshot:
        yield snapshot
    reader.close()


def search(
    snapshot: Snapshot, text: str, depth: Depth, *, options: DepthOptions | None = None, reranks: bool = False
) -> RetrievalResult:
    retriever = Retriever([WordsLane(analyze)], analyze, reranker=_Backwards(), reranks=reranks)
    understood = parse_query(text)
    query = Query(understood.text, conditions=understood.conditions)
    return search_at_depth(snapshot, retriever, query, depth, k=20, options=options or DepthOptions())


def texts(snapshot: Snapshot, result: RetrievalResult) -> list[str]:
    pages = snapshot.pages([hit.page for hit in result.hits])
    return [pages[hit.page].text.text for hit in result.hits]


FIRST_PART = "What boats, ships, sacks, barrels, timber exports has the harbour"
QUESTION = f"{FIRST_PART}, and what was repaired?"


def test_a_thorough_search_brings_a_page_for_each_part(snapshot: Snapshot) -> None:
    assert OTHERS[0] not in texts(snapshot, search(snapshot, QUESTION, "normal"))[:5]
    thorough = search(snapshot, QUESTION, "thorough")
    first = texts(snapshot, thorough)[:2]
    assert first[0] in TIMBER and first[1] == OTHERS[0]
    assert [(step.reason, step.text) for step in thorough.steps] == [
        ("question", QUESTION),
        ("part", FIRST_PART),
        ("part", "what was repaired?"),
    ]
    assert Path(thorough.steps[2].pages[0].path).name == "others.pdf" and thorough.steps[2].pages[0].number == 1


def test_a_thorough_search_has_each_page_once_and_all_that_a_normal_one_has(snapshot: Snapshot) -> None:
    thorough = [hit.page for hit in search(snapshot, QUESTION, "thorough").hits]
    assert len(set(thorough)) == len(thorough)
    assert set(thorough) >= {hit.page for hit in search(snapshot, QUESTION, "normal").hits}


def test_what_no_first_page_has_is_searched_for_once(snapshot: Snapshot) -> None:
    question = "timber exports harbour boats ships sacks barrels part Kemi"
    assert OTHERS[1] not in texts(snapshot, search(snapshot, question, "normal"))[:READ]
    thorough = search(snapshot, question, "thorough")
    assert texts(snapshot, thorough)[READ - 1] == OTHERS[1] and READ == 6  # the last of those that an answer uses
    assert [(step.reason, step.text) for step in thorough.steps[1:]] == [("missing", "Kemi")]
    assert search(snapshot, "timber exports harbour part Zeppelin", "thorough").steps[1:] == []  # on no page at all


def test_a_search_without_parts_whose_words_are_all_found_is_the_normal_one(snapshot: Snapshot) -> None:
    normal, thorough = search(snapshot, "timber harbour", "normal"), search(snapshot, "timber harbour", "thorough")
    assert thorough.hits == normal.hits and len(thorough.steps) == 1 and not normal.steps


def test_the_number_of_searches_has_a_limit(snapshot: Snapshot) -> None:
    many = DepthOptions(split=lambda _: [f"timber part {letter}" for letter in "abcdefgh"])
    found = search(snapshot, "timber timber timber exports harbour part Kemi 1987", "thorough", options=many)
    assert len(found.steps) == MAX_SEARCHES == 10


def test_a_question_about_each_document_brings_the_best_page_of_each_first(snapshot: Snapshot) -> None:
    def documents(text: str) -> list[int]:
        return [document_of(hit.page) for hit in search(snapshot, text, "thorough").hits]

    assert len(set(documents("timber harbour crane tank")[:3])) < 3
    assert len(set(documents("timber harbour crane tank in each of the reports")[:3])) == 3


def test_filters_hold_for_every_search(snapshot: Snapshot) -> None:
    inside = DepthOptions(filters=Filters(paths=("*timber.pdf",)))
    found = search(snapshot, QUESTION + " Kemi", "thorough", options=inside)
    assert {Path(snapshot.documents[document_of(hit.page)].path).name for hit in found.hits} == {"timber.pdf"}
    assert all(Path(ref.path).name == "timber.pdf" for step in found.steps for ref in step.pages)
    assert [step.reason for step in found.steps if step.text == "Kemi"] == ["missing"]  # once, although in vain


def test_quick_is_the_lanes_alone_and_normal_what_is_set(snapshot: Snapshot) -> None:
    def reranked(depth: Depth, *, reranks: bool, rerank: bool | None = None) -> bool:
        found = search(snapshot, "timber harbour", depth, options=DepthOptions(rerank=rerank), reranks=reranks)
        return any(hit.rerank for hit in found.hits)

    assert not reranked("quick", reranks=True)
    assert reranked("normal", reranks=True) and not reranked("normal", reranks=False)
    assert reranked("thorough", reranks=True) and not reranked("thorough", reranks=False)
    assert reranked("quick", reranks=True, rerank=True)


def hits(scores: Mapping[int, float], *named: int) -> list[FusedHit]:
    """Hits of one document by page number, in this order."""
    return [FusedHit(page_key(1, number), score, {}, named=number in named) for number, score in scores.items()]


def numbers(found: Sequence[FusedHit]) -> list[int]:
    return [number_of(hit.page) for hit in found]


def test_rankings_are_interleaved_part_by_part_and_the_questions_own_last_of_each_turn() -> None:
    whole = hits({1: 0.4, 2: 0.2, 3: 0.1})
    assert numbers(interleave([whole, hits({4: 0.3}), hits({5: 0.2, 6: 0.1})])) == [4, 5, 1, 6, 2, 3]
    assert interleave([whole]) == whole


def test_a_page_counts_for_a_part_by_its_share_for_the_part_and_for_the_question() -> None:
    whole, part = {1: 0.4, 2: 0.2}, {7: 0.5, 2: 0.3, 8: 0.2}
    # shares for the part 1, .6, .4; for the question page 2 has .5 more
    assert numbers(interleave([hits(whole), hits(part)])) == [2, 1, 7, 8]
    assert numbers(interleave([hits({1: 0.4, 2: 0.1}), hits(part)])) == [7, 1, 2, 8]


def test_pages_that_the_question_names_stay_before_all_others() -> None:
    assert numbers(interleave([hits({1: 0.4, 2: 0.2}, 2), hits({3: 0.1})])) == [2, 3, 1]


def test_both_parts_must_have_a_page_among_the_first_five() -> None:
    parts = [frozenset([("a.pdf", 1), ("a.pdf", 2)]), frozenset([("b.pdf", 7)])]
    filler = [("c.pdf", number) for number in range(1, 10)]
    assert answered(parts, [*filler[:3], ("a.pdf", 2), ("b.pdf", 7)]) == 1
    assert answered(parts, [*filler[:4], ("a.pdf", 2), ("b.pdf", 7)]) == 0
    assert answered(parts, [("a.pdf", 1), ("a.pdf", 2)]) == 0


def test_each_of_the_thirty_questions_has_two_parts_on_different_pages() -> None:
    questions = two_part_questions()
    assert len({question.text for question in questions}) == len(questions) == 30
    for question in questions:
        first, second = question.parts
        assert first and second and not first & second
    if SET.is_dir():
        files = {path.name for path in (SET / "documents").iterdir()}
        assert {file for question in questions for part in question.parts for file, _ in part} <= files
