"""The command `pagelens extract`: values of a document, or of many into one file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from pagelens.api.cli.answer_output import print_estimate, print_extraction
from pagelens.api.cli.command_options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EstimateOption,
    JsonOption,
    LanguageModelOption,
    ReviewOption,
)
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.terminal import count_noun, err, out, print_files, print_result
from pagelens.api.engine import wiring
from pagelens.api.engine.batch_extraction import BatchFile, BatchReport
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.results import as_json
from pagelens.core.errors import UsageError
from pagelens.core.types import Extraction
from pagelens.generate.extraction.comparison import FieldComparison, compare_values
from pagelens.generate.extraction.shipped_schemas import SHIPPED_SCHEMAS, shipped_schema
from pagelens.generate.llm.estimates import Estimate
from pagelens.index.catalog.reads import DocumentRow

_SCHEMA_HELP = (
    f"A file with the JSON Schema of the values, or one that comes with PageLens: {', '.join(SHIPPED_SCHEMAS)}."
)
_MARKS = {"match": "=", "mismatch": "≠", "missing": "-", "unexpected": "+"}


def extract(
    document: Annotated[str, typer.Argument(help="A document of the collection; with --out also a folder or a glob.")],
    schema: Annotated[str, typer.Option("--schema", "-s", help=_SCHEMA_HELP)],
    collection: CollectionOption = DEFAULT_COLLECTION,
    llm: LanguageModelOption = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many pages of a long document are read.")] = 6,
    all_pages: Annotated[
        bool | None,
        typer.Option(
            "--all-pages/--best-pages",
            help="Read all pages, or only those that are likeliest to hold the values.",
            show_default="all pages of a document of at most 20, or without a language model",
        ),
    ] = None,
    expect: Annotated[
        Path | None,
        typer.Option("--expect", help="A JSON file of expected values: match, mismatch or missing of each."),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Write the values of all these documents to this .jsonl, .csv or .parquet file."
        ),
    ] = None,
    review: ReviewOption = False,
    estimate: EstimateOption = False,
    json_output: JsonOption = False,
) -> int:
    """Extract JSON of a given schema from a document, each value with its page.

    Invoice, receipt, bank_statement, business_card and form are read without a language model too. Interrupted with
    --out, it goes on where it stopped. Exit code 3: no value, or with --expect one that does not match.
    """
    if target and expect:
        raise UsageError("expected --out or --expect, found both. `pagelens eval extract` compares many documents")
    values_schema = _read_schema(schema)
    engine = wiring.open_collection(collection, llm=llm)
    if target:
        reading = _Reading(values_schema, k, all_pages, review)
        return _extract_many(engine, document, reading, target, estimate=estimate)
    if estimate:
        print_result(
            engine.estimate_extraction(document, values_schema, k=k, all_pages=all_pages), json_output, print_estimate
        )
        return ExitCode.DONE
    extraction = engine.extract(document, values_schema, k=k, all_pages=all_pages, review=review)
    if expect:
        return _print_comparison(extraction, expect, json_output=json_output)
    print_result(extraction, json_output, print_extraction)
    return ExitCode.DONE if extraction.citations else ExitCode.NOTHING_FOUND


def _read_schema(schema: str) -> object:
    if schema in SHIPPED_SCHEMAS:
        return shipped_schema(schema)
    return _read_json(Path(schema), f"a JSON Schema, or one of {', '.join(SHIPPED_SCHEMAS)}")


def _read_json(path: Path, what: str) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise UsageError(f"expected {what} in {path}, found: {exc}") from exc


def _print_comparison(extraction: Extraction, expect: Path, *, json_output: bool) -> int:
    expected = _read_json(expect, "the expected values, a JSON object,")
    compared = compare_values(extraction.data, expected, extraction.citations)
    if json_output:
        print(json.dumps(as_json(compared), ensure_ascii=False))
    else:
        out.print(_comparison_table(compared))
    right = sum(line.state == "match" for line in compared)
    err.print(f"{right} of {count_noun(len(compared), 'value')} as expected.", soft_wrap=True)
    return ExitCode.DONE if right == len(compared) else ExitCode.NOTHING_FOUND


def _comparison_table(compared: Sequence[FieldComparison]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("", "value", "expected", "found", "page", "box"):
        table.add_column(name, overflow="fold")
    for line in compared:
        page = "" if line.citation is None else str(line.citation.ref.number)
        boxes = () if line.citation is None else line.citation.boxes
        box = " ".join(f"{edge:.3f}" for edge in boxes[0]) if boxes else ""
        texts = [json.dumps(value, ensure_ascii=False) for value in (line.expected, line.found)]
        style = "" if line.state == "match" else "yellow"
        cells = [f"{_MARKS[line.state]} {line.state}", line.pointer, *texts, page, box]
        table.add_row(*(Text(printable(cell), style=style) for cell in cells))
    return table


@dataclass(frozen=True, slots=True)
class _Reading:
    """How documents are read."""

    schema: object
    k: int
    all_pages: bool | None
    review: bool


def _extract_many(engine: Engine, name: str, reading: _Reading, target: Path, *, estimate: bool) -> int:
    file = BatchFile(target, reading.schema)
    rows = engine.documents(name)
    left = file.left(rows)
    price = _total_estimate(engine, left, reading)
    if price is not None:
        err.print(f"{count_noun(len(left), 'document')} to read.", soft_wrap=True)
        print_estimate(price)
    if estimate:
        return ExitCode.DONE

    def extract_one(row: DocumentRow) -> Extraction:
        return engine.extract(row.path, reading.schema, k=reading.k, all_pages=reading.all_pages, review=reading.review)

    report = file.fill(rows, extract_one, lambda row: err.print(printable(row.path), markup=False, soft_wrap=True))
    _print_report(report)
    return ExitCode.SOME_FILES_FAILED if report.failed else ExitCode.DONE


def _total_estimate(engine: Engine, rows: Sequence[DocumentRow], reading: _Reading) -> Estimate | None:
    """Return what reading the documents takes; None without a language model, which costs nothing."""
    if not engine.is_priced or not rows:
        return None
    parts = [
        engine.estimate_extraction(row.path, reading.schema, k=reading.k, all_pages=reading.all_pages) for row in rows
    ]
    costs = [part.cost for part in parts]
    return Estimate(
        model=parts[0].model,
        calls=sum(part.calls for part in parts),
        images=sum(part.images for part in parts),
        input_tokens=sum(part.input_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        note=parts[0].note,
    )


def _print_report(report: BatchReport) -> None:
    kept = f", {report.kept:,} were read before" if report.kept else ""
    err.print(f"{count_noun(report.extracted, 'document')} read{kept}.", soft_wrap=True)
    if report.failed:
        print_files("Documents that could not be read:", report.failed)
    for path in report.files:
        out.print(str(path), soft_wrap=True, markup=False)
