"""Commands that tell: status, models, doctor, demo."""

from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli.console import err
from pagelens.api.cli.exit_codes import Exit, print_value
from pagelens.api.cli.options import DEFAULT, Collection, Json
from pagelens.api.cli.reports import print_status
from pagelens.api.engine import wiring
from pagelens.api.engine.file_names import printable


def status(collection: Collection = DEFAULT, as_data: Json = False) -> int:
    """Tell what the collection holds, and what could not be read and why."""
    print_value(wiring.open_collection(collection).status(), as_data, print_status)
    return Exit.DONE


models_app = typer.Typer(help="List the models of each lane, where their weights are, how to get them.")


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context, collection: Collection = DEFAULT, as_data: Json = False) -> int:
    """List the models of each lane, where their weights are, how to get them."""
    if context.invoked_subcommand is not None:
        return Exit.DONE
    from pagelens.api.cli.model_report import print_models, report_models

    print_value(report_models(wiring.read_settings(), collection), as_data, print_models)
    return Exit.DONE


@models_app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Models, or profiles: cpu, gpu.")],
    as_data: Json = False,
) -> int:
    """Bring models' weights from the hub into its cache, an adapter's base too. What is here is not fetched again."""
    from pagelens.api.cli.model_report import fetch_models, print_fetched

    def tell(name: str, size: str) -> None:
        err.print(printable(f"Fetching {name}{f' ({size})' if size else ''} ..."), markup=False, soft_wrap=True)

    print_value(fetch_models(names, wiring.read_settings(), tell=tell), as_data, print_fetched)
    return Exit.DONE


def doctor(
    collection: Collection = DEFAULT,
    deep: Annotated[bool, typer.Option("--deep", help="Read all that a Qdrant server holds, not only counts.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make catalog and vectors agree; forget documents that lost some.")
    ] = False,
    as_data: Json = False,
) -> int:
    """Check the installation, and the collection if there is one."""
    from pagelens.api.cli.doctor import Examination, examine, mend, print_examination

    mended = list(mend(collection)) if repair else []
    found = Examination([*mended, *examine(collection, wiring.read_settings(), deep=deep).checks])
    print_value(found, as_data, print_examination)
    return Exit.DONE if found.healthy else Exit.ERROR


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to make it.")] = Path("demo"),
) -> int:
    """Make a small collection of documents and photos, ask it four questions, show the marked pages."""
    from pagelens.api.cli.demo import run_demo

    run_demo(folder)
    return Exit.DONE
