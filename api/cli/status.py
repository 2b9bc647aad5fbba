"""Commands that tell: status, models, doctor, demo."""

from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli.collection_output import print_status
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from pagelens.api.cli.exit_codes import ExitCode, print_result
from pagelens.api.cli.terminal import err
from pagelens.api.engine import wiring
from pagelens.api.engine.file_names import printable


def status(collection: CollectionOption = DEFAULT_COLLECTION, json_output: JsonOption = False) -> int:
    """Tell what the collection holds, and what could not be read and why."""
    print_result(wiring.open_collection(collection).status(), json_output, print_status)
    return ExitCode.DONE


models_app = typer.Typer(help="List the models of each lane, where their weights are, how to get them.")


@models_app.callback(invoke_without_command=True)
def models(
    context: typer.Context, collection: CollectionOption = DEFAULT_COLLECTION, json_output: JsonOption = False
) -> int:
    """List the models of each lane, where their weights are, how to get them."""
    if context.invoked_subcommand is not None:
        return ExitCode.DONE
    from pagelens.api.cli.model_report import print_models, report_models

    print_result(report_models(wiring.read_settings(), collection), json_output, print_models)
    return ExitCode.DONE


@models_app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Models, or profiles: cpu, gpu.")],
    json_output: JsonOption = False,
) -> int:
    """Bring models' weights from the hub into its cache, an adapter's base too. What is here is not fetched again."""
    from pagelens.api.cli.model_report import fetch_models, print_fetched

    def tell(name: str, size: str) -> None:
        err.print(printable(f"Fetching {name}{f' ({size})' if size else ''} ..."), markup=False, soft_wrap=True)

    print_result(fetch_models(names, wiring.read_settings(), tell=tell), json_output, print_fetched)
    return ExitCode.DONE


def doctor(
    collection: CollectionOption = DEFAULT_COLLECTION,
    deep: Annotated[bool, typer.Option("--deep", help="Read all that a Qdrant server holds, not only counts.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make catalog and vectors agree; forget documents that lost some.")
    ] = False,
    json_output: JsonOption = False,
) -> int:
    """Check the installation, and the collection if there is one."""
    from pagelens.api.cli.doctor import DoctorReport, print_doctor_report, run_checks

    mended = list(repair_collection(collection)) if repair else []
    found = DoctorReport([*mended, *run_checks(collection, wiring.read_settings(), deep=deep).checks])
    print_result(found, json_output, print_doctor_report)
    return ExitCode.DONE if found.healthy else ExitCode.ERROR


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to make it.")] = Path("demo"),
) -> int:
    """Make a small collection of documents and photos, ask it four questions, show the marked pages."""
    from pagelens.api.cli.demo import run_demo

    run_demo(folder)
    return ExitCode.DONE
