"""Measures of rankings, by ir_measures (trec_eval's code), for pages or for documents.

Rankings have no ties: the reader of run files breaks them (`pagelens.evals.runs.trec_run`).
"""

from collections.abc import Mapping, Sequence

import ir_measures
from ir_measures import AP, RR, P, R, Success, nDCG

from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import Qrels, page_id
from pagelens.evals.measures.measure_names import Measure

Rankings = Mapping[str, Sequence[PageRef]]
"""Question id -> pages, best first, none twice."""

Values = dict[str, float]
"""Question id -> value."""


def score_rankings(measures: Sequence[Measure], qrels: Qrels, run: Rankings) -> dict[Measure, Values]:
    """Return each measure for each question with a relevant page; a question without a ranking scores 0."""
    answered = {qid: grades for qid, grades in qrels.items() if any(grade > 0 for grade in grades.values())}
    scores: dict[Measure, Values] = {measure: dict.fromkeys(answered, 0.0) for measure in measures}
    for level in ("page", "doc"):
        level_measures = [measure for measure in measures if measure.level == level]
        if not level_measures or not answered:
            continue
        level_qrels = {qid: _grades(grades, by_document=level == "doc") for qid, grades in answered.items()}
        ranked = {qid: _descending(run[qid], by_document=level == "doc") for qid in answered if run.get(qid)}
        library_measures = {measure: _library_measure(measure) for measure in level_measures}
        evaluator = ir_measures.evaluator(list(set(library_measures.values())), level_qrels)
        library_values = {
            (metric.measure, metric.query_id): float(metric.value) for metric in evaluator.iter_calc(ranked)
        }
        for measure, library in library_measures.items():
            for qid in ranked:
                value = library_values[library, qid]
                scores[measure][qid] = float(value >= 1 - 1e-9) if measure.name == "all" else value
    return scores


def first_rank(relevant: Sequence[PageRef], ranked: Sequence[PageRef]) -> int | None:
    """Return the rank, from 1, of the first relevant page; None if there is none."""
    relevant_pages = set(relevant)
    return next((rank for rank, page in enumerate(ranked, start=1) if page in relevant_pages), None)


def _grades(grades: Mapping[PageRef, int], *, by_document: bool) -> dict[str, int]:
    if not by_document:
        return {page_id(page): max(0, grade) for page, grade in grades.items()}
    best: dict[str, int] = {}
    for page, grade in grades.items():
        best[page.path] = max(best.get(page.path, 0), grade)
    return best


def _descending(pages: Sequence[PageRef], *, by_document: bool) -> dict[str, float]:
    """Return scores that decrease with the rank, since trec_eval sorts by score and ignores ranks."""
    names = dict.fromkeys(page.path if by_document else page_id(page) for page in pages)
    return {name: float(len(names) - rank) for rank, name in enumerate(names)}


def _library_measure(measure: Measure) -> "ir_measures.Measure":
    kinds = {"nDCG": nDCG, "R": R, "P": P, "hit": Success, "all": R, "MRR": RR, "AP": AP}
    kind = kinds[measure.name]
    return kind if measure.k is None else kind @ measure.k
