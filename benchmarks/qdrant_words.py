"""BM25 as sparse vectors: Qdrant's engine beside tantivy, an outdated average length, and Qdrant's rank fusion.

    python -m benchmarks.qdrant_words COLLECTION

COLLECTION holds the development documents in a folder of its own. Qdrant's engine is Edge, in process. Prints, over the
development questions with evidence:

- how many have the same 200 pages in the same order, times, disk;
- how many keep their fused first 10 if pages are weighted by another average length than the real one, without and with
  a correction in the query;
- how many keep it with reciprocal-rank fusion of ranks only, which is what a Qdrant server offers.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge

from benchmarks.development_set import Question, questions, require_data
from pagelens.api.engine import wiring
from pagelens.api.engine.models import CollectionModels
from pagelens.core.keys import page_key
from pagelens.core.types import Hit, Query, Ranking
from pagelens.index.catalog.reads import PageRow
from pagelens.index.lane_queries import LexicalQuery, SearchResult
from pagelens.index.lexical.analysis import analyze
from pagelens.index.lexical.bm25 import (
    Lengths,
    PageTerms,
    SparseVector,
    count_terms,
    idf,
    page_vector,
    query_indices,
    query_vector,
)
from pagelens.index.lexical.lexical_index import indexed_text
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.selection import Selection
from pagelens.index.stores.qdrant.lane_views import EXTRA_ROWS
from pagelens.retrieve.lanes import WordsLane
from pagelens.retrieve.search import Fusion, Retriever

DEPTH, FIRST = 200, 10
MOVED = (1.0, 1.0025, 1.01, 1.025, 0.975, 1.05, 0.95, 1.1)

Answers = Mapping[str, Sequence[int]]


class WeighedWords:
    """The `words` lane in plain Python: page vectors for one average length, queries for another. See `Lane`."""

    name = "words"
    weight = WordsLane.weight
    image_query_weight = WordsLane.image_query_weight
    query_part = WordsLane.query_part

    def __init__(self, pages: Mapping[int, PageTerms], average: Lengths, query_average: Lengths) -> None:
        self._count, self._averages = len(pages), (average, query_average)
        self._rows: dict[int, dict[int, float]] = {}
        self._hits: list[Hit] = []  # of the query prepared last
        for key, page in pages.items():
            for term, value in zip(*page_vector(page, average), strict=True):
                self._rows.setdefault(term, {})[key] = value

    def query(self, text: str) -> SparseVector:
        """Return what a query asks of each term that any page has."""
        places = [term for term in query_indices(analyze(text)) if term in self._rows]
        weights = {term: idf(self._count, len(self._rows[term])) for term in places}
        return query_vector(weights, *self._averages)

    def prepare(self, query: Query, depth: int, selection: Selection | None) -> LexicalQuery:
        """See `Lane.prepare`; the index answers it too, but `ranking` does not use that."""
        scores: dict[int, float] = {}
        for term, weight in zip(*self.query(query.words), strict=True):
            for key, value in self._rows[term].items():
                scores[key] = scores.get(key, 0.0) + weight * value
        hits = [Hit(key, float(np.float32(score))) for key, score in scores.items()]
        self._hits = sorted(hits, key=lambda hit: (-hit.score, hit.page))[:depth]
        return LexicalQuery((), 0, selection)

    def ranking(self, result: SearchResult) -> Ranking:
        """See `Lane.ranking`: of the query prepared last."""
        del result
        return Ranking(self.name, self._hits)


def main() -> None:
    """Measure and print."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection", type=Path)
    reader = CollectionReader(parser.parse_args().collection)
    development_questions = [question for question in questions() if question.evidence]
    lanes = CollectionModels(wiring.lane_models(reader.manifest), analyze, wiring.read_settings()).lanes(
        reader.manifest
    )[0]
    with reader.snapshot() as snapshot:
        pages = {key: count_terms(_text(row)) for key, row in snapshot.pages(_keys(snapshot)).items()}
        average = Lengths(*np.mean([page.lengths for page in pages.values()], axis=0).tolist())
        _compare_engines(snapshot, pages, WeighedWords(pages, average, average), development_questions, average)
        shipped = _answers(Retriever(lanes, analyze), snapshot, development_questions)
        for share in MOVED:
            scaled = Lengths(share * average.terms, share * average.bigrams)
            for note, query_average in (("", scaled), (", corrected in the query", average)):
                words = WeighedWords(pages, scaled, query_average)
                changed_lanes = [words if lane.name == words.name else lane for lane in lanes]
                answers = _answers(Retriever(changed_lanes, analyze), snapshot, development_questions)
                _print_agreement(f"weighted by {share} of the average{note}", shipped, answers)
        ranks = Retriever(lanes, analyze, fusion=Fusion(scaled=False))
        _print_agreement("fused by ranks alone", shipped, _answers(ranks, snapshot, development_questions))


