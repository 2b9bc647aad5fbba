"""Supervises a process of a server: starts it with the server, restarts it when it dies, stops it with the server.

The process has a process group of its own: Ctrl-C goes to the server, which stops it, and what it started ends with it.
"""

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 25.0  # seconds that a process may take to stop before it is killed
MAX_RESTART_DELAY = 30.0  # seconds, reached by doubling when a process keeps dying


class ProcessSupervisor:
    """Keeps one process running from `start` to `stop`."""

    def __init__(self, command: Sequence[str], *, name: str, on_exit: Callable[[int], object] = lambda _: None) -> None:
        """`command` must end when its standard input is closed. `name` stands in the log: "worker". `on_exit` is called
        with the id of a process that died."""
        self._command = list(command)
        self._name = name
        self._on_exit = on_exit
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=f"{name}-supervisor", daemon=True)
        self.starts = 0

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process and the thread that supervises it."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the process; it may finish what it is at."""
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
            self._on_exit(self._process.pid)
            logger.error("the %s died with exit code %s; it is restarted", self._name, self._process.returncode)
            self._stop.wait(delay)
            delay = min(2 * delay, MAX_RESTART_DELAY)
        if self._process is not None:
            _terminate(self._process, self._name)


def _terminate(process: subprocess.Popen[bytes], name: str) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        logger.error("the %s did not stop within %g s; it is killed", name, STOP_TIMEOUT)
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a process's group."""
    with suppress(ProcessLookupError, PermissionError):  # the latter on macOS, for a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
