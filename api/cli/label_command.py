"""The command `pagelens label`: labels photos and page pictures, lists what was labelled, and what policies flag."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.terminal import count_noun, distinct_file_names, out, page_name, print_files, print_result
from pagelens.api.engine import wiring
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.labelling import LabelledPage, LabelReport, LabelSetStatus
from pagelens.core.errors import UsageError
from pagelens.core.labels import DEFAULT_THRESHOLD, FLAGGED

_APPROXIMATE = (
    "These labels are approximate: the builtin image encoder knows 1,000 kinds of things, no actions, colours or "
    "places. CLIP knows more: pagelens models"
)
_BY_WORDS = "zero-shot, by words"


def label(
    collection: CollectionOption = DEFAULT_COLLECTION,
    labels: Annotated[
        Path | None, typer.Option("--labels", "-l", help="A text file with a class a line, or a JSON policy.")
    ] = None,
    examples: Annotated[
        Path | None, typer.Option("--examples", "-e", help="A folder with a subfolder of example pictures a class.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The label set's name, with --examples; the folder's if left out.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="From which probability a page gets a label, for all labels."),
    ] = None,
    flagged: Annotated[bool, typer.Option("--flagged", help="List the pages that policies flag, for review.")] = False,
    show: Annotated[str | None, typer.Option("--show", help="List the pages with this label: dog, 'guinea*'.")] = None,
    forget: Annotated[str | None, typer.Option("--forget", help="Remove this label set and its labels.")] = None,
    json_output: JsonOption = False,
) -> int:
    """Label photos and page pictures by words or by examples.

    Without options, list the labels of the collection.
    """
    given = [option for option in (labels, examples, flagged or None, show, forget) if option is not None]
    if len(given) > 1:
        raise UsageError("expected one of --labels, --examples, --flagged, --show and --forget, found several")
    if name is not None and examples is None:
        raise UsageError("expected --name with --examples: a file of labels has a name of its own")
    engine = wiring.open_collection(collection)
    if labels is not None:
        print_result(engine.label(labels, threshold=threshold), json_output, print_label_report)
    elif examples is not None:
        chosen = DEFAULT_THRESHOLD if threshold is None else threshold
        print_result(engine.label_like(examples, name=name, threshold=chosen), json_output, print_label_report)
    elif flagged or show is not None:
        pages = engine.labelled_pages(FLAGGED if show is None else show)
        print_result({"pages": pages}, json_output, lambda _: print_labelled_pages(pages))
        return ExitCode.DONE if pages else ExitCode.NOTHING_FOUND
    elif forget is not None:
        engine.forget_labels(forget)
        print_result({"forgotten": forget}, json_output, lambda _: out.print(f"Forgotten: {printable(forget)}"))
    else:
        sets = engine.label_sets()
        print_result({"label_sets": sets}, json_output, lambda _: print_label_sets(sets))
    return ExitCode.DONE


def print_label_report(report: LabelReport) -> None:
    """Print how many pages got each label, and what to know about the labels."""
    _print_counts(f"{report.label_set}: {report.method}", report.labels)
    left_out = f"; {count_noun(report.without_vector, 'page')} without a picture" if report.without_vector else ""
    compared = f"{count_noun(report.pages, 'page')} compared with {report.model}"
    out.print(
        f"{compared}, none of these: {report.unlabelled}{left_out}",
        markup=False,
        soft_wrap=True,
    )
    if report.failed_examples:
        print_files("Examples that could not be read:", report.failed_examples)
    for note in [*report.notes, *([_APPROXIMATE] if report.approximate else [])]:
        out.print(Text(printable(note), style="dim"), soft_wrap=True)


def print_labelled_pages(pages: list[LabelledPage]) -> None:
    """Print pages with a label and its probability."""
    if not pages:
        out.print("No page has such a label.")
        return
    names = distinct_file_names([page.ref.path for page in pages])
    for page in pages:
        label_text = f"{page.label.label} {page.label.probability:.0%}"
        approximate = " (approximate)" if page.label.approximate else ""
        line = f"{page_name(page.ref, None, names[page.ref.path])}   {printable(label_text)}{approximate}"
        out.print(line, markup=False, soft_wrap=True)


def print_label_sets(sets: list[LabelSetStatus]) -> None:
    """Print the label sets of a collection."""
    if not sets:
        out.print("No labels. To make some: pagelens label --labels FILE, or --examples FOLDER")
    for one in sets:
        approximate = ", approximate" if one.label_set.approximate else ""
        method = one.label_set.rules.get("method", _BY_WORDS)
        _print_counts(f"{one.label_set.name}: {method}{approximate}", one.pages)


def _print_counts(title: str, counts: Mapping[str, int]) -> None:
    out.print(Text(printable(title), style="bold"), soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column("label", overflow="fold")
    table.add_column("pages", justify="right")
    for one, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(Text(printable(one)), str(count))
    out.print(table)
