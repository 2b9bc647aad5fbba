"""The command line: `pagelens index|search|ask|extract|show|status|...`.

People read tables and pictures, programs read `--json`. Exit codes:
0 done; 1 an error, said on standard error; 2 the command line or a value in it was wrong; 3 nothing found, or not in
these documents; 4 indexed, but some files could not be read; 5 another process is writing; 6 a gate of
`pagelens eval` did not hold; 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from typing import Annotated

import typer
from typer.exceptions import TyperException

import pagelens.api.engine.blas_threads  # noqa: F401  # before numpy
from pagelens.api.cli.archive import restore, snapshot
from pagelens.api.cli.copy import copy
from pagelens.api.cli.delete import delete
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.index_commands import index, reembed, remove, retry
from pagelens.api.cli.mcp import mcp
from pagelens.api.cli.query_commands import ask, extract, search, show
from pagelens.api.cli.serve import keys_app, serve
from pagelens.api.cli.status import demo, doctor, models_app, status
from pagelens.api.cli.terminal import err, out
from pagelens.api.engine.file_names import printable
from pagelens.core.errors import CollectionLocked, PageLensError, UsageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Index documents and photos, find the page that answers, get answers with citations that can be checked.",
    epilog=__doc__.split("Exit codes:")[1].strip() if __doc__ else None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"pagelens {metadata.version('pagelens')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Options before any command."""


for command in (
    index,
    search,
    ask,
    extract,
    show,
    status,
    remove,
    retry,
    reembed,
    copy,
    snapshot,
    restore,
    delete,
    serve,
    mcp,
    doctor,
    demo,
):
    app.command()(command)
app.add_typer(keys_app, name="keys")

app.add_typer(models_app, name="models")


@cache
def _add_groups() -> None:
    """Add the command groups of rooms above this one, which is not to import them by name."""
    for entry in metadata.entry_points(group="pagelens.commands"):
        app.add_typer(entry.load(), name=entry.name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the entry point of `pagelens`."""
    known = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    known |= {group.name or "" for group in app.registered_groups}
    given = next(iter(sys.argv[1:] if arguments is None else arguments), "--help")
    if given not in known:  # help lists them all; a plain command starts without loading them
        _add_groups()
    try:
        code = int(app(list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False) or 0)
        if code == ExitCode.INTERRUPTED:  # typer turns Ctrl-C into this
            err.print("Interrupted. What was read so far is kept; run the same command again to go on.")
        return code
    except PageLensError as exc:
        err.print(f"pagelens: {printable(str(exc))}", markup=False, soft_wrap=True)
        return {CollectionLocked: ExitCode.LOCKED, UsageError: ExitCode.USAGE}.get(type(exc), ExitCode.ERROR)
    except TyperException as exc:  # the command line itself
        message = exc.format_message() if isinstance(exc, typer.BadParameter) else str(exc)
        if message:
            err.print(f"pagelens: {printable(message)} See: pagelens --help", markup=False, soft_wrap=True)
        return ExitCode.USAGE
    except Exception as exc:
        if os.environ.get("PAGELENS_DEBUG"):
            raise
        said = f"pagelens: this should not have happened: {type(exc).__name__}: {exc}. PAGELENS_DEBUG=1 shows where."
        err.print(printable(said), markup=False, soft_wrap=True)
        return ExitCode.ERROR


if __name__ == "__main__":
    sys.exit(main())
