"""A full disk, and no folder for temporary files, are one line that says what to do."""

import errno
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import _describe_disk_problem
from pagelens.core.errors import DiskFull
from pagelens.index.files.folder_store import FolderFileStore
from tests.index.fixtures import make
from tests.index.test_archive import file_size_limit


def test_a_command_whose_output_finds_the_disk_full_says_so(tmp_path: Path) -> None:
    make(tmp_path / "c")
    command = [sys.executable, "-u", "-m", "pagelens", "status", "-c", str(tmp_path / "c")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == ExitCode.ERROR
    [line] = done.stderr.splitlines()
    assert "expected room on the disk" in line and "free some space" in line


def test_no_folder_for_temporary_files_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    with file_size_limit(0), pytest.raises(FileNotFoundError) as caught:
        tempfile.gettempdir()
    assert "Set TMPDIR to one" in (_describe_disk_problem(caught.value) or "")
    assert _describe_disk_problem(FileNotFoundError(errno.ENOENT, "No such file", "x")) is None


def test_a_picture_that_finds_no_room_is_a_full_disk_and_leaves_nothing(tmp_path: Path) -> None:
    store = FolderFileStore(tmp_path)
    with file_size_limit(10), pytest.raises(DiskFull, match="expected room to write at"):
        store.write("pictures/aa/1-700.jpg", b"x" * 11)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