def _keys(snapshot: Snapshot) -> list[int]:
    rows = snapshot.documents.items()
    return [page_key(key, number) for key, row in rows for number in range(1, row.document.page_count + 1)]


def _text(row: PageRow) -> str:
    return indexed_text(row.text.text, row.caption)


def _answers(retriever: Retriever, snapshot: Snapshot, development_questions: Sequence[Question]) -> Answers:
    return {
        q.qid: [hit.page for hit in retriever.search(snapshot, Query(q.text), k=FIRST).hits]
        for q in development_questions
    }


def _print_agreement(name: str, shipped: Answers, answers: Answers) -> None:
    pages = sum(set(answers[qid]) == set(answer) for qid, answer in shipped.items())
    order = sum(answers[qid] == answer for qid, answer in shipped.items())
    print(f"{name}: same first {FIRST} for {pages} of {len(shipped)}, in the same order for {order}", flush=True)


def _compare_engines(
    snapshot: Snapshot,
    pages: Mapping[int, PageTerms],
    words: WeighedWords,
    development_questions: Sequence[Question],
    average: Lengths,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shard, same, ours, theirs = _build(folder, pages, average), 0, [], []
        for question in development_questions:
            query, start = words.query(question.text), time.perf_counter()
            nearest = edge.Query.Nearest(edge.SparseVector(query.indices, query.values), using="words")
            points = shard.query(edge.QueryRequest(limit=DEPTH + EXTRA_ROWS, query=nearest)) if query.indices else []
            theirs.append(1_000 * (time.perf_counter() - start))
            start = time.perf_counter()
            expected = snapshot.search([LexicalQuery(tuple(analyze(question.text)), DEPTH, None)])[0][0].tolist()
            ours.append(1_000 * (time.perf_counter() - start))
            order = sorted(points, key=lambda point: (-point.score, int(point.id)))
            same += [int(point.id) for point in order][:DEPTH] == expected
        size = sum(path.stat().st_blocks * 512 for path in Path(folder).rglob("*") if path.is_file()) / 1e6
    print(
        f"Qdrant's engine: the same {DEPTH} pages in the same order for {same} of "
        f"{len(development_questions)}; {size:.1f} MB"
    )
    for name, times in (("Qdrant's engine", theirs), ("tantivy", ours)):
        print(f"{name}: p50 {np.percentile(times, 50):.2f} ms, p95 {np.percentile(times, 95):.2f} ms")


def _build(folder: str, pages: Mapping[int, PageTerms], average: Lengths) -> Any:
    shard = edge.EdgeShard.create(folder, edge.EdgeConfig(sparse_vectors={"words": edge.EdgeSparseVectorParams()}))
    points = []
    for key, page in pages.items():
        row = page_vector(page, average)
        points.append(edge.Point(key, {"words": edge.SparseVector(row.indices, row.values)} if row.indices else {}))
    shard.update(edge.UpdateOperation.upsert_points(points))
    while shard.optimize():
        pass
    shard.flush()
    return shard


if __name__ == "__main__":
    main()
