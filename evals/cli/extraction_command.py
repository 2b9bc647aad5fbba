"""`pagelens eval extract`: field accuracy, nulls and rows of extraction on documents with known values."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption, LanguageModelOption
from pagelens.api.cli.terminal import count_noun
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.results import FailedFile, as_json
from pagelens.core.errors import GenerationError, PageLensError
from pagelens.evals.datasets.extraction_set import ExpectedValues, read_extraction_set
from pagelens.evals.measures.extracted_values import (
    ExtractionCounts,
    MeasuredShare,
    count_values,
    measure_extraction,
)
from pagelens.generate.extraction.comparison import FieldComparison, compare_values
from pagelens.generate.llm.chat import SINGLE_REQUEST_ERRORS

ALL = "all"


def extract(
    questions: Annotated[Path, typer.Argument(help='JSON lines: {"document": NAME, "schema": ..., "values": {...}}.')],
    collection: CollectionOption = DEFAULT_COLLECTION,
    llm: LanguageModelOption = None,
    by: Annotated[str | None, typer.Option("--by", help="Report for each value of this group, too.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="List every value that is not as expected.")] = False,
    json_output: JsonOption = False,
) -> int:
    """Extract values of documents whose values are known; print accuracy, nulls and rows, each with its interval."""
    examples = read_extraction_set(questions)
    engine = wiring.open_collection(collection, llm=llm)
    counts, faults, failed = measure(engine, examples)
    groups = {ALL: counts}
    for example, one in zip(examples, counts, strict=True):
        if by is not None:
            groups.setdefault(f"{by}: {example.groups.get(by, 'none')}", []).append(one)
    measured = {name: measure_extraction(group) for name, group in groups.items()}
    if json_output:
        print(json.dumps({"measures": as_json(measured), "failed": as_json(failed), "errors": as_json(faults)}))
        return 0
    for name, shares in measured.items():
        terminal.out.print(_table(f"{name} ({count_noun(len(groups[name]), 'document')})", shares))
    terminal.print_files("Documents that could not be read:", failed)
    for document, line in faults if errors else ():
        values = f"expected {line.expected!r}, found {line.found!r}"
        terminal.out.print(Text(printable(f"{document} {line.pointer}: {line.state}, {values}")), soft_wrap=True)
    return 0


def measure(
    engine: Engine, examples: Sequence[ExpectedValues]
) -> tuple[list[ExtractionCounts], list[tuple[str, FieldComparison]], list[FailedFile]]:
    """Return the counts of each document, the values that are not as expected, and the documents that failed.

    Of a document that fails, all values are missed.
    """
    counts, faults, failed = [], [], []
    for example in examples:
        data: object = None
        try:
            data = engine.extract(example.document, example.schema).data
        except PageLensError as exc:
            if isinstance(exc, GenerationError) and exc.code not in SINGLE_REQUEST_ERRORS:
                raise
            failed.append(FailedFile(example.document, getattr(exc, "code", "failed"), str(exc)))
        counts.append(count_values(data, example.values))
        compared = compare_values(data, example.values)
        faults += [(example.document, line) for line in compared if line.state != "match"]
    return counts, faults, failed


def _table(title: str, shares: Mapping[str, MeasuredShare]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("measure", "%", "95% interval"):
        table.add_column(name, justify="left" if name == "measure" else "right")
    for name, share in shares.items():
        if share.value == share.value:  # not NaN: there was something to measure
            table.add_row(name, f"{share.value:.1%}", f"{share.low:.1%} to {share.high:.1%}")
    return table
