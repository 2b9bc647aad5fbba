"""Temporary folders for members; those of processes that were killed are removed by later ones."""

import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

_PREFIX = ".pagelens-member-"  # of folder names; the id of the process follows; hidden, so that it describes no photo


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a new folder for members; it is removed by a later process if this one is killed."""
    _remove_abandoned_folders(Path(tempfile.gettempdir()))
    return tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True)


@cache
def _remove_abandoned_folders(parent: Path) -> None:
    """Remove the folders of processes that were killed before they could remove them; once in a process."""
    if os.name != "posix":
        return  # on Windows os.kill(pid, 0) ends the process
    for folder in parent.glob(f"{_PREFIX}*"):
        owner = re.match(rf"{re.escape(_PREFIX)}(\d+)-", folder.name)
        if owner is None:
            continue
        try:
            os.kill(int(owner[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (PermissionError, OverflowError):
            continue  # the folder of another user's process
