"""Files that would take minutes and gigabytes: indexing them can be cancelled, and pictures are read within limits."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

import pagelens
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.query_image import MAX_SIDE, read_image
from pagelens.api.engine.results import Progress
from pagelens.core.errors import ReadError, UsageError
from pagelens.core.types import ImageArray, Kind, PageRef
from tests.api.files import INTERRUPTIBLE
from tests.ingest.hostile_files import empty_pages, form_bomb, use_bomb
from tests.ingest.readers.photo_files import write_photo, xmp


class CancelledError(Exception):
    """The caller wants no more."""


def readers(process: psutil.Process) -> list[psutil.Process]:
    return [child for child in process.children(recursive=True) if "worker_process" in " ".join(child.cmdline())]


@pytest.mark.parametrize("bomb", [pytest.param(use_bomb, marks=pytest.mark.slow), form_bomb])
def test_a_run_is_cancelled_within_the_page_of_a_single_small_file(tmp_path: Path, bomb) -> None:  # type: ignore[no-untyped-def]
    """By default, too: no option asks for worker processes."""
    reports: list[Progress] = []

    def cancel(progress: Progress) -> None:
        reports.append(progress)
        if len(reports) == 6:  # two a second come while a page is waited for
            raise CancelledError

    path = bomb(tmp_path / ("a.svg" if bomb is use_bomb else "a.pdf"))
    before = readers(psutil.Process())
    with pagelens.open(tmp_path / "c", create=True, profile="builtin") as engine:
        with pytest.raises(CancelledError):
            engine.index(path, on_progress=cancel)
        assert set(readers(psutil.Process())) <= set(before)
        assert engine.status().documents == []


def test_ctrl_c_ends_the_command_within_the_page_of_a_hostile_file(tmp_path: Path) -> None:
    path, collection = use_bomb(tmp_path / "a.svg"), tmp_path / "c"
    command = [sys.executable, "-c", INTERRUPTIBLE, "index", str(path), "-c", str(collection), "--profile", "builtin"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        this = psutil.Process(process.pid)
        while not (reading := readers(this)):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == ExitCode.INTERRUPTED
    assert psutil.wait_procs(reading, timeout=10)[1] == []
    with pagelens.open(collection) as engine:  # the lock is free
        assert engine.remove([]) == []


def test_a_document_of_too_many_pages_is_reported_and_read_where_an_option_allows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, collection = empty_pages(tmp_path / "x.pdf", 30), str(tmp_path / "c")
    arguments = ["index", str(path), "-c", collection, "--profile", "builtin", "--max-pages", "29"]
    assert main(arguments) == ExitCode.SOME_FILES_FAILED
    assert "found 30" in capsys.readouterr().out
    assert main(["retry", "-c", collection, "--max-pages", "30"]) == ExitCode.DONE
    assert "30 pages" in capsys.readouterr().out


def test_a_setting_bounds_the_pages_of_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGELENS_MAX_PAGES", "29")
    with pagelens.open(tmp_path / "c", create=True, profile="builtin") as engine:
        (failed,) = engine.index(empty_pages(tmp_path / "x.pdf", 30)).failed
    assert failed.code == "too-large" and "expected at most 29 pages" in failed.reason


def test_a_picture_to_search_by_is_read_as_the_engine_reads_pages() -> None:
    calls: list[tuple[Kind, int, int]] = []

    def render(path: Path, kind: Kind, number: int, longest: int) -> ImageArray:
        calls.append((kind, number, longest))
        if path.stat().st_size == len(PNG):
            return np.zeros((1, 1, 3), np.uint8)
        raise ReadError("too-large", "drawing the page took too long (more than 30 s)")

    assert read_image(PNG, render).shape == (1, 1, 3)
    with pytest.raises(UsageError, match="took too long"):
        read_image(PNG + b" ", render)
    assert calls == [("photo", 1, MAX_SIDE)] * 2


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def test_query_pictures_and_page_images_are_read_by_a_limited_process(tmp_path: Path) -> None:
    nested = "<rdf:RDF><rdf:Description>" * 900 + "</rdf:Description></rdf:RDF>" * 900
    photo = write_photo(tmp_path / "x.jpg", xmp=xmp(title="Beach", inside=nested))
    Image.new("RGB", (64, 48), "navy").save(tmp_path / "y.jpg")
    with pagelens.open(tmp_path / "c", create=True, profile="builtin") as engine:
        engine.index([photo, tmp_path / "y.jpg"])
        for process in readers(psutil.Process()):
            process.kill()
            psutil.wait_procs([process])
        assert engine.search(image=photo, k=1).hits
        assert len(readers(psutil.Process())) == 1
        (kept,) = readers(psutil.Process())
        assert engine.page_image(PageRef(str(tmp_path / "y.jpg"), 1)).startswith(b"\xff\xd8")
        assert readers(psutil.Process()) == [kept]
        slow = Engine(engine.layout.root, replace(engine._components, read_query_words=takes_too_long))
        found = slow.search(image=photo, k=1)
        assert found.hits and "more than 30 s of CPU time" in found.missing["words"]
        assert "words" not in slow.search("beach", image=photo, k=1).missing
        slow.close()


def takes_too_long(_: ImageArray) -> str:
    raise ReadError("too-large", "reading the text in the picture took too long (more than 30 s of CPU time)")
