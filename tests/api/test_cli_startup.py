"""`pagelens --help` and `--version` load no engine; a command loads when it runs; completion and help still work."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import COMMANDS, LazyCommandGroup, app, main

ROOT = Path(__file__).parents[2]
HEAVY = {
    "alembic",
    "faiss",
    "fastapi",
    "fsspec",
    "httpx2",
    "mcp",
    "numpy",
    "onnxruntime",
    "PIL",
    "prometheus_client",
    "pydantic",
    "pymupdf",
    "qdrant_client",
    "rich",
    "scipy",
    "sqlalchemy",
    "tantivy",
    "torch",
    "transformers",
    "uvicorn",
    "pagelens.api.engine.engine",
    "pagelens.api.cli.query_commands",
    "pagelens.core.types",
    "pagelens.evals.cli.commands",
}
LIST_MODULES = """
import sys
from pagelens.api.cli.main import main
code = main(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_no_engine(option: str) -> None:
    done = python("-c", LIST_MODULES, option)
    assert done.returncode == ExitCode.DONE, done.stderr
    loaded = set(done.stderr.split())
    assert "pagelens.api.cli.main" in loaded
    assert not loaded & HEAVY


def test_importing_pagelens_loads_nothing_until_a_name_is_used() -> None:
    code = "import sys, pagelens; print(*sys.modules); pagelens.Engine; print(*sys.modules)"
    before, after = python("-c", code).stdout.splitlines()
    assert not set(before.split()) & HEAVY
    assert "pagelens.api.engine.engine" in after.split()


def test_a_name_that_pagelens_does_not_have_is_an_attribute_error() -> None:
    done = python("-c", "import pagelens; print(pagelens.__version__); pagelens.Enginee")
    assert done.stdout.strip()
    assert "AttributeError: module 'pagelens' has no attribute 'Enginee'" in done.stderr


def test_every_command_of_the_table_exists_and_its_help_begins_as_the_table_says() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, LazyCommandGroup)
    context = group.make_context("pagelens", [], resilient_parsing=True)
    for name, (_, text) in COMMANDS.items():
        listed = group.get_command(context, name)
        found, command, rest = group.resolve_command(context, [name, "x"])
        assert (found, rest, command.name, listed.help) == (name, ["x"], name, text)
        assert " ".join(command.help.split()).startswith(text.rstrip(".")), name
        assert isinstance(command, TyperGroup) == (name in ("feedback", "keys", "models", "review"))


def test_help_lists_all_commands_and_those_of_other_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == ExitCode.DONE
    printed = capsys.readouterr().out
    for name, (_, text) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", printed, re.MULTILINE), name
    assert re.search("^  eval +Measure a collection on questions", printed, re.MULTILINE)
    assert "Exit codes: 0 done" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["search", "--help"], "--neighbours"),
        (["keys", "create", "--help"], "--scope"),
        (["models", "fetch", "--help"], "names"),
        (["eval", "--help"], "compare"),
    ],
)
def test_a_command_prints_its_own_help(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert expected in printed
    assert f"pagelens {' '.join(arguments[:-1])}" in printed


def test_a_mistyped_command_is_named_with_what_it_may_have_been(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serach"]) == ExitCode.USAGE
    printed = capsys.readouterr().err.replace("\n", " ")
    assert "serach" in printed and "'search'" in printed


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("pagelens se", ["search", "serve"]),
        ("pagelens keys c", ["create"]),
        ("pagelens search --nei", ["--neighbours"]),
    ],
)
def test_shells_complete_commands_their_subcommands_and_options(typed: str, expected: list[str]) -> None:
    done = python(
        "-m",
        "pagelens",
        _PAGELENS_COMPLETE="complete_bash",
        COMP_WORDS=typed,
        COMP_CWORD=str(len(typed.split()) - 1),
    )
    assert done.stdout.split() == expected


def test_python_m_pagelens_is_the_command() -> None:
    assert python("-m", "pagelens", "--version").stdout.startswith("pagelens ")
    assert python("-m", "pagelens", "search").returncode == ExitCode.USAGE


def test_importing_the_server_does_not_load_the_mcp_library() -> None:
    code = "import sys, pagelens.api.cli.serve, pagelens.api.server.app; print(*sys.modules)"
    loaded = set(python("-c", code).stdout.split())
    assert "pagelens.api.server.mcp.endpoint" in loaded
    assert not loaded & {"mcp", "mcp_types"}
