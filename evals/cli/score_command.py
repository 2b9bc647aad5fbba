"""The command `pagelens eval score`: puts the ranking of any system into a run's report, beside the engine's rows."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import JsonOption
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.results import as_json
from pagelens.core.errors import UsageError
from pagelens.evals.cli import console
from pagelens.evals.cli.options import DocumentsOption, FormatOption, ReportCollectionOption
from pagelens.evals.cli.run_collection import engine_for
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.datasets.registry import open_dataset
from pagelens.evals.report.writing import write_reports
from pagelens.evals.runs.environment import fingerprint, machine, sources_digest, versions
from pagelens.evals.runs.other_systems import match_rankings, read_rankings
from pagelens.evals.runs.plan import SCOPES, Plan, scopes_of
from pagelens.evals.runs.run_folder import MANIFEST, Run, RunFolder, dataset_entry, read_run_folder


def score(
    ranking: Annotated[Path, typer.Argument(metavar="RUN", help="Any system's ranking: a TREC run, or JSON lines.")],
    questions: Annotated[Path, typer.Argument(help="A data set, or the folder of a run, which gets the rows.")],
    name: Annotated[str | None, typer.Option(help="The system's name; the file's if left out.")] = None,
    scope: Annotated[
        str, typer.Option(help="Of lines that do not say what was searched: whole, or within the question's document.")
    ] = "whole",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Of a data set: the run's folder, new or to be added to.")
    ] = None,
    collection: ReportCollectionOption = None,
    dataset_format: FormatOption = None,
    documents: DocumentsOption = None,
    json_output: JsonOption = False,
) -> int:
    """Score the ranking of any system in the report of a run, with intervals over documents."""
    if scope not in SCOPES:
        raise UsageError(f"expected --scope among {', '.join(SCOPES)}, found {scope!r}")
    rankings = read_rankings(ranking, system=name or ranking.stem, scope=scope)
    run = _open_run(questions, out, dataset_format, documents)
    depth = run.manifest["configuration"]["plan"]["depth"]
    records, notices = match_rankings(rankings, run.data, depth=depth)
    for notice in notices:
        terminal.err.print(f"note: {printable(notice)}", markup=False, soft_wrap=True)
    if not records:
        raise UsageError(f"expected {ranking} to rank pages for questions of {questions}, found none that it does")
    source = {
        "file": ranking.name,
        "sha256": hashlib.sha256(ranking.read_bytes()).hexdigest(),
        "notices": list(notices),
    }
    RunFolder(run.folder).add_rankings(records, {record.system: source for record in records})
    run = read_run_folder(run.folder)
    summary, page = write_reports(run, engine_for(run, collection))
    if json_output:
        print(json.dumps(as_json(summary), ensure_ascii=False, indent=2))
        return 0
    console.print_summary(summary, intervals=True)
    terminal.out.print(f"report   {printable(str(page))}", markup=False, soft_wrap=True)
    return 0


def _open_run(questions: Path, out: Path | None, dataset_format: str | None, documents: Path | None) -> Run:
    """Return the run that gets the rows: the one at `questions`, or one of that data set, begun where there is none.

    Raises UsageError if `out` holds a run of other questions.
    """
    if (questions / MANIFEST).exists():
        if out is not None:
            raise UsageError(f"expected no --out where rows go into a run, {questions}; found {out}")
        return read_run_folder(questions)
    data = open_dataset(questions, dataset_format=dataset_format, documents=documents)
    console.print_notices(data)
    folder = out or Path("eval-runs") / f"{data.name.replace('/', '_')}-scored"
    if not (folder / MANIFEST).exists():
        RunFolder(folder).start(_manifest(data), data)
    run = read_run_folder(folder)
    if run.manifest["configuration"]["dataset"] != data.digest:
        raise UsageError(f"expected a run of the questions of {questions} at {folder}, found others: --out elsewhere")
    return run


def _manifest(data: DataSet) -> dict[str, Any]:
    """Return the manifest of a run that holds rankings of other systems only."""
    configuration = {
        "dataset": data.digest,
        "documents": [],
        "profile": "none",
        "models": {},
        "sources": sources_digest(),
        "versions": versions(),
        "plan": Plan({}, scopes_of(data)).as_json(),
    }
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "format": 1,
        "fingerprint": fingerprint(configuration),
        "dataset": dataset_entry(data),
        "missing_documents": [],
        "collection": None,
        "configuration": configuration,
        "machine": machine(),
        "versions": versions(),
        "started": now,
        "finished": now,
        "seconds": 0.0,
    }
