"""What extractive answers to the development questions are: right, wrong, closest passages, or refusals.

    python -m benchmarks.answers --collection C [--contexts FILE] [--only KIND] [--json FILE] [--folds N]
        [--judge FOLDER]

Questions and their kinds: `benchmarks.answer_contexts`, which searches each once. Grading: `benchmarks.answer_grading`.
Trust: of what is shown as an answer, the share that holds. Intervals (95%) are over documents. `--folds` prints the
rows of each fold of documents too: whoever chooses a threshold on the other folds finds it measured there
(`answer_grading.cross_validated`). `--judge` lists the answers that the rule is not sure of and writes the pages they
cite, for the verdicts in `data/answer_verdicts.jsonl`.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.answer_contexts import KINDS, cases, load_encoder
from benchmarks.answer_grading import Outcome, folds, outcomes
from benchmarks.development_set import SET, Question, require_data
from pagelens.evals.measures.refusal import auroc
from pagelens.evals.runs.bootstrap import mean_interval
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.index.lexical.analysis import analyze
from pagelens.ingest.readers.pdf.pdf_reader import render_page

LABELS = ("right", "wrong", "closest", "refused")
BINS = np.linspace(0, 1, 11)  # of the confidence, for the reliability table
ROWS: Mapping[str, tuple[str, ...]] = {  # name -> kinds of questions
    **{kind: (kind,) for kind in KINDS},
    "ALL, whole set": ("answerable, whole set", "unanswerable, whole set"),
    "ALL, own document": ("answerable, own document", "unanswerable, own document"),
}


def main() -> None:
    """Print the tables."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True, help="holds the development documents")
    parser.add_argument("--contexts", type=Path, help="kept searches; by default beside the collection")
    parser.add_argument("--only", default="", help="kinds of questions whose name holds this: 'own document'")
    parser.add_argument("--json", type=Path, help="file for the rows and for each question's outcome")
    parser.add_argument("--folds", type=int, default=0, help="also the rows of N folds of documents")
    parser.add_argument("--judge", type=Path, help="folder for the pages of answers that a person is to judge")
    arguments = parser.parse_args()
    posed = [case for case in cases(arguments.collection, arguments.contexts) if arguments.only in case.kind]
    answerer = ExtractiveAnswerer(analyze, load_encoder(arguments.collection))
    given = outcomes(answerer, posed)
    table = summarize(given)
    print_table(table)
    print_quality(given)
    print_confidence(given)
    if arguments.folds:
        by_case = {id(outcome.case): outcome for outcome in given}
        for number, (_, held_out) in enumerate(folds(posed, arguments.folds), start=1):
            print(f"\nFold {number} of {arguments.folds}:\n")
            print_table(summarize([by_case[id(case)] for case in held_out]))
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": table, "outcomes": list(map(as_json, given))}, indent=1))
    if arguments.judge:
        judge(given, arguments.judge)


