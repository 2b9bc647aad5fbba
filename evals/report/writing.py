"""Writes the reports of a run to its folder: report.html, report.md, scores.json, scores.jsonl."""

import json
from pathlib import Path

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.results import as_json
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.evals.report.html_report import html_report
from pagelens.evals.report.markdown_report import markdown_report
from pagelens.evals.report.summary import Summary, summarize
from pagelens.evals.report.thumbnails import BUDGET, Thumbnails
from pagelens.evals.runs.run_folder import Run, write_atomically
from pagelens.evals.runs.scoring import answer_values, ranking_values


def write_reports(run: Run, engine: Engine | None, *, budget: int = BUDGET) -> tuple[Summary, Path]:
    """Write the reports of a run, with thumbnails if there is an engine; return its figures and the HTML's path."""
    summary = summarize(run)
    names = DocumentNames.of(run.data, engine.status()) if engine else DocumentNames()
    page = run.folder / "report.html"
    write_atomically(page, html_report(run, summary, Thumbnails(engine, names, budget=budget)))
    write_atomically(run.folder / "report.md", markdown_report(summary))
    write_atomically(run.folder / "scores.json", json.dumps(as_json(summary), ensure_ascii=False, indent=1) + "\n")
    write_atomically(run.folder / "scores.jsonl", _score_lines(run))
    return summary, page


def _score_lines(run: Run) -> str:
    """Return a JSON line for each scope, system and question, with all its measures."""
    lines = []
    parts = {key: ranking_values(run, *key) for key in run.searches}
    parts |= {(scope, "answer"): answer_values(run, scope) for scope in run.answers}
    for (scope, system), values in parts.items():
        qids = list(dict.fromkeys(qid for question_values in values.values() for qid in question_values))
        for qid in qids:
            measures = {
                str(measure): round(question_values[qid], 6)
                for measure, question_values in values.items()
                if qid in question_values
            }
            row = {"qid": qid, "scope": scope, "system": system, "measures": measures}
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)
