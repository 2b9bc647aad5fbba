"""Questions about many documents: whether exactly the right ones are listed, and said to be complete where they are.

    python -m benchmarks.counting --collection DIR

`counting_questions.jsonl` holds 20 questions over the development documents with the files that meet them: found by
regular expressions in the text that MuPDF extracts, and Tesseract's on pages without any, differences looked at on
the pages; those of a year by looking at the first pages. No model answers. Told completeness is true if the counts add
up to the documents there are, and nothing that meets the question is left out of those said to be looked at whole.
"""

import json
from pathlib import Path

import pagelens
from benchmarks.development_set import indexed

QUESTIONS = Path(__file__).with_name("counting_questions.jsonl")


def main() -> None:
    """Print each question that is not answered exactly, and the means."""
    with indexed(__doc__) as root, pagelens.open(root, llm="extractive") as engine:
        items = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
        exact, true, precisions, recalls = 0, 0, [], []
        for item in items:
            answer, expected = engine.ask(item["question"]), set(item["documents"])
            assert answer.documents is not None, item["question"]
            found = {Path(row.path).name for row in answer.documents.rows}
            coverage = answer.documents.coverage
            exact += found == expected
            precisions.append(len(found & expected) / len(found) if found else float(not expected))
            recalls.append(len(found & expected) / len(expected) if expected else 1.0)
            adds_up = coverage.documents == coverage.whole + coverage.by_search
            true += adds_up and (coverage.by_search > 0 or expected <= found)
            if found != expected:
                print(f"{item['question']}\n  missing {sorted(expected - found)}\n  further {sorted(found - expected)}")
    total = len(items)
    print(f"exact set {exact} of {total}; stated completeness true {true} of {total}")
    print(f"rows: precision {sum(precisions) / total:.3f}, recall {sum(recalls) / total:.3f}")


if __name__ == "__main__":
    main()
