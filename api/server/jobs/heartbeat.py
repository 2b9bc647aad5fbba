"""The sign of life of the indexing process: when it made its last step, for `/readyz`."""

import os
import time
from pathlib import Path

STALLED_SECONDS = 120.0  # without a step; while it works it makes one about every half second


class Heartbeat:
    """A file that contains the id of the process that holds the worker lock; it is touched at each of its steps."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def start(self) -> None:
        """Record that this process holds the lock."""
        self._path.write_text(str(os.getpid()))

    def beat(self) -> None:
        """Record that this process makes a step."""
        self._path.touch()

    def problem(self) -> str:
        """Return what is wrong if the process that holds the lock has stalled; "" if not, or if it has ended."""
        try:
            process, seconds = int(self._path.read_text()), time.time() - self._path.stat().st_mtime
        except (OSError, ValueError):  # no process has started yet, or it is just starting
            return ""
        if seconds < STALLED_SECONDS or not _is_alive(process):
            return ""
        return (
            f"the indexing process {process} holds the worker lock and has made no step for {seconds:.0f} s: uploads "
            f"wait. The server's operator: kill {process}"
        )


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:  # it belongs to another user
        return True
    except (OSError, OverflowError):
        return False
    return True
