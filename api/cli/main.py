"""The entry point of the command `pagelens`.

A command's module is imported when the command runs, so that `--help` and `--version` load no engine.
Tables are for people, `--json` is for programs.
"""

import ast
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module, metadata, util
from importlib.abc import InspectLoader
from typing import Annotated, Any

import typer
import typer.core
import typer.main
from typer.exceptions import TyperException

import pagelens.api.engine.blas_threads  # noqa: F401  # before numpy
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.core.errors import CollectionLocked, PageLensError, UsageError

EXIT_CODES = (
    "Exit codes: 0 done; 1 an error, described on standard error; 2 the command line or a value in it was wrong; "
    "3 nothing found, or the documents do not answer; 4 indexed, but some files could not be read; 5 another "
    "process is writing; 6 a gate of `pagelens eval` failed; 130 interrupted."
)

COMMANDS: Mapping[str, tuple[str, str]] = {
    "index": ("pagelens.api.cli.index_commands:index", "Index files and folders."),
    "search": ("pagelens.api.cli.query_commands:search", "Find the pages that match a query, best first."),
    "ask": ("pagelens.api.cli.query_commands:ask", "Answer a question from the documents, with page citations."),
    "chat": ("pagelens.api.cli.query_commands:chat", "Answer one question after the other, each with those before it."),
    "extract": ("pagelens.api.cli.extract_command:extract", "Extract JSON of a given schema from a document."),
    "summarise": (
        "pagelens.api.cli.summary_command:summarise",
        "Summarise a document, each sentence with its page.",
    ),
    "evidence": (
        "pagelens.api.cli.evidence_command:evidence",
        "Check an evidence bundle of `pagelens ask` against files.",
    ),
    "replay": (
        "pagelens.api.cli.evidence_command:replay",
        "Repeat a bundle's answer as of its commit, and compare.",
    ),
    "show": (
        "pagelens.api.cli.query_commands:show",
        "Write a page as a picture, the evidence for a query marked.",
    ),
    "status": ("pagelens.api.cli.collection_commands:status", "Show what the collection holds."),
    "history": (
        "pagelens.api.cli.history_command:history",
        "List earlier commits, and set how long they are kept.",
    ),
    "metadata": (
        "pagelens.api.cli.metadata_command:metadata",
        "Give files the values of a table: CSV, JSONL, Parquet.",
    ),
    "label": ("pagelens.api.cli.label_command:label", "Label photos and page pictures by words or by examples."),
    "describe": (
        "pagelens.api.cli.describe_command:describe",
        "Describe photos and pages by a vision model.",
    ),
    "feedback": (
        "pagelens.api.cli.feedback_command:feedback_app",
        "List what users did with hits and think of answers.",
    ),
    "review": (
        "pagelens.api.cli.review_command:review_app",
        "List what is unsure, and accept, correct or reject it.",
    ),
    "remove": ("pagelens.api.cli.index_commands:remove", "Remove documents from the collection."),
    "retry": ("pagelens.api.cli.index_commands:retry", "Read again the files that could not be read."),
    "reembed": ("pagelens.api.cli.index_commands:reembed", "Re-embed a collection with other models."),
    "copy": ("pagelens.api.cli.collection_commands:copy", "Copy a collection to another folder or other stores."),
    "snapshot": ("pagelens.api.cli.collection_commands:snapshot", "Write a collection to one file."),
    "restore": ("pagelens.api.cli.collection_commands:restore", "Restore a collection from a snapshot file."),
    "delete": ("pagelens.api.cli.collection_commands:delete", "Delete a collection."),
    "serve": ("pagelens.api.cli.serve:serve", "Serve collections over HTTP."),
    "mcp": ("pagelens.api.cli.mcp:mcp", "Serve a collection to an assistant over MCP."),
    "doctor": ("pagelens.api.cli.doctor:doctor", "Check the installation, and the collection if there is one."),
    "demo": ("pagelens.api.cli.demo:demo", "Make a small collection, ask it questions, show the pages."),
    "keys": ("pagelens.api.cli.serve:keys_app", "Manage the server's keys."),
    "models": ("pagelens.api.cli.model_commands:models_app", "List the models of each lane, and fetch their weights."),
}
"""Command name -> (module:function or module:group, the first sentence of its help)."""


