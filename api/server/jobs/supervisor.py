"""The indexing process beside the server: started with it, started again when it dies, ended with it."""

import logging
import subprocess
import sys
import threading
from pathlib import Path

logger = logging.getLogger(__name__)

PATIENCE = 25.0  # seconds that a worker told to end may take
LONGEST_WAIT = 30.0  # seconds before a worker that keeps dying is started again


class WatchedWorker:
    """Keeps one worker running from `start` to `stop`."""

    def __init__(self, root: Path, *, default: str, only: bool) -> None:
        module = [sys.executable, "-P", "-m", "pagelens.api.server.jobs.worker", str(root), default]
        self._command = [*module, "only"] if only else module
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="worker-watch", daemon=True)
        self.starts = 0

    @property
    def running(self) -> bool:
        """Whether the process lives now."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process's number, while it lives."""
        return self._process.pid if self._process is not None and self.running else None

    def start(self) -> None:
        """Start the worker and the thread that watches it."""
        self._thread.start()

    def stop(self) -> None:
        """End the worker: what it has read is kept."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE + 5)

    def _watch(self) -> None:
        wait = 0.2
        while not self._stop.is_set():
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)  # closed when we are gone
            self.starts += 1
            while self._process.poll() is None and not self._stop.wait(0.2):
                pass
            if self._stop.is_set():
                break
            logger.error("the worker died with %s; started again", self._process.returncode)
            self._stop.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT)
        if self._process is not None:
            _end(self._process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
