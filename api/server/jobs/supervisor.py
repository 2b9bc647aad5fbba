"""Supervises the indexing process: starts it with the server, restarts it when it dies, stops it with the server.

The process has a process group of its own: Ctrl-C goes to the server, which stops it, and what it started ends with it.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 25.0  # seconds that a worker may take to stop before it is killed
MAX_RESTART_DELAY = 30.0  # seconds, reached by doubling when a worker keeps dying


class WorkerSupervisor:
    """Keeps one worker process running from `start` to `stop`."""

    def __init__(self, root: Path, *, default: str, only: bool) -> None:
        module = [sys.executable, "-P", "-m", "pagelens.api.server.jobs.worker", str(root), default]
        self._command = [*module, "only"] if only else module
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="worker-supervisor", daemon=True)
        self.starts = 0

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the worker and the thread that supervises it."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the worker; documents that it has read completely are kept."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT + 5)

    def _supervise(self) -> None:
        delay = 0.2
        while not self._stop.is_set():
            # The pipe closes when this process ends, however it ends.
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, process_group=0)
            self.starts += 1
            while self._process.poll() is None and not self._stop.wait(0.2):
                pass
            if self._stop.is_set():
                break
            _kill_group(self._process)
            logger.error("the worker died with exit code %s; it is restarted", self._process.returncode)
            self._stop.wait(delay)
            delay = min(2 * delay, MAX_RESTART_DELAY)
        if self._process is not None:
            _terminate(self._process)


def _terminate(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        logger.error("the worker did not stop within %g s; it is killed", STOP_TIMEOUT)
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a worker's process group."""
    with suppress(ProcessLookupError, PermissionError):  # the latter on macOS, for a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
