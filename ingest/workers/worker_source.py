"""Where worker processes come from: started for one run, or kept warm between runs."""

import math
import threading
from collections.abc import Callable
from typing import Protocol

from pagelens.ingest.workers.messages import CloseFile, WorkerMessage, WorkerRequest
from pagelens.ingest.workers.worker_handle import WorkerHandle

MAX_IDLE = 2
"""Idle processes kept: one that reads documents and one that renders pages, whose setups differ."""
IDLE_SECONDS = 60.0
"""How long an idle process is kept: with an OCR engine it holds up to 1 GiB."""

MAX_LOST = 3
"""Workers that may be lost (`worker_handle.WorkerLost`) over one piece of work; then the work may be what ends them."""


class Worker(Protocol):
    """A process that reads files, on this machine or another. Not for two threads at once, except `kill`."""

    @property
    def is_alive(self) -> bool:
        """Whether the process is running."""
        ...

    def send(self, request: WorkerRequest) -> None:
        """Send a request. Raises PageLensError where the process could not be started."""
        ...

    def receive(self, seconds: float, cpu_seconds: float = math.inf) -> WorkerMessage:
        """Return its next message. Raises WorkerDied, WorkerLost, and WorkerTimeout after `seconds`."""
        ...

    def kill(self) -> None:
        """Kill the process. For any thread; `receive` then raises WorkerDied."""
        ...

    def dispose(self) -> None:
        """Kill the process and free its resources."""
        ...


class WorkerSource(Protocol):
    """Gives worker processes out and takes them back."""

    @property
    def keeps_workers(self) -> bool:
        """Tell whether workers that are taken back serve again, so that it pays to let them finish."""
        ...

    def take(self, setup: bytes) -> Worker:
        """Return a worker with a setup (see `worker_handle.pickled`) that is the caller's alone."""
        ...

    def give_back(self, setup: bytes, worker: Worker) -> None:
        """Take back a worker that has answered all requests."""
        ...


class NewWorkers:
    """Starts a process each time, and ends it when it is given back."""

    keeps_workers = False

    def take(self, setup: bytes) -> Worker:
        """Start a process."""
        return WorkerHandle(setup)

    def give_back(self, setup: bytes, worker: Worker) -> None:  # noqa: ARG002 - as the protocol has it
        """End the process."""
        worker.dispose()


class WarmWorkers:
    """Keeps processes for the next run with the same setup: a start takes longer than reading a page. Thread-safe."""

    keeps_workers = True

    def __init__(
        self,
        start: Callable[[bytes], Worker] = WorkerHandle,
        *,
        max_idle: int = MAX_IDLE,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """`start` starts a process with a setup without waiting for it."""
        self._start = start
        self._max_idle, self._idle_seconds = max_idle, idle_seconds
        self._lock = threading.Lock()
        self._idle: list[tuple[bytes, Worker, threading.Timer]] = []  # the longest idle first

    def take(self, setup: bytes) -> Worker:
        """Return an idle process with this setup, else start one."""
        with self._lock:
            found = next((entry for entry in reversed(self._idle) if entry[0] == setup), None)
            if found is not None:
                self._idle.remove(found)
        if found is None:
            return self._start(setup)
        found[2].cancel()
        if found[1].is_alive:
            return found[1]
        found[1].dispose()
        return self.take(setup)

    def give_back(self, setup: bytes, worker: Worker) -> None:
        """Keep the process for a while; end the longest idle one where there are too many."""
        worker.send(CloseFile())
        timer = threading.Timer(self._idle_seconds, self._retire, [worker])
        timer.daemon = True
        with self._lock:
            self._idle.append((setup, worker, timer))
            surplus, self._idle = self._idle[: -self._max_idle], self._idle[-self._max_idle :]
            timer.start()
        _end(surplus)

    def close(self) -> None:
        """End the idle processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        _end(idle)

    def _retire(self, worker: Worker) -> None:
        with self._lock:
            retired = [entry for entry in self._idle if entry[1] is worker]
            self._idle = [entry for entry in self._idle if entry[1] is not worker]
        _end(retired)


def _end(entries: list[tuple[bytes, Worker, threading.Timer]]) -> None:
    for _, worker, timer in entries:
        timer.cancel()
        worker.dispose()
