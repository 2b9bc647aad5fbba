"""Temporary folders that name their process: those of processes that were killed are removed by later ones."""

import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

MEMBER_FOLDER = ".pagelens-member-"  # of files taken out of their containers; hidden, so that it describes no photo


def temporary_folder(prefix: str) -> "tempfile.TemporaryDirectory[str]":
    """Return a new folder whose name begins with `prefix`; a later process removes it if this one is killed."""
    remove_abandoned_folders(prefix, Path(tempfile.gettempdir()))
    return tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-", ignore_cleanup_errors=True)


@cache
def remove_abandoned_folders(prefix: str, parent: Path) -> None:
    """Remove the folders of processes that were killed before they could remove them; once in a process."""
    if os.name != "posix":
        return  # on Windows os.kill(pid, 0) ends the process
    for folder in parent.glob(f"{prefix}*"):
        owner = re.match(rf"{re.escape(prefix)}(\d+)-", folder.name)
        if owner is None:
            continue
        try:
            os.kill(int(owner[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (PermissionError, OverflowError):
            continue  # the folder of another user's process
