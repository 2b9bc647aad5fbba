"""Fits the builtin reranker's weights on the development questions, and measures what they give on unseen documents.

    python -m benchmarks.train_reranker [--collection C]     (rewrites retrieve/reranking/builtin_weights.json)

Each question is searched for in the whole collection and in its own document, as `benchmarks.retrieval` does, and the
candidates are recorded; the fit is that of `pagelens.evals.tuning.listwise`. Ten folds of documents: the figures of a
question are those of the weights that were fitted without its document. The weights of the package are fitted on all.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.development_set import PageId, Question, Run, indexed, questions
from benchmarks.retrieval import WITHIN_AND_WHOLE, cross_validated_run, gains, search, shipped_lanes
from pagelens.api.engine import wiring
from pagelens.core.keys import document_of, number_of
from pagelens.core.types import RerankCandidate
from pagelens.evals.tuning.listwise import fit_weights
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve.reranking.builtin import WEIGHTS_FILE
from pagelens.retrieve.reranking.features import FEATURES, feature_matrix
from pagelens.retrieve.search import Retriever

FOLDS = 10
SEED = 0


@dataclass(frozen=True, slots=True)
class Example:
    """The candidates of a query: their features, and which of them answer it."""

    file: str  # the document that the question is about
    features: NDArray[np.float64]  # (n_candidates, n_features)
    relevant: NDArray[np.bool_]  # (n_candidates,)


class _Recorder:
    """A reranker that leaves the order as it is, and keeps the candidates' features."""

    name = "recorder"
    cost = ""

    def __init__(self) -> None:
        self.pages: list[int] = []
        self.features = np.zeros((0, len(FEATURES)))

    def scores(
        self, query: str, candidates: Sequence[RerankCandidate], idf: Mapping[str, float]
    ) -> NDArray[np.float64]:
        del query
        self.pages = [candidate.page for candidate in candidates]
        self.features = feature_matrix(candidates, idf)
        return -np.arange(len(candidates), dtype=np.float64)


def main() -> None:
    """Fit, measure and write the weights."""
    with indexed(__doc__) as root:
        judged = [question for question in questions() if question.evidence]
        reader = CollectionReader(root)
        lanes = shipped_lanes(reader.manifest, wiring.read_settings())
        with reader.snapshot() as snapshot:
            recorder = _Recorder()
            retriever = Retriever(lanes, analyze, reranker=recorder, reranks=True)
            fused: dict[bool, Run] = {}
            examples: list[Example] = []
            for within in WITHIN_AND_WHOLE:
                run: dict[str, Sequence[PageId]] = {}
                for question in judged:
                    run[question.qid] = search(snapshot, retriever, question, within=within)
                    examples.append(_example(snapshot, question, recorder))
                fused[within] = run
            folds = fit_folds(examples)
            reranked = {
                within: cross_validated_run(snapshot, retriever, judged, folds, within=within)
                for within in WITHIN_AND_WHOLE
            }
        figures = {
            "within" if within else "whole": gains(judged, fused[within], reranked[within], within=within)
            for within in WITHIN_AND_WHOLE
        }
        content = {
            "recipe": "python -m benchmarks.train_reranker",
            "questions": len(judged),
            "weights": fit(examples),
            "cross_validated": figures,
            "folds": folds,
        }
        WEIGHTS_FILE.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        print(json.dumps(figures, indent=1))


def fit(examples: Iterable[Example]) -> dict[str, float]:
    """Return the weight of each feature: see `fit_weights`."""
    return fit_weights([(example.features, example.relevant) for example in examples], FEATURES)


def fit_folds(examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Return for each fold its documents, and the weights that were fitted without them."""
    files = sorted({example.file for example in examples})
    shuffled = [files[row] for row in np.random.default_rng(SEED).permutation(len(files))]
    folds = []
    for held_out in filter(None, (sorted(shuffled[start::FOLDS]) for start in range(FOLDS))):
        training = [example for example in examples if example.file not in held_out]
        assert not {example.file for example in training} & set(held_out)
        folds.append({"documents": held_out, "weights": fit(training)})
    return folds


def _example(snapshot: Snapshot, question: Question, recorder: _Recorder) -> Example:
    files = {key: row.path.rpartition("/")[2] for key, row in snapshot.documents.items()}
    relevant = [
        files[document_of(page)] == question.file and number_of(page) in question.evidence for page in recorder.pages
    ]
    example = Example(question.file, recorder.features, np.array(relevant, np.bool_))
    recorder.pages, recorder.features = [], np.zeros((0, len(FEATURES)))
    return example


if __name__ == "__main__":
    main()
