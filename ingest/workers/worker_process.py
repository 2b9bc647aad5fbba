"""A worker process: opens files, makes stretches of their pages, sends each page as soon as it is made.

One file is open at a time, kept from stretch to stretch. The process may be killed at any instant: it owns nothing that
must be tidied up. It ends by itself when the one that started it is gone, whatever it is doing. Knows nothing of order,
limits of time or other workers: that is `pagelens.ingest.workers.worker_pool`.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from pagelens.core.errors import PageLensError, ReadCode, ReadError
from pagelens.core.types import Document, Page
from pagelens.ingest.page_processing import Job, MadePage, PageWork, Stage, blamed
from pagelens.ingest.page_ranges import StretchReader

_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker is told first."""

    work: PageWork
    memory: int  # bytes that opening a file, or a page, may add to the address space; where the system keeps to it


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring pages to make; those behind the file's end are left out."""

    job: Job
    first: int
    last: int
    bare: bool = False  # only read them, in this order, and send none


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker is there."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The stretch's file is open."""

    document: Document


@dataclass(frozen=True, slots=True)
class Begun:
    """A page as it is so far; now a further stage begins on it."""

    page: Page
    stage: Stage


@dataclass(frozen=True, slots=True)
class Made:
    """A page is done. Bare: without the page."""

    page: MadePage | None


@dataclass(frozen=True, slots=True)
class Ended:
    """The stretch is done."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Reading the file ends here, by a ReadError."""

    code: ReadCode
    reason: str


@dataclass(frozen=True, slots=True)
class Raised:
    """The run ends here: something that no file is to blame for."""

    error: PageLensError


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """What is being done takes more memory than it may. The worker is to be replaced."""


Message = Ready | Opened | Begun | Made | Ended | Refused | Raised | OutOfMemory
Send = Callable[[Message], None]


def serve(connection: Connection, lifeline: int) -> None:
    """Take a `Setup`, then a `Stretch` at a time, and answer with messages until the other side is closed.

    `lifeline` is the reading end of a pipe that nobody writes to; its other end closes when the parent ends.
    """
    _end_with(lifeline)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        setup: Setup = connection.recv()
        connection.send(Ready())
        worker = _Worker(setup, connection.send)
        while True:
            worker.make(connection.recv())


class _Worker:
    def __init__(self, setup: Setup, send: Send) -> None:
        self._memory = setup.memory
        self._reader = StretchReader(setup.work)
        self._send = send

    def make(self, stretch: Stretch) -> None:
        """Make a stretch and send what comes of it."""
        try:
            with _fenced(self._memory):
                document = self._reader.open(stretch.job).document
            self._send(Opened(document))
            self._make(stretch)
            self._send(Ended())
        except MemoryError:
            self._send(OutOfMemory())
        except ReadError as error:
            self._refuse(error)
        except PageLensError as error:
            self._send(Raised(error))
        except ConnectionError:
            raise  # the other side is gone
        except Exception as exc:  # noqa: BLE001 - the last resort against parsers: it costs the file, never the run
            self._refuse(blamed(exc))

    def _make(self, stretch: Stretch) -> None:
        pages: Iterator[MadePage | None] = (
            self._reader.bare(stretch.job)
            if stretch.bare
            else self._reader.pages(stretch.job, stretch.first, stretch.last, lambda *told: self._send(Begun(*told)))
        )
        while True:
            with _fenced(self._memory):
                try:
                    page = next(pages)
                except StopIteration:
                    return
            self._send(Made(page))

    def _refuse(self, error: ReadError) -> None:
        self._send(Refused(error.code, str(error)))
        self._reader.close()  # who knows what state it is in


@contextmanager
def _fenced(memory: int) -> Iterator[None]:
    """Let the address space grow by so many bytes at most inside: what asks for more gets none.

    Nothing on systems without /proc or limits.
    """
    try:
        import resource  # not on Windows

        now = int(_STATM.read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    bounds = [bound for bound in (now + memory, *before) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(bounds), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _end_with(lifeline: int) -> None:
    """End this process, and those that it started, when the parent's end of the pipe closes.

    A thread waits for it. Where the system can (Linux), it also sends a signal whose default is to end the process:
    MuPDF holds the interpreter's lock while it draws, and no thread would run then.
    """
    if sys.platform == "linux":
        import fcntl

        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp() if _leads_group() else os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_wait_for_the_end, args=(lifeline,), daemon=True).start()


def _wait_for_the_end(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    if _leads_group():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _leads_group() -> bool:
    return hasattr(os, "getpgrp") and os.getpgrp() == os.getpid()
