"""What fusion and reranker see of each question of a data set, recorded once, so that fitting is arithmetic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagelens.core.keys import document_of, number_of
from pagelens.core.query_conditions import NO_CONDITIONS
from pagelens.core.types import Filters, FusedHit, Hit, PageRef, Query, Ranking, RerankCandidate
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.index.reader import Snapshot
from pagelens.retrieve.fusion import reciprocal_rank_fusion
from pagelens.retrieve.query_language import narrowed, parse_query
from pagelens.retrieve.reranking.features import document_coverage
from pagelens.retrieve.reranking.rerank import RERANKED
from pagelens.retrieve.search import Retriever

KEPT = 1_000  # pages of a fused ranking, at most: all that the lanes rank
CONSTANTS = tuple((k, scaled) for scaled in (True, False) for k in (10.0, 30.0, 60.0, 120.0))
"""Ways of fusing that are tried: k of reciprocal-rank fusion, and whether shares scale by score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningExample:
    """A question with the pages that any lane ranks, in the order of their keys."""

    qid: str
    group: str  # questions about one document are in one group: they never stand on both sides of a split
    query: Query
    filters: Filters
    grades: NDArray[np.float64]  # (n_pages,) of each page, 0 for one that does not answer
    gold: Sequence[float]  # grades of all pages that answer, found or not, best first
    shares: Mapping[tuple[float, bool], NDArray[np.float64]]  # (k, scaled) -> (n_pages, n_lanes)
    weights: NDArray[np.float64]  # (n_lanes,) as shipped, for this query
    coverage: NDArray[np.float64]  # (n_pages,) of each page's document: the reranker's feature


def record_examples(
    snapshot: Snapshot, retriever: Retriever, data: DataSet, names: DocumentNames, lanes: Sequence[str]
) -> list[TuningExample]:
    """Return an example for each question of words that has relevant pages in the collection.

    Questions with a picture or with conditions of the query language are left out: the fusion of those is not fitted.
    """
    groups = question_groups(data)
    examples = []
    for question in data.with_evidence:
        understood = parse_query(question.text)
        if question.image or understood.conditions != NO_CONDITIONS:
            continue
        query, filters = Query(understood.text), narrowed(Filters(), understood)
        found = retriever.search(snapshot, query, k=KEPT, filters=filters)
        hits = sorted(found.hits, key=lambda hit: hit.page)
        grades = page_grades(snapshot, data, names, question, [hit.page for hit in hits])
        examples.append(
            TuningExample(
                qid=question.qid,
                group=groups[question.qid],
                query=query,
                filters=filters,
                grades=np.array(grades, np.float64),
                gold=sorted((float(grade) for grade in data.qrels[question.qid].values() if grade > 0), reverse=True),
                shares={(k, scaled): _shares(hits, lanes, k=k, scaled=scaled) for k, scaled in CONSTANTS},
                weights=np.array([found.weights.get(lane, 1.0) for lane in lanes]),
                coverage=_coverage(snapshot, found.hits[:RERANKED], hits, found.idf),
            )
        )
    return examples


def question_groups(data: DataSet) -> dict[str, str]:
    """Return a group for each question with evidence, such that questions that share a document share the group."""
    parent: dict[str, str] = {}

    def root(document: str) -> str:
        while parent.setdefault(document, document) != document:
            document = parent[document]
        return document

    documents = {
        question.qid: sorted({page.path for page in data.relevant(question.qid)} | set(question.documents))
        for question in data.with_evidence
    }
    for together in documents.values():
        for other in together[1:]:
            first, second = sorted((root(together[0]), root(other)))
            parent[second] = first
    return {qid: root(together[0]) for qid, together in documents.items()}


def page_grades(
    snapshot: Snapshot, data: DataSet, names: DocumentNames, question: Question, pages: Sequence[int]
) -> list[int]:
    """Return the grade of each page, by key; 0 for one that does not answer the question."""
    graded = data.qrels[question.qid]
    rows = snapshot.documents
    refs = [PageRef(rows[document_of(page)].path, number_of(page)) for page in pages]
    return [max(0, *(graded.get(page, 0) for page in names.pages(ref))) for ref in refs]


def _shares(hits: Sequence[FusedHit], lanes: Sequence[str], *, k: float, scaled: bool) -> NDArray[np.float64]:
    """Return what each lane of weight 1 gives each page: (n_pages, n_lanes)."""
    columns = np.zeros((len(hits), len(lanes)))
    row_of = {hit.page: row for row, hit in enumerate(hits)}
    for column, lane in enumerate(lanes):
        ranked = sorted((hit for hit in hits if lane in hit.lanes), key=lambda hit: hit.lanes[lane].rank)
        ranking = Ranking(lane, [Hit(hit.page, hit.lanes[lane].score) for hit in ranked])
        for hit in reciprocal_rank_fusion([ranking], k=k, scaled=scaled):
            columns[row_of[hit.page], column] = hit.score
    return columns


def _coverage(
    snapshot: Snapshot, first: Sequence[FusedHit], hits: Sequence[FusedHit], idf: Mapping[str, float]
) -> NDArray[np.float64]:
    """Return for each page what the first pages of its document have of the query's words."""
    pages = snapshot.pages([hit.page for hit in first])
    candidates = [
        RerankCandidate(
            page=hit.page,
            ref=PageRef("", 0),
            text=pages[hit.page].text.text,
            passages=(),
            rank=rank,
            score=hit.score,
            lanes=hit.lanes,
        )
        for rank, hit in enumerate(first, start=1)
    ]
    covered = document_coverage(candidates, idf)
    return np.array([covered.get(document_of(hit.page), 0.0) for hit in hits])
