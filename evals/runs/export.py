"""Exports runs for other tools: qrels and run files for trec_eval, JSON for ranx."""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import page_id
from pagelens.evals.runs.run_folder import Run
from pagelens.evals.runs.systems import file_name_part
from pagelens.evals.runs.trec_run import strictly_decreasing

EXPORTS = ("trec_eval", "ranx")


def export_run(run: Run, out: Path, export_format: str) -> list[Path]:
    """Write a run's rankings and grades; return the files. Raises UsageError for an unknown format.

    trec_eval splits lines at blanks, so questions and pages are percent-encoded for it ("annual%20report.pdf#3"). The
    JSON for ranx has them unchanged: `Qrels.from_file(..., kind="json")`, `ranx.Run.from_file(..., kind="json")`.
    """
    if export_format not in EXPORTS:
        raise UsageError(f"expected a format among {', '.join(EXPORTS)}, found {export_format!r}")
    out.mkdir(parents=True, exist_ok=True)
    write = _trec_eval if export_format == "trec_eval" else _ranx
    return write(run, out)


def _trec_eval(run: Run, out: Path) -> list[Path]:
    graded = out / "qrels.txt"
    rows = [
        f"{_plain(qid)} 0 {_plain(page_id(page))} {grade}\n"
        for qid, pages in run.data.qrels.items()
        for page, grade in pages.items()
    ]
    graded.write_text("".join(rows), "utf-8")
    files = [graded]
    for (scope, system), records in run.searches.items():
        lines = []
        for qid, record in records.items():
            for rank, (page, score) in enumerate(_scored(record.ranked, record.scores), start=1):
                lines.append(f"{_plain(qid)} Q0 {_plain(page_id(page))} {rank} {score!r} pagelens-{system}\n")
        files.append(out / f"{scope}.{file_name_part(system)}.run")
        files[-1].write_text("".join(lines), "utf-8")
    return files


def _ranx(run: Run, out: Path) -> list[Path]:
    grades = {qid: {page_id(page): grade for page, grade in pages.items()} for qid, pages in run.data.qrels.items()}
    files = [_write(out / "qrels.json", grades)]
    for (scope, system), records in run.searches.items():
        ranked = {
            qid: {page_id(page): score for page, score in _scored(record.ranked, record.scores)}
            for qid, record in records.items()
        }
        files.append(_write(out / f"{scope}.{file_name_part(system)}.json", ranked))
    return files


def _scored(pages: Sequence[PageRef], scores: Sequence[float]) -> list[tuple[PageRef, float]]:
    return list(zip(pages, strictly_decreasing(scores), strict=True))


def _plain(identifier: str) -> str:
    return quote(identifier, safe="#/._-+,():<>")


def _write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    return path
