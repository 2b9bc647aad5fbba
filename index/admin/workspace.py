"""A temporary folder beside a target, in which a result is prepared that one rename puts in place.

It goes when its process ends, also when that is killed: a guard process waits for the end and removes the folder. What
a loss of power leaves is removed by the next run beside it: its lock is free then.
"""

import fcntl
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pagelens.core.errors import UsageError
from pagelens.index.layout import write_errors_translated

_PREFIX = ".pagelens-"
_LOCK = "lock"
_GUARD = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"


@contextmanager
def temporary_folder_beside(target: Path) -> Iterator[Path]:
    """Yield an empty folder on the file system of `target`. Raises UsageError where none can be made there, and
    DiskFull."""
    parent = target.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError as exc:
        raise UsageError(f"expected a place to write to at {parent}, found: {exc}. Choose another.") from exc
    command = [sys.executable, "-I", "-S", "-c", _GUARD, str(folder)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True),  # on leaving it ends and is awaited
        (folder / f"{_LOCK}.new").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        Path(lock.name).rename(folder / _LOCK)  # from here on `_remove_abandoned` looks at it
        content = folder / "content"
        content.mkdir()
        with write_errors_translated(parent):
            yield content


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders of processes that ended without their guard."""
    for lock_file in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            with lock_file.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_file.parent, ignore_errors=True)
        except OSError:
            continue  # in use, or just removed by its guard
