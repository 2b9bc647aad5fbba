"""Quick, normal and thorough searches on two-part questions and on the development questions: quality and cost.

    python -m benchmarks.depth [--collection C]

`two_part_questions.jsonl` has 30 questions of our own over the development documents. Each needs two pages, one for
each of its parts, some in two documents. all@5: both parts have one of their pages among the first five. They were
written before the rules that split questions were tried, by the same hand. Development questions with evidence on two
pages are a check by others' questions. R@5 and nDCG@5 are of all development questions over the whole collection.

Reranked rows score each question by weights that were fitted without its document. CPU-ms: of a search as a first
caller pays for it, with the encoding of the question and of its parts; one search before it loads the models.
The picture of the table is written to docs/pictures/depth.svg.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks.depth_picture import Point, draw
from benchmarks.development_set import PageId, indexed, questions, score_each
from benchmarks.retrieval import shipped_lanes
from pagelens.api.engine import wiring
from pagelens.core.types import Depth, Filters, Query
from pagelens.evals.runs.bootstrap import Interval, mean_interval
from pagelens.index.layout import Manifest
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve.depth import DepthOptions, search_at_depth
from pagelens.retrieve.query_language import narrowed, parse_query
from pagelens.retrieve.reranking.builtin import BuiltinReranker, read_weights_file
from pagelens.retrieve.search import Retriever

T = TypeVar("T")

FILE = Path(__file__).with_name("two_part_questions.jsonl")
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "depth.svg"
FIRST = 5
RANKED = 50  # pages of each ranking that are scored
ROWS: Mapping[str, tuple[Depth, bool]] = {  # depth, and whether the builtin reranker is on
    "quick": ("quick", False),
    "normal": ("normal", False),
    "normal, reranked": ("normal", True),
    "thorough": ("thorough", False),
    "thorough, reranked": ("thorough", True),
}


@dataclass(frozen=True, slots=True)
class TwoPartQuestion:
    """A question and, for each of its parts, the pages any of which answers it."""

    qid: str
    text: str
    parts: Sequence[frozenset[PageId]]


@dataclass(frozen=True, slots=True)
class SearchedQuestion:
    """A question as it is searched for, and the document that the reranker's weights must not know."""

    text: str
    file: str


def main() -> None:
    """Search for every question at each depth, print the table and draw it."""
    with indexed(__doc__) as root:
        reader = CollectionReader(root)
        with reader.snapshot() as snapshot:
            draw(PICTURE, _print_table(snapshot, reader.manifest))


def two_part_questions() -> list[TwoPartQuestion]:
    """Return the questions of the file."""
    rows = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
    return [
        TwoPartQuestion(
            row["qid"],
            row["question"],
            [frozenset((part["doc"], page) for page in part["pages"]) for part in row["parts"]],
        )
        for row in rows
    ]


def answered(parts: Sequence[frozenset[PageId]], pages: Sequence[PageId]) -> float:
    """Return 1 if each part has one of its pages among the first `FIRST`, else 0."""
    return float(all(part & set(pages[:FIRST]) for part in parts))


