"""Quick, normal and thorough searches on two-part questions and on the development questions: quality and cost.

    python -m benchmarks.depth [--collection C]

`two_part_questions.jsonl` has 30 questions of our own over the development documents. Each needs two pages, one for
each of its parts, some in two documents. all@5: both parts have one of their pages among the first five. They were
written before the rules that split questions were tried, by the same hand. Development questions with evidence on two
pages are a check by others' questions; nDCG@5 of all of them shows what thoroughness costs where there is one part.
CPU-ms: of the search alone, each question after a first run that fills caches.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, get_args

import numpy as np

from benchmarks.development_set import PageId, indexed, questions, score
from benchmarks.retrieval import shipped_lanes
from pagelens.api.engine import wiring
from pagelens.core.types import Depth, Filters, Query
from pagelens.evals.runs.bootstrap import mean_interval
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve.depth import DepthOptions, search_at_depth
from pagelens.retrieve.query_language import narrowed, parse_query
from pagelens.retrieve.search import Retriever

T = TypeVar("T")

FILE = Path(__file__).with_name("two_part_questions.jsonl")
FIRST = 5
RANKED = 50  # pages of each ranking that are scored


@dataclass(frozen=True, slots=True)
class TwoPartQuestion:
    """A question and, for each of its parts, the pages any of which answers it."""

    qid: str
    text: str
    parts: Sequence[frozenset[PageId]]


def main() -> None:
    """Search for every question at each depth, and print the table."""
    with indexed(__doc__) as root:
        reader = CollectionReader(root)
        with reader.snapshot() as snapshot:
            retriever = Retriever(shipped_lanes(reader.manifest, wiring.read_settings()), analyze)
            _print_table(snapshot, retriever)


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


def _print_table(snapshot: Snapshot, retriever: Retriever) -> None:
    ours, judged = two_part_questions(), [question for question in questions() if question.evidence]
    two_pages = [question for question in judged if len(question.evidence) == 2]
    print(
        f"{len(ours)} two-part questions, {len(judged)} development questions, {len(two_pages)} of these on two pages"
    )
    print("| depth | two-part: all@5 | on two pages: all@5 | all: nDCG@5 | CPU-ms p50 | p95 | searches |")
    print("|---|---|---|---|---|---|---|")
    before: dict[str, list[float]] = {}
    for depth in get_args(Depth):
        texts = {q.qid: q.text for q in ours} | {q.qid: q.text for q in judged}
        runs, spent, searches = _run(snapshot, retriever, depth, texts)
        values: dict[str, list[float]] = {
            "two-part": [answered(q.parts, runs[q.qid]) for q in ours],
            "on two pages": [
                answered([frozenset([(q.file, page)]) for page in q.evidence], runs[q.qid]) for q in two_pages
            ],
        }
        ndcg = score({q.qid: runs[q.qid] for q in judged}, within=False)["nDCG@5"]
        cells = [f"{100 * np.mean(column):.1f}" for column in values.values()]
        half, most = np.quantile(spent, (0.5, 0.95))
        print(f"| {depth} | {' | '.join(cells)} | {ndcg:.1f} | {half:.0f} | {most:.0f} | {np.mean(searches):.1f} |")
        _print_gains(values, before, {"two-part": None, "on two pages": [q.file for q in two_pages]})
        before = before or values
        if depth == "thorough":
            for question, value in zip(ours, values["two-part"], strict=True):
                if not value:
                    print(f"  not found: {question.text} {runs[question.qid][:FIRST]}")


def _print_gains(
    values: Mapping[str, Sequence[float]],
    before: Mapping[str, Sequence[float]],
    groups: Mapping[str, Sequence[str] | None],
) -> None:
    for name, column in values.items() if before else ():
        gain = mean_interval([100 * (new - old) for new, old in zip(column, before[name], strict=True)], groups[name])
        print(f"  {name}, gain over quick: {gain.mean:+.1f} ({gain.low:+.1f} to {gain.high:+.1f})")


def _run(
    snapshot: Snapshot, retriever: Retriever, depth: Depth, texts: Mapping[str, str]
) -> tuple[dict[str, list[PageId]], list[float], list[int]]:
    """Return the pages found for each question, CPU-ms of each search, and its number of searches."""
    names = {key: Path(row.path).name for key, row in snapshot.documents.items()}
    runs: dict[str, list[PageId]] = {}
    spent, searches = [], []
    for qid, text in texts.items():
        understood = parse_query(text)
        query = Query(understood.text, conditions=understood.conditions)
        options = DepthOptions(filters=narrowed(Filters(), understood))

        def search(query: Query = query, options: DepthOptions = options) -> tuple[list[tuple[int, int]], int]:
            found = search_at_depth(snapshot, retriever, query, depth, k=RANKED, options=options)
            return [(hit.page >> 20, hit.page & ((1 << 20) - 1)) for hit in found.hits], max(1, len(found.steps))

        search()
        (pages, count), milliseconds = _timed(search)
        runs[qid] = [(names[document], number) for document, number in pages]
        spent.append(milliseconds)
        searches.append(count)
    return runs, spent, searches


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    result = work()
    return result, 1_000 * (time.process_time() - began)


if __name__ == "__main__":
    main()