def summarize(given: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """Return the figures of each row: n, the share of each label and trust with intervals, and what is ungraded."""
    return {
        name: summary
        for name, kinds in ROWS.items()
        if (summary := _summary([outcome for outcome in given if outcome.case.kind in kinds]))
    }


def _summary(given: Sequence[Outcome]) -> dict[str, Any]:
    if not given:
        return {}
    shown = [outcome for outcome in given if outcome.state == "answer"]
    return {
        "n": len(given),
        **{label: _share(given, [outcome.label == label for outcome in given]) for label in LABELS},
        "trust": _share(shown, [outcome.holds for outcome in shown]),
        "shown": len(shown),
        "closest that holds": sum(outcome.holds for outcome in given if outcome.state == "closest"),
        "ungraded": sum(outcome.graded_by == "guess" for outcome in given),
    }


def _share(given: Sequence[Outcome], values: Sequence[bool]) -> dict[str, float]:
    interval = mean_interval([float(value) for value in values], [outcome.case.group for outcome in given])
    return {name: round(value, 4) for name, value in asdict(interval).items()}


def print_table(table: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the rows of `summarize` in percent."""
    print(f"| questions | n | {' | '.join(LABELS)} | trust: of those shown, hold | closest that holds | ungraded |")
    print("|---|---|" + "---|" * (len(LABELS) + 3))
    for name, row in table.items():
        shares = " | ".join(_cell(row[label]) for label in LABELS)
        last = f"{row['closest that holds']} | {row['ungraded']}"
        print(f"| {name} | {row['n']} | {shares} | {_cell(row['trust'])} of {row['shown']} | {last} |")
    print()


def _cell(interval: Mapping[str, float]) -> str:
    return f"{100 * interval['mean']:.1f} ({100 * interval['low']:.0f}-{100 * interval['high']:.0f})"


def print_quality(given: Sequence[Outcome]) -> None:
    """Print where answers to answerable questions point, and whether the gold answer stands in the quotes.

    Short answers stand in long quotes by chance ("3" in "2013"): so also as whole words of quotes from a gold page, and
    how many words are quoted.
    """
    print(
        "| answerable, with evidence | n | shown | first citation on a gold page | any | gold answer in the quotes |"
        " as whole words, from a gold page | words quoted |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for kind in ("answerable, whole set", "answerable, own document"):
        selected = [outcome for outcome in given if outcome.case.kind == kind and outcome.case.question.evidence]
        for source in ("all", "text", "table", "layout", "chart", "figure"):
            group = [item for item in selected if source == "all" or source in item.case.question.sources]
            if not group:
                continue
            shares = [
                _cell(_share(group, [measure(item) for item in group]))
                for measure in (_is_shown, _is_first_on_gold, _is_on_gold, quotes_gold, quotes_gold_of_its_page)
            ]
            words = np.mean([sum(len(item.quote.split()) for item in one.answer.citations) for one in group])
            print(f"| {kind}: {source} | {len(group)} | {' | '.join(shares)} | {words:.0f} |")
    print()


def _is_shown(outcome: Outcome) -> bool:
    return outcome.state != "refused"


def _is_first_on_gold(outcome: Outcome) -> bool:
    return any(is_gold for is_gold, _ in quotes_of(outcome)[:1])


def _is_on_gold(outcome: Outcome) -> bool:
    return any(is_gold for is_gold, _ in quotes_of(outcome))


def quotes_of(outcome: Outcome) -> list[tuple[bool, str]]:
    """Return the quotes, each with whether it stands on a gold page."""
    question = outcome.case.question
    return [
        (Path(item.ref.path).name == question.file and item.ref.number in question.evidence, item.quote)
        for item in outcome.answer.citations
    ]


def quotes_gold(outcome: Outcome) -> bool:
    """Return whether the words of the expected answer stand together in the quotes."""
    return has_gold(outcome.case.question, [quote for _, quote in quotes_of(outcome)])


def quotes_gold_of_its_page(outcome: Outcome) -> bool:
    """Return whether they stand there as whole words, in quotes from a gold page."""
    return has_gold_of_its_page(outcome.case.question, quotes_of(outcome))


def has_gold(question: Question, texts: Sequence[str]) -> bool:
    """Return whether the letters and digits of the expected answer stand together in texts, also within words."""
    gold = _plain(question.answer)
    return bool(gold) and gold in _plain(" ".join(texts))


def has_gold_of_its_page(question: Question, texts: Sequence[tuple[bool, str]]) -> bool:
    """Return whether the words of the expected answer stand together in those texts that are of a gold page."""
    gold = _plain(question.answer)
    return bool(gold) and f" {gold} " in f" {_plain(' '.join(text for is_gold, text in texts if is_gold))} "


def _plain(text: str) -> str:
    return " ".join("".join(char if char.isalnum() else " " for char in text.lower()).split())


def print_confidence(given: Sequence[Outcome]) -> None:
    """Print how well the confidence separates the kinds, and how often what is shown holds at each confidence."""
    of_kind = {kind: [item.answer.confidence for item in given if item.case.kind == kind] for kind in KINDS}
    print("| AUROC of the confidence, answerable against | |\n|---|---|")
    for kind in KINDS[2:]:
        against = of_kind[KINDS[1] if kind.endswith("own document") else KINDS[0]]
        area = auroc([*against, *of_kind[kind]], [True] * len(against) + [False] * len(of_kind[kind]))
        print(f"| {kind} | {area:.3f} |" if area is not None else f"| {kind} | |")
    development = [item for item in given if item.case.kind in ROWS["ALL, whole set"] and item.state != "refused"]
    print("\n| confidence | answers and closest, over the whole set | mean confidence | hold |\n|---|---|---|---|")
    for low, high in pairwise(BINS):
        group = [item for item in development if low <= item.answer.confidence < high + (high == 1)]
        if group:
            sure, held = np.mean([(item.answer.confidence, item.holds) for item in group], axis=0)
            print(f"| {low:.1f}-{high:.1f} | {len(group)} | {100 * sure:.1f} | {100 * held:.1f} |")


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as a JSON object."""
    return {
        "kind": outcome.case.kind,
        "qid": outcome.case.question.qid,
        "question": outcome.case.question.text,
        "expected": outcome.case.question.answer,
        "outcome": outcome.label,
        "holds": outcome.holds,
        "graded_by": outcome.graded_by,
        "confidence": round(outcome.answer.confidence, 4),
        "quotes": [[Path(item.ref.path).name, item.ref.number, item.quote] for item in outcome.answer.citations],
    }


def judge(given: Sequence[Outcome], folder: Path) -> None:
    """Print the answers that are to be judged, each once, and write the pages that they cite."""
    folder.mkdir(parents=True, exist_ok=True)
    printed = set()
    for outcome in given:
        key = (outcome.case.question.qid, tuple(citation.quote for citation in outcome.answer.citations))
        if outcome.graded_by != "guess" or key in printed:
            continue
        printed.add(key)
        question = outcome.case.question
        print(f"\n{question.qid} {question.text}")
        print(f"  expected: {question.answer} (p.{question.evidence} of {question.file})")
        for citation in outcome.answer.citations:
            name = Path(citation.ref.path).name
            picture = folder / f"{name}-{citation.ref.number}.png"
            if not picture.exists():
                render_page(SET / "documents" / name, citation.ref.number, longest=1200).save(picture)
            print(f"  [{citation.ref.number}] {citation.quote}\n      {picture}")


if __name__ == "__main__":
    main()
