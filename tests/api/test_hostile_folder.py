"""Commands run in a folder of somebody else's code: none of it runs, in no process that a command starts."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.api.files import write_pdf
from tests.api.server.processes import ServerProcess

COMMAND = Path(sys.executable).with_name("pagelens")
POISON = "import pathlib\npathlib.Path({marker!r}).open('a').write(__name__ + '\\n')\n"
MODULES = (
    *("multiprocessing", "api", "core", "index", "ingest", "json", "logging", "numpy", "shutil", "subprocess"),
    "pymupdf",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds modules with names that we and the standard library use; each leaves a mark when run."""
    root = tmp_path_factory.mktemp("hostile")
    for name in MODULES:
        (root / name).mkdir()
        (root / name / "__init__.py").write_text(POISON.format(marker=str(root / "mark")))
        (root / f"{name}.py").write_text(POISON.format(marker=str(root / "mark")))
    (root / "papers").mkdir()
    for number in range(12):  # as many as are read by worker processes
        write_pdf(root / "papers" / f"{number}.pdf", [f"Timber report {number}\nTimber grew to {number} tonnes."])
    return root


def run(folder: Path, *arguments: str) -> int:
    environment = {**os.environ, "PAGELENS_THREADS": "1", "PAGELENS_WORKERS": "2", "PAGELENS_OFFLINE": "1"}
    done = subprocess.run(
        [str(COMMAND), *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    marks = folder / "mark"
    assert not marks.exists(), (arguments, marks.read_text())
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


def test_commands_that_read_search_and_check_run_no_code_of_the_current_folder(folder: Path) -> None:
    for arguments in (("index", "papers", "-c", "C", "--profile", "builtin"), ("search", "timber", "-c", "C")):
        assert run(folder, *arguments) == 0, arguments


@pytest.mark.slow  # a process each: half a minute
def test_no_other_command_runs_code_of_the_current_folder(folder: Path) -> None:
    schema = folder / "schema.json"
    schema.write_text('{"type": "object"}')
    assert run(folder, "index", "papers", "-c", "S", "--profile", "builtin") == 0
    for arguments, code in (
        (("ask", "How many tonnes of timber were there?", "-c", "S", "--model", "extractive"), 0),
        (("show", "3.pdf p.1", "-c", "S", "-o", "page.png"), 0),
        (("extract", "3.pdf", "--schema", "schema.json", "-c", "S"), 1),
        (("status", "-c", "S"), 0),
        (("doctor", "-c", "S"), 0),
        (("models",), 0),
        (("retry", "-c", "S"), 0),
        (("remove", "3.pdf", "-c", "S"), 0),
        (("reembed", "-c", "S", "--profile", "builtin"), 0),
        (("copy", "-c", "S", "--to", "D"), 0),
        (("snapshot", "D", "d.tar"), 0),
        (("restore", "d.tar", "E"), 0),
        (("delete", "-c", "E", "--yes"), 0),
        (("keys", "create", "--scope", "read", "-c", "S"), 0),
        (("keys", "list", "-c", "S"), 0),
        (("mcp", "-c", "S", "--model", "extractive"), 0),
        (("eval", "--help"), 0),
        (("demo",), 0),
        (("--help",), 0),
    ):
        assert run(folder, *arguments) == code, arguments


def test_a_server_and_its_indexing_process_run_none_either(folder: Path) -> None:
    server = ServerProcess(folder / "collections", command=[str(COMMAND)], cwd=folder)
    try:
        server.wait_ready()
        files = [("files", (f"{n}.pdf", (folder / "papers" / f"{n}.pdf").read_bytes())) for n in range(12)]
        job = server.client.post("/v1/documents", files=files).json()["id"]
        while server.client.get(f"/v1/jobs/{job}").json()["state"] in ("queued", "running"):
            assert not (folder / "mark").exists(), (folder / "mark").read_text()  # the process is started for ever
            time.sleep(0.1)
        assert server.client.get(f"/v1/jobs/{job}").json()["state"] == "succeeded"
    finally:
        server.stop()
    assert not (folder / "mark").exists(), (folder / "mark").read_text()
    shutil.rmtree(folder / "collections")
