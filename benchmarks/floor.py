"""Which results are said to be weak: on the development questions, on other subjects, on nonsense, in other languages.

    python -m benchmarks.floor [--collection C]

Development questions are never weak, answerable or not: their documents are about the subject. The interval is a
bootstrap over documents. Precision and recall are those of weak results for the questions of `foreign_questions.txt`,
`data/foreign_queries.txt` and the strings of `data/nonsense.txt` together; `data/foreign_translated.tsv` has some in
eight languages. A collection that exists is measured with the profile that it has.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.development_set import DATA, indexed, questions
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine

HERE = Path(__file__).parent
OTHERS = (HERE / "foreign_questions.txt", HERE / "data" / "foreign_queries.txt", HERE / "data" / "nonsense.txt")
LANGUAGES = ("de", "fr", "es", "pt", "ru", "ar", "zh", "ja", "para")
LANE_SETS = (None, ("words",), ("text",))
SAMPLES = 2_000


def main() -> None:
    """Print a table for each set of lanes."""
    with indexed(__doc__) as root, wiring.open_collection(root) as engine:
        for lanes in LANE_SETS:
            _print_table(engine, lanes)


def _print_table(engine: Engine, lanes: Sequence[str] | None) -> None:
    print(f"\nLanes: {', '.join(lanes) if lanes else 'all'}\n")
    print("| queries | n | weak or nothing found, percent |\n|---|---|---|")
    by_document: dict[str, list[bool]] = {}
    for question in questions():
        by_document.setdefault(question.file, []).append(_is_weak(engine, question.text, lanes))
    wrongly = [weak for group in by_document.values() for weak in group]
    low, high = _interval(list(by_document.values()))
    _print_row("development questions", wrongly, f" ({low:.1f} to {high:.1f})")
    rightly: list[bool] = []
    for file in OTHERS:
        weak = [_is_weak(engine, line, lanes) for line in file.read_text("utf-8").splitlines()]
        _print_row(file.name, weak)
        rightly += weak
    for language in LANGUAGES if lanes is None else ():
        rows = (DATA / "languages" / f"dev.{language}.jsonl").read_text("utf-8").splitlines()
        _print_row(f"dev.{language}", [_is_weak(engine, json.loads(row)["question"], lanes) for row in rows])
    for language, translated in _translated().items() if lanes is None else ():
        _print_row(f"foreign in {language}", [_is_weak(engine, query, lanes) for query in translated])
    precision = sum(rightly) / max(1, sum(rightly) + sum(wrongly))
    print(f"\nPrecision {100 * precision:.1f}, recall {100 * np.mean(rightly):.1f}", flush=True)


def _translated() -> dict[str, list[str]]:
    """Return queries on other subjects by language."""
    queries: dict[str, list[str]] = {}
    for line in (HERE / "data" / "foreign_translated.tsv").read_text("utf-8").splitlines():
        language, query = line.split("\t")
        queries.setdefault(language, []).append(query)
    return queries


def _is_weak(engine: Engine, query: str, lanes: Sequence[str] | None) -> bool:
    found = engine.search(query, k=1, lanes=lanes)
    return found.weak or not found.hits


def _print_row(name: str, weak: Iterable[bool], interval: str = "") -> None:
    answers = list(weak)
    print(f"| {name} | {len(answers)} | {100 * np.mean(answers):.1f}{interval} |", flush=True)


def _interval(groups: Sequence[Sequence[bool]]) -> tuple[float, float]:
    """Return the bootstrap's 95% interval of the mean in percent, over groups."""
    generator = np.random.default_rng(0)
    means = [
        100 * np.mean(np.concatenate([groups[row] for row in generator.integers(0, len(groups), len(groups))]))
        for _ in range(SAMPLES)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    main()
