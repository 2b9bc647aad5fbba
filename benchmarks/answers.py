"""What the extractive answerer quotes, cites and refuses on the development questions, through the engine.

    python -m benchmarks.answers [--collection C]

What must be refused, hardest first: the data's own unanswerable questions, whose document is on the topic; real
questions asked of every document but their own, of which sister documents may know something; the questions of
`foreign_questions.txt`, as many as there are answerable ones, about what none of the documents is about.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.development_set import Question, indexed, questions, scorer
from pagelens.api.engine import wiring
from pagelens.core.types import Answer, Filters
from pagelens.generate.extractive.confidence import THRESHOLD

FOREIGN = Path(__file__).with_name("foreign_questions.txt")
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def main() -> None:
    """Print the tables."""
    with indexed(__doc__) as root, wiring.open_collection(root) as engine:
        asked = questions()
        files = sorted({Path(path).name for document in engine.status().documents for path in document.paths})
        home = {one.qid: engine.ask(one.text) for one in asked}
        _print_quality([one for one in asked if one.answerable and one.evidence], home)
        answerable = [one for one in asked if one.answerable]
        refused = {
            "unanswerable": [home[one.qid].confidence for one in asked if not one.answerable],
            "without their document": [
                engine.ask(one.text, filters=Filters(paths=tuple(f for f in files if f != one.file))).confidence
                for one in answerable
            ],
            "foreign": [engine.ask(line).confidence for line in FOREIGN.read_text("utf-8").splitlines()],
        }
        _print_refusals([home[one.qid].confidence for one in answerable], refused)


def _print_quality(asked: Sequence[Question], answers: dict[str, Answer]) -> None:
    print("| answerable questions | n | answered | first citation on a gold page | any | gold answer in the quotes |")
    print("|---|---|---|---|---|---|")
    groups = {"all": asked}
    groups |= {name: [one for one in asked if name in one.sources] for name in ("text", "table", "layout", "chart")}
    for name, group in groups.items():
        found = [answers[one.qid] for one in group]
        first = [_on_gold(one, answer, 1) for one, answer in zip(group, found, strict=True)]
        anywhere = [_on_gold(one, answer, 9) for one, answer in zip(group, found, strict=True)]
        quoted = [_quotes_gold(one, answer) for one, answer in zip(group, found, strict=True)]
        cells = (np.mean([answer.found for answer in found]), np.mean(first), np.mean(anywhere), np.mean(quoted))
        print(f"| {name} | {len(group)} | " + " | ".join(f"{100 * cell:.1f}" for cell in cells) + " |")
    print()


def _on_gold(question: Question, answer: Answer, count: int) -> bool:
    cited = [(Path(one.ref.path).name, one.ref.number) for one in answer.citations][:count]
    return any((question.file, page) in cited for page in question.evidence)


def _quotes_gold(question: Question, answer: Answer) -> bool:
    wanted = _plain(question.answer)
    return bool(wanted) and wanted in _plain(" ".join(one.quote for one in answer.citations))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def _print_refusals(own: Sequence[float], refused: Mapping[str, Sequence[float]]) -> None:
    """Print, for each threshold and kind of question, how many are refused, and how many refusals are right where
    both kinds are equally many."""
    judge = scorer()
    print(f"AUROC of {len(own)} answerable questions against")
    for name, sures in refused.items():
        print(f"- {len(sures)} {name}: {judge.auroc(own, sures):.3f}")
    print(f"\n| threshold | answerable refused | {' | '.join(f'{name}: recall, precision' for name in refused)} |")
    print("|---|---|" + "---|" * len(refused))
    for threshold in sorted({*THRESHOLDS, THRESHOLD}):
        wrong = float(np.mean(np.array(own) < threshold))
        cells = [f"{100 * wrong:.1f}"]
        for sures in refused.values():
            right = float(np.mean(np.array(sures) < threshold))
            cells.append(f"{100 * right:.1f}, {100 * right / max(right + wrong, 1e-9):.1f}")
        shipped = " (shipped)" if threshold == THRESHOLD else ""
        print(f"| {threshold:.2f}{shipped} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
