"""What the extractive answerer quotes, cites and refuses on the development questions, through the engine.

    python -m benchmarks.answers [--collection C]

Three kinds of questions must be refused, hardest first: the data's own unanswerable questions, whose document is on the
topic; answerable questions with their own document filtered out, which similar documents may partly answer; the
questions of `foreign_questions.txt`, as many as there are answerable ones, on topics of none of the documents.
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
        development_questions = questions()
        files = sorted({Path(path).name for document in engine.status().documents for path in document.paths})
        answers = {question.qid: engine.ask(question.text) for question in development_questions}
        _print_quality(
            [question for question in development_questions if question.answerable and question.evidence], answers
        )
        answerable = [question for question in development_questions if question.answerable]
        refused = {
            "unanswerable": [
                answers[question.qid].confidence for question in development_questions if not question.answerable
            ],
            "without their document": [
                engine.ask(
                    question.text, filters=Filters(paths=tuple(f for f in files if f != question.file))
                ).confidence
                for question in answerable
            ],
            "foreign": [engine.ask(line).confidence for line in FOREIGN.read_text("utf-8").splitlines()],
        }
        _print_refusals([answers[question.qid].confidence for question in answerable], refused)


def _print_quality(selected: Sequence[Question], answers: dict[str, Answer]) -> None:
    print("| answerable questions | n | answered | first citation on a gold page | any | gold answer in the quotes |")
    print("|---|---|---|---|---|---|")
    groups = {"all": selected}
    groups |= {
        name: [question for question in selected if name in question.sources]
        for name in ("text", "table", "layout", "chart")
    }
    for name, group in groups.items():
        group_answers = [answers[question.qid] for question in group]
        first = [_on_gold(question, answer, 1) for question, answer in zip(group, group_answers, strict=True)]
        anywhere = [_on_gold(question, answer, 9) for question, answer in zip(group, group_answers, strict=True)]
        quoted = [_quotes_gold(question, answer) for question, answer in zip(group, group_answers, strict=True)]
        cells = (
            np.mean([answer.found for answer in group_answers]),
            np.mean(first),
            np.mean(anywhere),
            np.mean(quoted),
        )
        print(f"| {name} | {len(group)} | " + " | ".join(f"{100 * cell:.1f}" for cell in cells) + " |")
    print()


def _on_gold(question: Question, answer: Answer, count: int) -> bool:
    cited = [(Path(citation.ref.path).name, citation.ref.number) for citation in answer.citations][:count]
    return any((question.file, page) in cited for page in question.evidence)


def _quotes_gold(question: Question, answer: Answer) -> bool:
    gold = _plain(question.answer)
    return bool(gold) and gold in _plain(" ".join(citation.quote for citation in answer.citations))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def _print_refusals(answerable: Sequence[float], refused: Mapping[str, Sequence[float]]) -> None:
    """Print, for each threshold and kind of question, how many are refused, and how many refusals are right where
    both kinds are equally many."""
    judge = scorer()
    print(f"AUROC of {len(answerable)} answerable questions against")
    for name, confidences in refused.items():
        print(f"- {len(confidences)} {name}: {judge.auroc(answerable, confidences):.3f}")
    print(f"\n| threshold | answerable refused | {' | '.join(f'{name}: recall, precision' for name in refused)} |")
    print("|---|---|" + "---|" * len(refused))
    for threshold in sorted({*THRESHOLDS, THRESHOLD}):
        wrongly_refused = float(np.mean(np.array(answerable) < threshold))
        cells = [f"{100 * wrongly_refused:.1f}"]
        for confidences in refused.values():
            rightly_refused = float(np.mean(np.array(confidences) < threshold))
            precision = rightly_refused / max(rightly_refused + wrongly_refused, 1e-9)
            cells.append(f"{100 * rightly_refused:.1f}, {100 * precision:.1f}")
        shipped = " (shipped)" if threshold == THRESHOLD else ""
        print(f"| {threshold:.2f}{shipped} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
