"""`pagelens models` and `pagelens models fetch`."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated

import typer
from rich.text import Text

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.model_report import FetchedModel, ModelReport, fetch_models, report_models
from pagelens.api.engine import wiring
from pagelens.api.engine.file_names import printable

models_app = typer.Typer(rich_markup_mode=None, help="List the models of each lane, and fetch their weights.")


@models_app.callback(invoke_without_command=True)
def models(
    context: typer.Context, collection: CollectionOption = DEFAULT_COLLECTION, json_output: JsonOption = False
) -> int:
    """List the models of each lane, where their weights are, and how to get them."""
    if context.invoked_subcommand is None:
        terminal.print_result(report_models(wiring.read_settings(), collection), json_output, print_models)
    return ExitCode.DONE


@models_app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Models, or profiles: cpu, gpu.")],
    json_output: JsonOption = False,
) -> int:
    """Download models' weights from the hub into its cache, adapters' base models too. Existing weights are kept."""
    terminal.print_result(
        fetch_models(names, wiring.read_settings(), on_fetch=_print_fetching), json_output, print_fetched
    )
    return ExitCode.DONE


def _print_fetching(name: str, size: str) -> None:
    line = f"Fetching {name}{f' ({size})' if size else ''} ..."
    terminal.err.print(printable(line), markup=False, soft_wrap=True)


def print_models(reports: Sequence[ModelReport]) -> None:
    """Print the models of each lane, a line each; `*` marks those that the collection uses."""
    for lane, lane_reports in groupby(reports, key=lambda report: report.lane):
        terminal.out.print(Text(lane, style="bold"))
        for report in lane_reports:
            mark = "*" if report.used else " "
            line = Text(f"{mark} {printable(report.model)}  ")
            line.append(printable(_availability(report)), style="green" if report.ready else "yellow")
            size = "" if report.found_in == "wheels" else report.size
            facts = [size, report.licence, report.note, _profiles(report)]
            line.append(f"  ({'; '.join(fact for fact in facts if fact)})", style="dim")
            terminal.out.print(line, soft_wrap=True)
    if any(report.used for report in reports):
        terminal.out.print(Text("* used by this collection", style="dim"))


def _availability(report: ModelReport) -> str:
    locations: Mapping[str | None, str] = {
        "wheels": "in the install",
        "folder": f"in the models folder: {report.path}",
        "cache": f"in the hub's cache: {report.path}",
        "path": "in its folder",
    }
    if report.ready:
        return locations[report.found_in]
    if report.found_in is None and report.get:
        return f"not on this machine: {report.get}"
    return report.problem


def _profiles(report: ModelReport) -> str:
    return f"profile {', '.join(report.profiles)}" if report.profiles else ""


def print_fetched(fetched: Sequence[FetchedModel]) -> None:
    """Print where each model is."""
    for model in fetched:
        how = "fetched" if model.found_in == "hub" else "was on this machine"
        base = f", the base of {model.base_of}" if model.base_of else ""
        line = f"{model.model}{base}: {how}, {model.bytes / 1e6:.0f} MB, {model.path}"
        terminal.out.print(Text(printable(line)), soft_wrap=True)
    if not fetched:
        terminal.out.print("Nothing to fetch: these models are part of the install.")
