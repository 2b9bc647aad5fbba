"""`pagelens index --watch`: what changes in a folder is indexed, what is gone is forgotten, Ctrl-C ends it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pagelens.api.engine.results import IndexReport
from pagelens.api.engine.watching import watch
from tests.api.files import INTERRUPTIBLE, write_pdf


def test_a_change_is_indexed_once_it_stands_still(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    log: list[str] = []
    deeds = iter(["nothing", "grow", "grow", "nothing", "remove", "nothing", "end"])

    def wait(_: float) -> None:
        deed = next(deeds)
        log.append(deed)
        if deed == "grow":
            with (tmp_path / "a.txt").open("a") as file:
                file.write("more")
        elif deed == "remove":
            (tmp_path / "a.txt").unlink()
        elif deed == "end":
            raise KeyboardInterrupt

    def index() -> IndexReport:
        log.append("index")
        return IndexReport()

    reports: Iterator[IndexReport] = watch([tmp_path], index, wait=wait)
    try:
        for _ in reports:
            pass
    except KeyboardInterrupt:
        log.pop()
    assert log == ["index", "nothing", "grow", "grow", "nothing", "index", "remove", "nothing", "index"]


def test_what_changes_while_it_indexes_is_indexed_after_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")

    def index() -> IndexReport:
        (tmp_path / f"{len(list(tmp_path.iterdir()))}.txt").write_text("new")
        return IndexReport()

    reports = watch([tmp_path], index, wait=lambda _: None)
    assert [next(reports) for _ in range(3)] and len(list(tmp_path.iterdir())) == 4


def reports_of(process: "subprocess.Popen[str]") -> Iterator[dict[str, object]]:
    """Yield each JSON object that a process prints, as soon as it is whole."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            yield json.loads(text)
            text = ""


def test_a_process_that_watches_keeps_a_folder_in_step_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    files = tmp_path / "files"
    write_pdf(files / "tides.pdf", ["The limpet returns to its scar."])
    command = [sys.executable, "-c", INTERRUPTIBLE, "index", str(files), "-c", str(tmp_path / "collection"), "--json"]
    process = subprocess.Popen(
        [*command, "--profile", "builtin", "--watch", "--prune"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        reports = reports_of(process)
        assert next(reports)["documents"] == 1
        write_pdf(files / "harbour.pdf", ["A ship needs a pilot.", "The crane is new."])
        second = next(reports)
        assert (second["documents"], second["pages"], second["unchanged"]) == (1, 2, 1)
        (files / "tides.pdf").unlink()
        assert next(reports)["forgotten"] == [str(files / "tides.pdf")]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr is not None and "Stopped watching" in process.stderr.read()
    finally:
        process.kill()
        process.communicate()
