"""Reranking: the features and the builtin reranker by hand-worked cases, the stage in a search, and no leak."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks import development_set, train_reranker
from benchmarks.train_reranker import Example
from pagelens.core.errors import GenerationError, UsageError
from pagelens.core.keys import page_key
from pagelens.core.types import Kind, PageRef, Query, RerankCandidate
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve.lanes import WordsLane
from pagelens.retrieve.reranking import rerank as stage
from pagelens.retrieve.reranking.builtin import WEIGHTS_FILE, BuiltinReranker, read_weights_file
from pagelens.retrieve.reranking.features import FEATURES, document_coverage, feature_matrix
from pagelens.retrieve.search import Fusion, Retriever
from tests.index.fixtures import make, new_pages, write

IDF = {"harbour": 3.0, "compani": 1.0, "café": 0.0, "cafe": 2.0}


def candidate(document: int, number: int, text: str, *, rank: int, score: float) -> RerankCandidate:
    return RerankCandidate(
        page=page_key(document, number),
        ref=PageRef("", number),
        text=text,
        passages=(),
        rank=rank,
        score=score,
        lanes={},
    )


CANDIDATES = [
    candidate(1, 4, "The Harbour in figures", rank=1, score=0.08),
    candidate(2, 9, "Harbours, and the companies at them", rank=2, score=0.06),
    candidate(1, 1, "A Café for the pilots", rank=3, score=0.02),
]


def test_a_document_is_covered_by_what_its_candidates_have_together() -> None:
    assert document_coverage(CANDIDATES, IDF) == {1: 5 / 6, 2: 4 / 6}  # harbour + cafe; harbour + company


def test_the_features_are_those_of_a_case_worked_by_hand() -> None:
    expected = [[1.0, 1.0, 5 / 6], [0.75, 1 / 2, 4 / 6], [0.25, 1 / 3, 5 / 6]]
    np.testing.assert_allclose(feature_matrix(CANDIDATES, IDF), expected)
    weights = dict(zip(FEATURES, (1.0, 2.0, 6.0), strict=True))
    np.testing.assert_allclose(BuiltinReranker(weights).scores("", CANDIDATES, IDF), [8.0, 5.75, 5 + 0.25 + 2 / 3])


def test_without_words_in_the_query_or_on_the_pages_nothing_is_divided_by_zero() -> None:
    assert BuiltinReranker().scores("", [], {}).shape == (0,)
    blank = [replace(one, text="", score=0.0) for one in CANDIDATES]
    assert np.isfinite(BuiltinReranker().scores("", blank, {})).all()


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["", "the harbour", "a company", "café and harbour"])), max_size=12
    )
)
def test_pages_of_one_document_stay_in_their_fused_order(pages: list[tuple[float, str]]) -> None:
    ordered = sorted(pages, key=lambda page: -page[0])
    candidates = [
        candidate(7, number, text, rank=number, score=score) for number, (score, text) in enumerate(ordered, start=1)
    ]
    scores = BuiltinReranker().scores("harbour company", candidates, IDF)
    assert list(np.argsort(-scores, kind="stable")) == list(range(len(candidates)))


def test_the_packages_weights_are_one_for_each_feature_and_none_below_zero() -> None:
    weights = read_weights_file()["weights"]
    assert tuple(weights) == FEATURES
    assert min(weights.values()) >= 0


class _Backwards:
    """A reranker that turns the order round."""

    name = "backwards"
    cost = ""

    def __init__(self) -> None:
        self.seen: list[Sequence[RerankCandidate]] = []

    def scores(
        self, query: str, candidates: Sequence[RerankCandidate], idf: Mapping[str, float]
    ) -> NDArray[np.float64]:
        assert query and idf
        self.seen.append(candidates)
        return np.array([one.rank for one in candidates], np.float64)


TEXTS = ["timber " * count + "and other words of the harbour" for count in (1, 2, 3, 4, 5)]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """A document of five pages, and a photo whose words are the same."""
    folder = tmp_path_factory.mktemp("reranking")
    make(folder / "collection")
    files: list[tuple[str, list[str], Kind]] = [("a.pdf", TEXTS, "pdf"), ("b.jpg", [TEXTS[3]], "photo")]
    for name, texts, kind in files:
        (folder / name).write_text(name)
        pages = new_pages(str(folder / name), texts)
        write(folder / "collection", replace(pages, document=replace(pages.document, kind=kind)))
    reader = CollectionReader(folder / "collection")
    with reader.snapshot() as snapshot:
        yield snapshot
    reader.close()


def retriever(reranker: _Backwards | None, *, reranks: bool = True) -> Retriever:
    return Retriever([WordsLane(analyze)], analyze, reranker=reranker, reranks=reranks)


def test_the_first_pages_are_reranked_and_photos_keep_their_places(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "RERANKED", 4)
    fused = retriever(None).search(snapshot, Query("timber"), k=10).hits
    reranked = retriever(_Backwards()).search(snapshot, Query("timber"), k=10).hits
    photos = {key for key, row in snapshot.documents.items() if row.document.kind == "photo"}
    places = [place for place in range(4) if fused[place].page >> 20 not in photos]
    assert len(fused) == 6 and len(places) == 3  # a photo stands among the first four
    assert [reranked[place].page for place in places] == [fused[place].page for place in reversed(places)]
    assert [hit.rerank and hit.rerank.rank for hit in reranked] == [
        places.index(place) + 1 if place in places else None for place in range(6)
    ]
    rest = set(range(6)) - set(places)
    assert all(reranked[place] == fused[place] for place in rest)
    assert {hit.page: hit.score for hit in reranked} == {hit.page: hit.score for hit in fused}


class _OfOddPages(_Backwards):
    """A reranker that turns the order of pages of odd number round, and says nothing of the others."""

    def scores(
        self, query: str, candidates: Sequence[RerankCandidate], idf: Mapping[str, float]
    ) -> NDArray[np.float64]:
        found = super().scores(query, candidates, idf)
        return np.where([one.ref.number % 2 == 1 for one in candidates], found, np.nan)


def test_pages_that_the_reranker_says_nothing_of_keep_their_places(snapshot: Snapshot) -> None:
    fused = retriever(None).search(snapshot, Query("timber"), k=10).hits
    reranked = retriever(_OfOddPages()).search(snapshot, Query("timber"), k=10).hits
    photos = {key for key, row in snapshot.documents.items() if row.document.kind == "photo"}
    odd = [at for at, hit in enumerate(fused) if hit.page & 1 and hit.page >> 20 not in photos]
    assert [reranked[at].page for at in odd] == [fused[at].page for at in reversed(odd)]
    assert all(reranked[at] == fused[at] for at in range(len(fused)) if at not in odd)
    ranks = [reranked[at].rerank for at in odd]
    assert [one and one.rank for one in ranks] == [1, 2, 3]


class _Unreachable(_Backwards):
    def scores(
        self, query: str, candidates: Sequence[RerankCandidate], idf: Mapping[str, float]
    ) -> NDArray[np.float64]:
        raise GenerationError("unreachable", "expected a server, found none")


def test_a_model_that_cannot_be_asked_leaves_the_fused_order_and_a_note(snapshot: Snapshot) -> None:
    fused = retriever(None).search(snapshot, Query("timber"), k=10)
    found = retriever(_Unreachable()).search(snapshot, Query("timber"), k=10)
    assert found.hits == fused.hits and not fused.notes
    assert list(found.notes) == ["Not reranked: expected a server, found none"]


def test_a_candidate_has_its_text_its_passages_and_its_place_among_the_lanes(snapshot: Snapshot) -> None:
    reranker = _Backwards()
    fused = retriever(None).search(snapshot, Query("timber"), k=10).hits
    retriever(reranker).search(snapshot, Query("timber"), k=10)
    [candidates] = reranker.seen
    pages = snapshot.pages([one.page for one in candidates])
    lanes = {hit.page: hit.lanes for hit in fused}
    for rank, one in enumerate(candidates, start=1):
        assert one.text == pages[one.page].text.text
        assert one.passages == pages[one.page].passages
        assert (one.rank, one.lanes) == (rank, lanes[one.page])


def test_reranking_is_chosen_for_each_search_and_off_where_lanes_or_a_fusion_are_given(snapshot: Snapshot) -> None:
    reranker = _Backwards()
    on, off = retriever(reranker), retriever(reranker, reranks=False)
    off.search(snapshot, Query("timber"), k=3)
    on.search(snapshot, Query("timber"), k=3, rerank=False)
    on.search(snapshot, Query("timber"), k=3, lanes=["words"])
    on.search(snapshot, Query("timber"), k=3, fusion=Fusion())
    assert reranker.seen == []
    off.search(snapshot, Query("timber"), k=3, rerank=True)
    on.search(snapshot, Query("timber"), k=3, lanes=["words"], rerank=True)
    assert len(reranker.seen) == 2
    on.search(snapshot, Query("timber", image=np.zeros((4, 4, 3), np.uint8)), k=3)
    assert len(reranker.seen) == 2
    with pytest.raises(UsageError, match="expected a reranker"):
        retriever(None).search(snapshot, Query("timber"), k=3, rerank=True)


def _examples(files: int) -> list[Example]:
    """Queries whose relevant candidate is the one with the highest coverage, a bit at random."""
    random = np.random.default_rng(3)
    examples = []
    for row in range(files * 3):
        features = random.random((6, len(FEATURES)))
        relevant = np.arange(6) == np.argmax(features[:, 2] + random.normal(0, 0.2, 6))
        examples.append(Example(f"{row % files}.pdf", features, relevant))
    return examples


def test_the_fit_finds_a_planted_preference() -> None:
    weights = train_reranker.fit(_examples(20))
    assert weights["document coverage"] > 5 * max(weights["fused share"], weights["fused reciprocal rank"])


def test_a_question_never_changes_the_weights_that_score_its_document() -> None:
    examples = _examples(12)
    before = train_reranker.fit_folds(examples)
    assert sorted(file for fold in before for file in fold["documents"]) == sorted({one.file for one in examples})
    for file in ("0.pdf", "7.pdf"):
        flipped = [
            replace(one, features=1 - one.features, relevant=~one.relevant) if one.file == file else one
            for one in examples
        ]
        after = train_reranker.fit_folds(flipped)
        for old, new in zip(before, after, strict=True):
            assert (old["weights"] == new["weights"]) == (file in old["documents"])


def test_each_development_document_is_in_one_fold_of_the_packages_weights() -> None:
    if not development_set.SET.is_dir():
        pytest.skip("the development questions are not here")
    files = {question.file for question in development_set.questions() if question.evidence}
    content = read_weights_file()
    held_out = [file for fold in content["folds"] for file in fold["documents"]]
    assert sorted(held_out) == sorted(files)  # each once
    assert len(content["folds"]) == train_reranker.FOLDS
    assert all(set(fold["weights"]) == set(FEATURES) for fold in content["folds"])


def test_the_weights_file_has_the_folds_figures() -> None:
    figures = json.loads(WEIGHTS_FILE.read_text("utf-8"))["cross_validated"]
    for scope in ("within", "whole"):
        for mean, gain, low, high in figures[scope].values():
            assert 0 < mean < 100
            assert low <= gain <= high
