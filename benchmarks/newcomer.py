"""What is said to ten questions that a newcomer asks of the development documents.

    python -m benchmarks.newcomer --collection C

Eight can be answered, each with the words that a right answer quotes and their pages; for two nothing is there (a
person, a year). Asked over the whole set.
"""

import argparse
import json
from pathlib import Path

import pagelens
from benchmarks.answer_grading import state_of
from benchmarks.development_set import require_data
from pagelens.core.types import Answer
from pagelens.evals.measures.text_overlap import contains

DATA = Path(__file__).with_name("data") / "newcomer_questions.jsonl"


def is_right(answer: Answer, expected: str | None, file: str, pages: list[int]) -> bool:
    """Return whether an answer quotes the expected words from one of the pages; or, for None, is not shown as one."""
    if expected is None:
        return state_of(answer) != "answer"
    cited = [citation for citation in answer.citations if Path(citation.ref.path).name == file]
    quotes = [citation.quote for citation in cited if citation.ref.number in pages]
    return state_of(answer) == "answer" and bool(contains([expected], quotes))


def main() -> None:
    """Ask and print."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True, help="holds the development documents")
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
    right = 0
    with pagelens.open(arguments.collection) as engine:
        for number, row in enumerate(rows, start=1):
            question = row.pop("question")
            answer = engine.ask(question)
            good = is_right(answer, **row)
            right += good
            pages = ", ".join(f"{Path(item.ref.path).name} p.{item.ref.number}" for item in answer.citations)
            print(f"{number}. {question} (expected: {row['expected'] or 'not there'}) {'right' if good else 'WRONG'}")
            print(f"   {state_of(answer)}, confidence {answer.confidence:.2f}: {answer.text}\n   {pages}\n")
    print(f"{right} of {len(rows)} right")


if __name__ == "__main__":
    main()
