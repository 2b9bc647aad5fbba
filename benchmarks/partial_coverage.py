"""How pages without vectors are ranked beside others while vectors are still made (`pagelens index --first words`).

    python -m benchmarks.partial_coverage --collection C [--states 12]

In each of several random states half of the development documents have no vectors yet. For each share of trust
(`pagelens.retrieve.fusion.TRUST`): the measures over all states, the same of questions whose document has vectors and
of those whose document lacks them, and the share of the pages among the first five that lack vectors, where half would
be neither preferred nor lost. Below: the trust that is best without a tenth of the documents, and what it gives there.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.development_set import PageId, Question, questions, score_each
from benchmarks.retrieval import shipped_lanes
from pagelens.api.engine import wiring
from pagelens.core.keys import document_of, number_of
from pagelens.core.types import Query, Ranking
from pagelens.evals.runs.bootstrap import mean_interval
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve import fusion
from pagelens.retrieve.lanes import Lane, rank_lanes
from pagelens.retrieve.query_language import parse_query
from pagelens.retrieve.search import MIN_DEPTH

TRUSTS = (0.0, 0.25, 0.5, 0.625, 0.75, 0.875, 1.0)
LANES = ("words", "text", "page")
FIRST = 5  # pages whose share without vectors is counted
FOLDS = 10
RANKED = 50  # pages of each ranking that are scored

Found = Mapping[str, Sequence[Ranking]]
"""Question id -> the rankings of all pages by each lane."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A question in one state."""

    file: str  # the document that it is about
    lacks: bool  # whether that has no vectors
    scores: Mapping[str, float]
    share: float  # of the first pages that have no vectors


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--states", type=int, default=12)
    arguments = parser.parse_args()
    reader = CollectionReader(arguments.collection)
    judged = [question for question in questions() if question.evidence]
    with reader.snapshot() as snapshot:
        shipped = {lane.name: lane for lane in shipped_lanes(reader.manifest, wiring.read_settings())}
        lanes = [shipped[name] for name in LANES]
        found = {question.qid: _rankings(snapshot, lanes, question) for question in judged}
        names = {key: Path(row.path).name for key, row in snapshot.documents.items()}
        pages = snapshot.tokens("page").keys
    weights = {lane.name: lane.weight for lane in lanes}
    rows: dict[float, list[Measured]] = {trust: [] for trust in TRUSTS}
    for state in range(arguments.states):
        lacking = np.random.default_rng(state).choice(sorted(names), len(names) // 2, replace=False)
        gone = pages[np.isin(document_of(pages), lacking)]
        for trust in TRUSTS:
            rows[trust] += _measured(judged, found, weights, names, gone, trust)
    print("| trust | nDCG@5 | R@5 | R@5, has vectors | R@5, lacks them | first five without |")
    print("|---|---|---|---|---|---|")
    for trust, measured in rows.items():
        cells = [
            _cell([(row.file, 100 * row.scores["nDCG@5"]) for row in measured]),
            _cell([(row.file, 100 * row.scores["R@5"]) for row in measured]),
            _cell([(row.file, 100 * row.scores["R@5"]) for row in measured if not row.lacks]),
            _cell([(row.file, 100 * row.scores["R@5"]) for row in measured if row.lacks]),
            _cell([(row.file, 100 * row.share) for row in measured]),
        ]
        print(f"| {trust} | " + " | ".join(cells) + " |")
    _print_folds(rows, sorted({question.file for question in judged}))


def _rankings(snapshot: Snapshot, lanes: Sequence[Lane], question: Question) -> Sequence[Ranking]:
    return rank_lanes(snapshot, lanes, Query(parse_query(question.text).text), snapshot.page_count, None)


def _measured(
    judged: Sequence[Question],
    found: Found,
    weights: Mapping[str, float],
    names: Mapping[int, str],
    gone: NDArray[np.int64],
    trust: float,
) -> list[Measured]:
    """Return the questions as they are found where the pages `gone` have no vectors."""
    missing = set(gone.tolist())
    lacking = {"words": np.zeros(0, np.int64), "text": gone, "page": gone}
    run: dict[str, list[PageId]] = {}
    shares: dict[str, float] = {}
    fusion.TRUST = trust
    for question in judged:
        rankings = [
            Ranking(
                ranking.lane,
                [hit for hit in ranking.hits if ranking.lane == "words" or hit.page not in missing][:MIN_DEPTH],
            )
            for ranking in found[question.qid]
        ]
        hits = fusion.reciprocal_rank_fusion(rankings, weights=weights, scaled=True, lacking=lacking)
        run[question.qid] = [(names[document_of(hit.page)], number_of(hit.page)) for hit in hits[:RANKED]]
        shares[question.qid] = sum(hit.page in missing for hit in hits[:FIRST]) / FIRST
    scores = score_each(run, within=False)
    without = {names[document_of(page)] for page in missing}
    return [Measured(q.file, q.file in without, scores[q.qid], shares[q.qid]) for q in judged if q.qid in scores]


def _cell(values: Sequence[tuple[str, float]]) -> str:
    interval = mean_interval([value for _, value in values], [file for file, _ in values])
    return f"{interval.mean:.1f} ({interval.low:.1f} to {interval.high:.1f})"


def _print_folds(rows: Mapping[float, Sequence[Measured]], files: Sequence[str]) -> None:
    """Print the best trust without each tenth of the documents, and nDCG@5 on that tenth against no trust."""
    chosen, gains = [], []
    for fold in (set(files[start::FOLDS]) for start in range(FOLDS)):
        sums = {
            trust: sum(row.scores["nDCG@5"] for row in measured if row.file not in fold)
            for trust, measured in rows.items()
        }
        best = max(sums, key=lambda trust: sums[trust])
        chosen.append(best)
        gains += [
            (new.file, 100 * (new.scores["nDCG@5"] - old.scores["nDCG@5"]))
            for new, old in zip(rows[best], rows[0.0], strict=True)
            if new.file in fold
        ]
    print(f"\nchosen without each tenth: {chosen}; nDCG@5 there against no trust: {_cell(gains)}")


if __name__ == "__main__":
    main()
