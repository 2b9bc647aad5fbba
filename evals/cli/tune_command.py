"""The command `pagelens eval tune`: fits a collection's fusion and reranking on questions about it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from pagelens.api.engine import wiring
from pagelens.api.engine.results import as_json
from pagelens.core.errors import UsageError
from pagelens.evals.cli import console
from pagelens.evals.cli.options import DocumentsOption, FormatOption
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.evals.datasets.registry import open_dataset
from pagelens.evals.tuning.tuning import TuningReport, tune
from pagelens.index.layout import Tuning


def tune_collection(
    questions: Annotated[Path | None, typer.Argument(help="A data set with pages that answer its questions.")] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure, and write nothing.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Search as shipped again; needs no questions.")] = False,
    dataset_format: FormatOption = None,
    documents: DocumentsOption = None,
    json_output: JsonOption = False,
) -> int:
    """Fit how lanes are fused and pages reranked on your questions; written only if unseen documents gain by it."""
    if forget:
        wiring.write_tuning(collection, None)
        terminal.out.print("The collection is searched as shipped.", markup=False)
        return 0
    if questions is None:
        raise UsageError("expected a data set of questions, or --forget, found neither. pagelens eval init makes one")
    data = open_dataset(questions, dataset_format=dataset_format, documents=documents)
    with wiring.open_collection(collection) as engine:
        names = DocumentNames.of(data, engine.status())
        with console.progress() as on_step:
            report = tune(engine, data, names, on_question=lambda done, total: on_step("tuned questions", done, total))
    if report.tuning is not None and not dry_run:
        wiring.write_tuning(collection, report.tuning)
    if json_output:
        print(json.dumps(as_json(report), ensure_ascii=False, indent=2))
    else:
        _print(report, written=report.tuning is not None and not dry_run)
    return 0


def _print(report: TuningReport, *, written: bool) -> None:
    gain = report.gain
    lines = [
        f"{report.questions} questions about {report.documents} documents; each searched with what was fitted without "
        "its document",
        f"nDCG@5 {report.shipped:.1f} as shipped, {report.tuned:.1f} tuned: gain {gain.mean:+.2f} "
        f"(95% interval over documents {gain.low:+.2f} to {gain.high:+.2f})",
    ]
    if report.tuning is None:
        lines.append("The interval is not above zero: there is too little to learn from. Nothing is written.")
    else:
        lines.append(_describe(report.tuning))
        lines.append(
            "Written: whoever opens the collection now searches with it; pagelens eval tune --forget takes it back."
            if written
            else "A dry run: nothing is written."
        )
    for line in lines:
        terminal.out.print(line, markup=False, soft_wrap=True)


def _describe(tuning: Tuning) -> str:
    factors = ", ".join(f"{lane} x {factor:g}" for lane, factor in tuning.factors.items()) or "as they are"
    scaled = "scaled by score" if tuning.scaled else "by rank alone"
    reranked = "reranked" if tuning.reranker is not None else "not reranked"
    return f"lanes: {factors}; k {tuning.k:g}, {scaled}; {reranked}"