def _print_table(snapshot: Snapshot, manifest: Manifest) -> list[Point]:
    """Print a row for each depth, below it what it gains over the first; return the points of the picture."""
    ours, judged = two_part_questions(), [question for question in questions() if question.evidence]
    two_pages = [question for question in judged if len(question.evidence) == 2]
    searched = {q.qid: SearchedQuestion(q.text, next(iter(q.parts[0]))[0]) for q in ours}
    searched |= {q.qid: SearchedQuestion(q.text, q.file) for q in judged}
    print(
        f"{len(ours)} two-part questions, {len(judged)} development questions, {len(two_pages)} of these on two pages; "
        "percent, in brackets 95% intervals over documents\n"
    )
    print("| depth | two-part: all@5 | on two pages: all@5 | all: R@5 | all: nDCG@5 | CPU-ms p50 | p95 | searches |")
    print("|---|---|---|---|---|---|---|---|")
    before: dict[str, list[float]] = {}
    points, gains = [], []
    for name, (depth, reranks) in ROWS.items():
        runs, spent, searches = _run(snapshot, manifest, depth, searched, reranks=reranks)
        found = score_each({q.qid: runs[q.qid] for q in judged}, within=False)
        values: dict[str, list[float]] = {
            "two-part": [answered(q.parts, runs[q.qid]) for q in ours],
            "on two pages": [
                answered([frozenset([(q.file, page)]) for page in q.evidence], runs[q.qid]) for q in two_pages
            ],
            "R@5": [found[q.qid]["R@5"] for q in judged],
            "nDCG@5": [found[q.qid]["nDCG@5"] for q in judged],
        }
        units = {
            "two-part": [searched[q.qid].file for q in ours],
            "on two pages": [q.file for q in two_pages],
            "R@5": [q.file for q in judged],
            "nDCG@5": [q.file for q in judged],
        }
        intervals = {key: mean_interval(column, units[key]) for key, column in values.items()}
        half, most = (float(value) for value in np.quantile(spent, (0.5, 0.95)))
        cells = " | ".join(map(_percent, intervals.values()))
        print(f"| {name} | {cells} | {half:.0f} | {most:.0f} | {np.mean(searches):.1f} |", flush=True)
        points.append(
            Point(
                name=name,
                half=half,
                most=most,
                ndcg=intervals["nDCG@5"].mean,
                two_part=intervals["two-part"].mean,
            )
        )
        for key, column in values.items() if before else ():
            gain = mean_interval([new - old for new, old in zip(column, before[key], strict=True)], units[key])
            gains.append(f"{name}, {key}: {100 * gain.mean:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})")
        before = before or values
    print("\nGains over quick:\n\n" + "\n".join(gains), flush=True)
    return points


def _percent(interval: Interval) -> str:
    return f"{100 * interval.mean:.1f} ({100 * interval.low:.0f} to {100 * interval.high:.0f})"


def _run(
    snapshot: Snapshot, manifest: Manifest, depth: Depth, searched: Mapping[str, SearchedQuestion], *, reranks: bool
) -> tuple[dict[str, list[PageId]], list[float], list[int]]:
    """Return the pages found for each question, CPU-ms of each search, and its number of searches."""
    names = {key: Path(row.path).name for key, row in snapshot.documents.items()}
    plain = Retriever(shipped_lanes(manifest, wiring.read_settings()), analyze)  # its caches of queries are empty
    retrievers = _reranking(plain) if reranks else {}
    runs: dict[str, list[PageId]] = {}
    spent, searches = [], []

    def search(question: SearchedQuestion) -> tuple[list[PageId], int]:
        understood = parse_query(question.text)
        query = Query(understood.text, conditions=understood.conditions)
        options = DepthOptions(filters=narrowed(Filters(), understood))
        retriever = retrievers.get(question.file, plain)
        found = search_at_depth(snapshot, retriever, query, depth, k=RANKED, options=options)
        pages = [(names[hit.page >> 20], hit.page & ((1 << 20) - 1)) for hit in found.hits]
        return pages, max(1, len(found.steps))

    search(SearchedQuestion("What is on the first page?", next(iter(searched.values())).file))
    for qid, question in searched.items():
        (runs[qid], count), milliseconds = _timed(partial(search, question))
        spent.append(milliseconds)
        searches.append(count)
    return runs, spent, searches


def _reranking(retriever: Retriever) -> dict[str, Retriever]:
    """Return for each document a retriever whose reranker was fitted without it."""
    return {
        document: of_fold
        for fold in read_weights_file()["folds"]
        for of_fold in [retriever.with_reranker(BuiltinReranker(fold["weights"]))]
        for document in fold["documents"]
    }


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    result = work()
    return result, 1_000 * (time.process_time() - began)


if __name__ == "__main__":
    main()
