"""Starts servers of `tests.index.qdrant_server` and ends them, gently or not.

Each is a process of its own, forked from one that has imported what a server needs: that takes longer than the rest.
"""

import atexit
import json
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds for a server to end by itself


@cache
def _forks() -> "subprocess.Popen[str]":
    """Start the process that servers are forked from; it ends them when this one ends."""
    command = [sys.executable, "-m", "tests.index.qdrant_server"]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdin is not None
    atexit.register(process.wait)
    atexit.register(process.stdin.close)  # before the other
    return process


def _request(**request: Any) -> Any:
    process = _forks()
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    return json.loads(process.stdout.readline())


@dataclass
class QdrantProcess:
    """A server on loopback. A context manager that kills what is left."""

    folder: Path | None = None
    key: str = ""
    version: str = "1.17.0"
    port: int = 0
    die_after: int = 0
    busy: int = 0
    kill_after: int = 0
    pid_file: Path | None = None
    together: int = 0
    _pid: int = field(default=0, init=False)

    def __enter__(self) -> "QdrantProcess":
        options = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        for name in ("folder", "pid_file"):
            options[name] = str(options[name] or "")
        self._pid, self.port = _request(start=options)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        """Wait until it has ended by itself."""
        assert _request(wait=self._pid, seconds=PATIENCE), "the server is running"

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        _request(kill=self._pid)
