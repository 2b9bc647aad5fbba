"""Measure a collection on questions.

The command group `pagelens eval`: run, score, compare, report, check, import, init, accept, tune, labels, objects,
extract, export.
`pagelens --help` prints the line above.

Exit codes are those of `pagelens`; further, 6: a gate did not hold.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import JsonOption
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.results import as_json
from pagelens.evals.cli import console
from pagelens.evals.cli.extraction_command import extract
from pagelens.evals.cli.options import DocumentsOption, FormatOption, ReportCollectionOption
from pagelens.evals.cli.own_questions import accept, init
from pagelens.evals.cli.photo_commands import labels, objects
from pagelens.evals.cli.run_collection import engine_for
from pagelens.evals.cli.run_command import run
from pagelens.evals.cli.score_command import score
from pagelens.evals.cli.tune_command import tune_collection
from pagelens.evals.datasets.folder import read_folder, write_folder
from pagelens.evals.datasets.registry import find_format, open_dataset
from pagelens.evals.measures.measure_names import parse_measure
from pagelens.evals.report.markdown_report import markdown_comparison
from pagelens.evals.report.writing import write_reports
from pagelens.evals.runs.comparison import compare, compared_system
from pagelens.evals.runs.export import EXPORTS, export_run
from pagelens.evals.runs.gate import parse_gate
from pagelens.evals.runs.run_folder import Run, read_run_folder
from pagelens.evals.runs.scoring import HEADLINE

GATE_FAILED = 6

app = typer.Typer(no_args_is_help=True, help="Measure a collection on questions: run, compare, report.")
app.command()(run)
app.command()(score)
app.command()(init)
app.command()(accept)
app.command(name="tune")(tune_collection)
app.command()(labels)
app.command()(objects)
app.command()(extract)


@app.command(name="compare")
def compare_runs(
    a: Annotated[str, typer.Argument(help="The run to compare with, RUN or RUN::SYSTEM.")],
    b: Annotated[str, typer.Argument(help="The run under test.")],
    measure: Annotated[
        list[str] | None, typer.Option("--measure", "-m", help="nDCG@5, doc.R@1, ...; may repeat.")
    ] = None,
    gate: Annotated[
        list[str] | None, typer.Option("--gate", help="'nDCG@5 >= A - 0.01': exit with 6 where it does not hold.")
    ] = None,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="within, whole; may repeat.")] = None,
    by_document: Annotated[
        bool, typer.Option("--by-document", help="Resample documents, not questions: wider, fairer intervals.")
    ] = False,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the comparison here too.")] = None,
    json_output: JsonOption = False,
) -> int:
    """Tell whether B is better than A, with intervals, and which questions changed."""
    measures = [parse_measure(text) for text in measure] if measure else HEADLINE
    gates = [parse_gate(text) for text in gate or ()]
    side_a, side_b = (compared_system(*_run_and_system(text)) for text in (a, b))
    comparison = compare(side_a, side_b, measures, gates=gates, scopes=scope or (), by_document=by_document)
    if markdown:
        markdown.write_text(markdown_comparison(comparison), "utf-8")
    if json_output:
        rows = [
            {
                "scope": difference.scope,
                "measure": str(difference.measure),
                "a": difference.a,
                "b": difference.b,
                "verdict": difference.verdict,
            }
            | as_json(difference.interval)
            for difference in comparison.differences
        ]
        passed = [{"gate": str(result.gate), "scope": result.scope, "held": result.held} for result in comparison.gates]
        print(
            json.dumps(
                {"differences": rows, "gates": passed, "passed": comparison.passed}, ensure_ascii=False, indent=2
            )
        )
    else:
        console.print_comparison(comparison)
    return 0 if comparison.passed else GATE_FAILED


@app.command()
def report(
    run_folder: Annotated[Path, typer.Argument(help="A run's folder.")],
    collection: ReportCollectionOption = None,
) -> int:
    """Write a run's reports again."""
    run = read_run_folder(run_folder)
    summary, page = write_reports(run, engine_for(run, collection))
    console.print_summary(summary)
    terminal.out.print(f"report   {printable(str(page))}", markup=False, soft_wrap=True)
    return 0


@app.command()
def check(dataset: Path, dataset_format: FormatOption = None, documents: DocumentsOption = None) -> int:
    """Read a data set and say what is in it, or what is wrong with it, line by line."""
    data = open_dataset(dataset, dataset_format=dataset_format, documents=documents)
    console.print_dataset(data)
    console.print_notices(data)
    return 0


@app.command(name="import")
def import_set(dataset: Path, out: Path, dataset_format: FormatOption = None, documents: DocumentsOption = None) -> int:
    """Write a data set in PageLens's own format; its documents are not copied."""
    if documents is None and find_format(dataset, dataset_format).writes_documents:
        documents = out / "documents"
    data = open_dataset(dataset, dataset_format=dataset_format, documents=documents)
    write_folder(data, out)
    console.print_dataset(read_folder(out))
    console.print_notices(data)
    return 0


@app.command()
def export(
    run_folder: Annotated[Path, typer.Argument(help="A run's folder.")],
    out: Annotated[Path, typer.Argument(help="A folder.")],
    export_format: Annotated[str, typer.Option("--format", help=" or ".join(EXPORTS))] = "trec_eval",
) -> int:
    """Write a run's rankings and grades as other evaluation tools read them."""
    for path in export_run(read_run_folder(run_folder), out, export_format):
        terminal.out.print(str(path), markup=False, soft_wrap=True)
    return 0


def _run_and_system(text: str) -> tuple[Run, str | None]:
    path, mark, system = text.partition("::")
    return read_run_folder(Path(path)), system if mark else None
