"""One worker process, as seen by the process that started it: start it, send requests, receive messages, kill it.

The process is started with a new interpreter (no fork, and the caller's main module is not imported again) in a process
group of its own: Ctrl-C goes to the parent only, and whatever the worker started ends with it. POSIX only.
"""

import math
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from pagelens.core.errors import PageLensError
from pagelens.ingest.workers.messages import WorkerMessage, WorkerReady, WorkerRequest, WorkerSetup

START_SECONDS = 120.0
_POLL_SECONDS = 0.5  # between two looks at the CPU time
_PROGRAM = "pagelens.ingest.workers.worker_process"
_MAX_ERROR_BYTES = 2_000  # of its standard error, quoted where it cannot start
# One thread in each worker: there is a worker for each core.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class WorkerDied(Exception):
    """The process ended; the message says how."""


class WorkerLost(WorkerDied):
    """The process ended with the machine, or with the process on another machine, that it depends on."""


class WorkerTimeout(Exception):
    """The process sent nothing in the time given, which the message states. It is running and should be killed."""


class WorkerHandle:
    """A worker process. Implements `worker_source.Worker`. Not for two threads at once, except `kill`."""

    def __init__(self, setup: bytes) -> None:
        """Start the process without waiting for it; `setup` comes from `pickled`."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `dispose`
        ours, theirs = Pipe()
        reading, self._lifeline = os.pipe()  # the kernel closes our end when we die, however we die
        self._connection: Connection[Any, Any] = ours
        try:
            self._process = self._start(theirs.fileno(), reading)
        finally:
            theirs.close()
            os.close(reading)
        self._is_ready = False
        with suppress(OSError):  # it has ended already: `receive` says how
            ours.send(
                [entry for entry in sys.path if entry]
            )  # "" is the current folder, whose modules are not to be imported
            ours.send_bytes(setup)

    def _start(self, connection: int, lifeline: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-P", "-X", f"utf8={sys.flags.utf8_mode}", "-m", _PROGRAM, str(connection), str(lifeline)],
            pass_fds=(connection, lifeline),
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            process_group=0,
            env={**os.environ, **_ONE_THREAD},
        )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def send(self, request: WorkerRequest) -> None:
        """Send a request. Raises PageLensError where the process could not be started."""
        if not self._is_ready:
            self._await_start()
            self._is_ready = True
        with suppress(OSError):  # it has ended: `receive` says how
            self._connection.send(request)

    def receive(self, seconds: float, cpu_seconds: float = math.inf) -> WorkerMessage:
        """Return its next message. Raises WorkerDied, and WorkerTimeout after `seconds`.

        On Linux, WorkerTimeout is also raised once the process has computed for `cpu_seconds`: other than `seconds`,
        those do not pass while other processes have the cores.
        """
        end, cpu_end = time.monotonic() + seconds, self._cpu_seconds() + cpu_seconds
        try:
            while not self._connection.poll(max(0.0, min(_POLL_SECONDS, end - time.monotonic()))):
                if time.monotonic() >= end:
                    raise WorkerTimeout(f"more than {seconds:g} s")
                if self._cpu_seconds() >= cpu_end:
                    raise WorkerTimeout(f"more than {cpu_seconds:g} s of CPU time")
            message: WorkerMessage = self._connection.recv()
        except (EOFError, OSError) as exc:
            raise WorkerDied(self._exit_reason()) from exc
        return message

    def _cpu_seconds(self) -> float:
        """Return how long the process has computed since it started, 0 where there is no /proc."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()  # see proc(5)
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # in user and in system mode

    def kill(self) -> None:
        """Kill the process and those that it started. For any thread; `receive` then raises WorkerDied."""
        with suppress(ProcessLookupError, PermissionError):  # the latter on macOS, for the group of a zombie
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def dispose(self) -> None:
        """Kill the process and free its resources."""
        self.kill()
        self._process.wait()
        self._connection.close()
        self._errors.close()
        os.close(self._lifeline)

    def _await_start(self) -> None:
        try:
            message = self.receive(START_SECONDS)
        except WorkerTimeout:
            reason = f"not ready after {START_SECONDS:g} s"
        except WorkerDied as exc:
            reason = f"{exc}: {self._error_output()}"
        else:
            assert isinstance(message, WorkerReady), message
            return
        raise PageLensError(f"cannot start a process for reading files ({reason}). Without such processes: 0 workers")

    def _exit_reason(self) -> str:
        try:
            status = self._process.wait(START_SECONDS)  # it closed its connection, so it is ending
        except subprocess.TimeoutExpired:
            return "closed its connection"
        if status >= 0:
            return f"exit status {status}"
        return signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"

    def _error_output(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _MAX_ERROR_BYTES))
        return self._errors.read().decode(errors="replace").strip()


def pickled(setup: WorkerSetup) -> bytes:
    """Return a setup as bytes. Raises whatever pickle raises for parts that another process could not import."""
    return pickle.dumps(setup, protocol=pickle.HIGHEST_PROTOCOL)