class LazyCommandGroup(typer.core.TyperGroup):
    """Lists commands by `COMMANDS` and by the entry points `pagelens.commands`; imports the one that runs."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._targets = {name: target for name, (target, _) in COMMANDS.items()}
        self.commands = {name: typer.core.TyperCommand(name, help=text) for name, (_, text) in COMMANDS.items()}

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        self._add_entry_points()
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command that has its name and help, but no parameters; None for an unknown name."""
        if cmd_name not in self.commands:
            self._add_entry_points()
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the name of the command that `args` call, the command, and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, self._configured(_load_command(name, self._targets[name]), name) if name else command, rest

    def _configured(self, command: Any, name: str) -> Any:
        """Return a command with the defaults of the configuration files. Raises UsageError."""
        from pagelens.api.cli.config_file import NAME, current_config, single_values, with_defaults

        config = current_config()
        shared = single_values(config)
        if unknown := [table for table in config if table not in shared and table not in self.list_commands(None)]:
            raise UsageError(f"expected tables of commands in {NAME}, found [{unknown[0]}]. See: pagelens --help")
        return with_defaults(command, name, config.get(name, {}), shared)

    def _add_entry_points(self) -> None:
        for entry in metadata.entry_points(group="pagelens.commands"):
            if entry.name not in self._targets:
                self._targets[entry.name] = entry.value
                self.commands[entry.name] = typer.core.TyperCommand(
                    entry.name, help=_first_docstring_line(entry.module)
                )


@cache
def _load_command(name: str, target: str) -> Any:
    """Import "module:function" or "module:group" and return it as a command with parameters."""
    module, _, attribute = target.partition(":")
    function_or_group = getattr(import_module(module), attribute)
    if isinstance(function_or_group, typer.Typer):
        function_or_group.rich_markup_mode = None
        group = typer.main.get_group(function_or_group)
        group.name = name
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(function_or_group)
    return typer.main.get_command(single)


def _first_docstring_line(module: str) -> str:
    """Return the first line of a module's docstring without importing the module; "" if there is none."""
    spec = util.find_spec(module)
    source = spec.loader.get_source(module) if spec and isinstance(spec.loader, InspectLoader) else None
    return (ast.get_docstring(ast.parse(source or "")) or "").partition("\n")[0]


app = typer.Typer(
    cls=LazyCommandGroup,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: importing rich takes half of the start-up time
    pretty_exceptions_enable=False,
    help="Index documents and photos, find the page that answers, get answers with citations that can be checked.",
    epilog=EXIT_CODES,
)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"pagelens {metadata.version('pagelens')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Options before any command."""


_MINUS_HINT = "A query that begins with a minus stands behind --: pagelens search -- '-draft report'. "


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. `arguments`: those of the process if None."""
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        code = int(app(given, prog_name="pagelens", standalone_mode=False) or 0)
        if code == ExitCode.INTERRUPTED:  # typer returns this after Ctrl-C
            _print_error("Interrupted. What was read so far is kept; run the same command again to continue.")
        return code
    except PageLensError as exc:
        _print_error(f"pagelens: {exc}")
        return {CollectionLocked: ExitCode.LOCKED, UsageError: ExitCode.USAGE}.get(type(exc), ExitCode.ERROR)
    except TyperException as exc:  # the command line itself
        message = exc.format_message() if isinstance(exc, typer.BadParameter) else str(exc)
        if message:
            hint = _MINUS_HINT if message.startswith("No such option") and given[0] in ("search", "ask") else ""
            _print_error(f"pagelens: {message.rstrip('.')}. {hint}See: pagelens --help")
        return ExitCode.USAGE
    except Exception as exc:
        if isinstance(exc, OSError) and (problem := _describe_disk_problem(exc)) is not None:
            _print_error(f"pagelens: {problem}")
            return ExitCode.ERROR
        if os.environ.get("PAGELENS_DEBUG"):
            raise
        _print_error(
            f"pagelens: unexpected error, please report it: {type(exc).__name__}: {exc}. "
            "PAGELENS_DEBUG=1 prints the traceback."
        )
        return ExitCode.ERROR


def _describe_disk_problem(exc: OSError) -> str | None:
    """Return what to do about a full disk or an unusable folder for temporary files; None for any other error."""
    from pagelens.index.layout import NO_ROOM

    if exc.errno in NO_ROOM:
        return (
            f"expected room on the disk{f' for {exc.filename}' if exc.filename else ''}, found it full. What was "
            "committed is kept: free some space (temporary files are in $TMPDIR or /tmp), then run the command again."
        )
    if "No usable temporary directory" in str(exc):  # by the module tempfile
        return f"expected a folder for temporary files that can be written to, found none: {exc}. Set TMPDIR to one."
    return None


def _print_error(message: str) -> None:
    from pagelens.api.engine.file_names import printable

    print(printable(message), file=sys.stderr)
