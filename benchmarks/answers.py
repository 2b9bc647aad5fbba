"""What the extractive answerer quotes, cites and refuses on the development questions, through the engine.

    python -m benchmarks.answers [--collection C]

Foreign questions are real ones asked of every document but their own; those of documents without a text layer are left
out, since nothing of them can be read yet. Unanswerable ones are the data's own: their document is on the topic.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from api import wiring
from api.engine import Engine
from benchmarks.development_set import Question, indexed, questions, scorer
from core.types import Answer, Filters
from generate.confidence import THRESHOLD

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def main() -> None:
    """Print the tables."""
    with indexed(__doc__) as root, wiring.open_collection(root) as engine:
        readable = _readable(engine)
        asked = [one for one in questions() if one.file in readable]
        files = sorted({Path(path).name for document in engine.status().documents for path in document.paths})
        home = {one.qid: engine.ask(one.text) for one in asked}
        foreign = {
            one.qid: engine.ask(one.text, filters=Filters(paths=tuple(f for f in files if f != one.file)))
            for one in asked
            if one.answerable
        }
        _print_quality([one for one in asked if one.answerable and one.evidence], home)
        _print_refusals(asked, home, foreign)


def _readable(engine: Engine) -> set[str]:
    """Return the files that have words on some page."""
    found = set()
    for document in engine.status().documents:
        name = Path(document.paths[0]).name
        if engine.search("the a of and in page", k=1, filters=Filters(paths=(name,)), lanes=["text"]).hits:
            found.add(name)
    return found


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


def _print_refusals(asked: Sequence[Question], home: dict[str, Answer], foreign: dict[str, Answer]) -> None:
    own = [home[one.qid].confidence for one in asked if one.answerable]
    strange = [answer.confidence for answer in foreign.values()]
    unanswerable = [home[one.qid].confidence for one in asked if not one.answerable]
    judge = scorer()
    print(
        f"AUROC {len(own)} answerable against the same asked of the other documents: {judge.auroc(own, strange):.3f}; "
    )
    print(f"against {len(unanswerable)} unanswerable of their own document: {judge.auroc(own, unanswerable):.3f}\n")
    print("| threshold | foreign refused: recall | precision | answerable refused | unanswerable refused |")
    print("|---|---|---|---|---|")
    for threshold in sorted({*THRESHOLDS, THRESHOLD}):
        right = sum(sure < threshold for sure in strange)
        wrong = sum(sure < threshold for sure in own)
        cells = (right / len(strange), right / max(1, right + wrong), wrong / len(own))
        none = np.mean([sure < threshold for sure in unanswerable])
        name = f"{threshold:.2f}" + (" (shipped)" if threshold == THRESHOLD else "")
        print(f"| {name} | " + " | ".join(f"{100 * cell:.1f}" for cell in (*cells, float(none))) + " |")


if __name__ == "__main__":
    main()
