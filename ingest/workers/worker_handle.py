"""One worker process seen from the process that started it: start, hand it stretches, hear of it, kill it.

Started afresh by the interpreter (no fork, and the caller's main module is not imported again), in a process group of
its own: Ctrl-C is for the parent, and what a worker started dies with it. POSIX only. Knows nothing of order or pages.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Any

from pagelens.core.errors import PageLensError
from pagelens.ingest.workers.worker_process import Message, Ready, Setup, Stretch

START_SECONDS = 120.0
_ERROR_BYTES = 2_000  # of what it wrote to standard error
_BOOT = """
import sys
from multiprocessing.connection import Connection
connection = Connection(int(sys.argv[1]))
sys.path[:] = connection.recv()
from pagelens.ingest.workers.worker_process import serve
serve(connection, int(sys.argv[2]))
"""
# One thread each: there is a worker for each core.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class WorkerGone(Exception):
    """The process ended by itself; the text says how."""


class WorkerSilent(Exception):
    """Nothing was heard of the process in the time given. It goes on, and should be killed."""


class WorkerHandle:
    """A running worker. Not for two threads at once, except `kill`."""

    def __init__(self, setup: bytes) -> None:
        """Start it with a pickled `Setup`, and do not wait until it is there."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `dispose`
        ours, theirs = Pipe()
        reading, self._lifeline = os.pipe()  # the kernel closes our end when we die, however we die
        self._connection: Connection[Any, Any] = ours
        try:
            self._process = self._started(theirs.fileno(), reading)
        finally:
            theirs.close()
            os.close(reading)
        self._is_ready = False
        with suppress(OSError):  # it is gone already: `receive` will say how
            ours.send([entry for entry in sys.path if entry])  # "" is the current folder, whose code is not ours
            ours.send_bytes(setup)

    def _started(self, connection: int, lifeline: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-P", "-X", f"utf8={sys.flags.utf8_mode}", "-c", _BOOT, str(connection), str(lifeline)],
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

    def send(self, stretch: Stretch) -> None:
        """Hand it a stretch. Raises PageLensError where the process cannot be started."""
        if not self._is_ready:
            self._await_start()
            self._is_ready = True
        with suppress(OSError):  # it is gone: `receive` will say how
            self._connection.send(stretch)

    def receive(self, seconds: float) -> Message:
        """Return its next message. Raises WorkerGone; WorkerSilent after so many seconds."""
        try:
            if not self._connection.poll(seconds):
                raise WorkerSilent
            message: Message = self._connection.recv()
        except (EOFError, OSError) as exc:
            raise WorkerGone(self._how_it_ended()) from exc
        return message

    def kill(self) -> None:
        """End it and what it started, whatever they are doing. For any thread; `receive` will raise."""
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a zombie's group
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def dispose(self) -> None:
        """Kill it and leave nothing of it."""
        self.kill()
        self._process.wait()
        self._connection.close()
        self._errors.close()
        os.close(self._lifeline)

    def _await_start(self) -> None:
        try:
            message = self.receive(START_SECONDS)
        except WorkerSilent:
            how = f"not ready after {START_SECONDS:g} s"
        except WorkerGone as exc:
            how = f"{exc}: {self._last_words()}"
        else:
            assert isinstance(message, Ready), message
            return
        raise PageLensError(f"cannot start a process for reading files ({how}). Without such processes: 0 workers")

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(START_SECONDS)  # it closed its connection, so it is about to end
        except subprocess.TimeoutExpired:
            return "closed its connection"
        if status >= 0:
            return f"exit status {status}"
        return signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"

    def _last_words(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _ERROR_BYTES))
        return self._errors.read().decode(errors="replace").strip()


def pickled(setup: Setup) -> bytes:
    """Return a setup as it is sent. Raises what pickle raises of parts that no other process could import."""
    return pickle.dumps(setup, protocol=pickle.HIGHEST_PROTOCOL)
