"""Where search evidence and citations point on the page, against the gold boxes of the development questions.

    python -m benchmarks.pointing --collection C [--out RUN]

A run of `pagelens eval` over the 176 questions of `boxes.jsonl`, searched and answered within their documents.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import pagelens
from benchmarks.development_set import SET, require_data
from pagelens.evals.datasets.folder import read_folder
from pagelens.evals.report.markdown_report import pointing_table
from pagelens.evals.runs.plan import Plan
from pagelens.evals.runs.pointing_scores import pointing_figures
from pagelens.evals.runs.runner import perform_run
from pagelens.evals.runs.systems import AS_SHIPPED, FUSED


def main() -> None:
    """Print the table."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True, help="holds the development documents")
    parser.add_argument("--out", type=Path, help="folder of the run, for what each question points at")
    arguments = parser.parse_args()
    data = read_folder(SET)
    data = replace(
        data,
        questions=[question for question in data.questions if question.qid in data.gold_boxes],
        qrels={qid: pages for qid, pages in data.qrels.items() if qid in data.gold_boxes},
    )
    plan = Plan(systems={FUSED: AS_SHIPPED}, scopes=("within",), answer_scopes=("within",), depth=1)
    with tempfile.TemporaryDirectory() as scratch, pagelens.open(arguments.collection) as engine:
        run = perform_run(engine, data, plan, arguments.out or Path(scratch) / "run")
    print("\n".join(pointing_table(pointing_figures(run))))


if __name__ == "__main__":
    main()
