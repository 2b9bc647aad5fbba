"""Where search evidence and citations point on the page, against the gold boxes of the development questions.

    python -m benchmarks.pointing [--collection C] [--json FILE]

Within the question's document, as a user would search it: the first hit, the evidence shown for it, and the citation
that the answer begins with. `boxes.jsonl` has gold boxes for 176 questions. Intervals (95%) are over documents.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import pagelens
from benchmarks.development_set import SET, Question, questions, require_data
from pagelens.api.engine.engine import Engine
from pagelens.core.types import Box, Filters, PageRef
from pagelens.evals.measures.pointing import NOWHERE, Pointing, point
from pagelens.evals.runs.bootstrap import mean_interval

SOURCES = ("all", "table", "chart", "figure", "text", "layout")

GoldBoxes = Mapping[int, Sequence[Box]]  # page -> boxes


@dataclass(frozen=True, slots=True, kw_only=True)
class PointedAt:
    """What a question's first hit, its evidence and the first citation point at."""

    question: Question
    page_right: bool  # the first hit is a page with a gold box
    evidence: Pointing  # of the first hit
    cited_right: bool
    citation: Pointing  # of all quotes on the page that is cited first
    answered: bool


def gold_boxes() -> dict[str, GoldBoxes]:
    """Return the gold boxes of each question by page."""
    gold: dict[str, dict[int, list[Box]]] = {}
    for line in (SET / "boxes.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        for entry in row["boxes"]:
            gold.setdefault(row["qid"], {}).setdefault(entry["page"], []).append(Box(*entry["box"]))
    return gold


def ask(engine: Engine, question: Question, path: str, gold: GoldBoxes) -> PointedAt:
    """Search and ask within the question's document."""
    filters = Filters(paths=(escape(path),))
    hits = engine.search(question.text, k=1, filters=filters).hits
    page = hits[0].ref.number if hits else 0
    answer = engine.ask(question.text, filters=filters)
    first: PageRef | None = answer.citations[0].ref if answer.citations else None
    cited = [box for citation in answer.citations if citation.ref == first for box in citation.boxes]
    return PointedAt(
        question=question,
        page_right=page in gold,
        evidence=_point([box for hit in hits for found in hit.evidence for box in found.boxes], gold.get(page)),
        cited_right=first is not None and first.number in gold,
        citation=_point(cited, gold.get(first.number) if first else None),
        answered=bool(answer.citations),
    )


def _point(found: Sequence[Box], gold: Sequence[Box] | None) -> Pointing:
    return point(found, gold) if gold else NOWHERE


def print_table(pointed: Sequence[PointedAt]) -> None:
    """Print the rows, in percent: by the kind of evidence, of search and of answers."""
    print(
        "| evidence of the first hit | n | page right | inside, of all | inside, of right pages | coverage | area F1 |"
    )
    print("|---|---|---|---|---|---|---|")
    for source, group in _groups(pointed):
        right = [item for item in group if item.page_right]
        measures = [item.evidence for item in right]
        cells = [
            _percent(group, [item.page_right for item in group]),
            _percent(group, [item.evidence.inside for item in group]),
            *_cells(right, measures),
        ]
        print(f"| {source} | {len(group)} | {' | '.join(cells)} |")
    names = "answered | page right | inside, of all | inside, of right pages | coverage | area F1"
    print(f"\n| first citation | n | {names} |")
    print("|---|---|---|---|---|---|---|---|")
    for source, group in _groups(pointed):
        right = [item for item in group if item.cited_right]
        cells = [
            _percent(group, [item.answered for item in group]),
            _percent(group, [item.cited_right for item in group]),
            _percent(group, [item.citation.inside for item in group]),
            *_cells(right, [item.citation for item in right]),
        ]
        print(f"| {source} | {len(group)} | {' | '.join(cells)} |")


def _groups(pointed: Sequence[PointedAt]) -> list[tuple[str, list[PointedAt]]]:
    return [
        (source, [item for item in pointed if source == "all" or source in item.question.sources]) for source in SOURCES
    ]


def _cells(group: Sequence[PointedAt], measured: Sequence[Pointing]) -> list[str]:
    """Return inside, coverage and F1 over right pages."""
    return [
        _percent(group, [item.inside for item in measured]),
        _percent(group, [item.coverage for item in measured]),
        _percent(group, [item.f1 for item in measured]),
    ]


def _percent(group: Sequence[PointedAt], values: Sequence[float]) -> str:
    interval = mean_interval([float(value) for value in values], [item.question.file for item in group])
    return f"{100 * interval.mean:.1f} ({100 * interval.low:.0f}-{100 * interval.high:.0f})"


def main() -> None:
    """Print the tables."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True, help="holds the development documents")
    parser.add_argument("--json", type=Path, help="file for each question's measures")
    arguments = parser.parse_args()
    gold = gold_boxes()
    with pagelens.open(arguments.collection) as engine:
        paths = {Path(path).name: path for document in engine.status().documents for path in document.paths}
        pointed = [
            ask(engine, question, paths[question.file], gold[question.qid])
            for question in questions()
            if question.qid in gold and question.file in paths
        ]
    print_table(pointed)
    if arguments.json:
        rows = {
            item.question.qid: {
                "page_right": item.page_right,
                "evidence": [item.evidence.precision, item.evidence.coverage],
                "cited_right": item.cited_right,
                "citation": [item.citation.precision, item.citation.coverage],
            }
            for item in pointed
        }
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
