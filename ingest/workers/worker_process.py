"""The program of a worker process: processes page ranges, sends each page as soon as it is done, and renders pages.

`python -P -m pagelens.ingest.workers.worker_process CONNECTION LIFELINE`, both inherited file descriptors: a two-way
connection, and the reading end of a pipe that nobody writes to, whose other end closes when the parent ends. Then this
process ends too, whatever it is doing. It may be killed at any time: it leaves nothing behind.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from pagelens.core.errors import PageLensError, ReadError
from pagelens.core.types import Page
from pagelens.ingest.figures import find_figures
from pagelens.ingest.form_fields import read_form_fields
from pagelens.ingest.members.extraction import extract_member, list_members
from pagelens.ingest.ocr.page_ocr import read_page_or_photo_text
from pagelens.ingest.page_processing import ProcessedPage, ReadStage, parser_error
from pagelens.ingest.page_ranges import PageRangeReader
from pagelens.ingest.workers.messages import (
    CloseFile,
    ExtractMemberRequest,
    FiguresFound,
    FileOpened,
    FileRejected,
    FindFiguresRequest,
    FormFieldsFound,
    ListMembersRequest,
    MemberExtracted,
    MembersFound,
    OutOfMemory,
    PageChecked,
    PageRange,
    PageRendered,
    RangeCompleted,
    ReadFormRequest,
    RecogniseRequest,
    RenderRequest,
    RunAborted,
    StageStarted,
    TextRecognised,
    WorkerMessage,
    WorkerReady,
    WorkerRequest,
    WorkerSetup,
)

_STATM = Path("/proc/self/statm")


def serve(connection: "Connection[Any, Any]", lifeline: int) -> None:
    """Receive the parent's `sys.path`, a `WorkerSetup` and then requests; answer each with messages."""
    _end_with_parent(lifeline)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        sys.path[:] = connection.recv()
        setup: WorkerSetup = connection.recv()
        connection.send(WorkerReady())
        worker = _RequestProcessor(setup, connection.send)
        while True:
            worker.process(connection.recv())


class _RequestProcessor:
    def __init__(self, setup: WorkerSetup, send: Callable[[WorkerMessage], None]) -> None:
        self._memory = setup.memory
        self._options = setup.options
        self._reader = PageRangeReader(setup.options)
        self._send = send

    def process(self, request: WorkerRequest) -> None:
        """Process a request; send its pages and how it ended."""
        try:
            match request:
                case PageRange():
                    self._process_range(request)
                case RenderRequest():
                    self._render(request)
                case ListMembersRequest():
                    self._list_members(request)
                case ExtractMemberRequest():
                    self._extract(request)
                case FindFiguresRequest():
                    self._find_figures(request)
                case ReadFormRequest():
                    self._read_form(request)
                case RecogniseRequest():
                    self._recognise(request)
                case CloseFile():
                    self._reader.close()
        except MemoryError:
            self._send(OutOfMemory())
        except ReadError as error:
            self._reject(error)
        except PageLensError as error:
            self._send(RunAborted(error))
        except ConnectionError:
            raise  # the parent is gone
        except Exception as exc:  # noqa: BLE001 - whatever a parser raises costs the file, never the run
            self._reject(parser_error(exc))

    def _process_range(self, pages: PageRange) -> None:
        with _memory_limit(self._memory):
            document = self._reader.open(pages.job).document
        self._send(FileOpened(document))
        self._send_pages(pages)
        self._send(RangeCompleted())

    def _render(self, request: RenderRequest) -> None:
        with _memory_limit(self._memory):
            reader = self._options.reader(request.kind)
            image = reader.render_page(request.path, request.number, longest=request.longest)
            pixels = np.asarray(image.convert("RGB"))
        self._send(PageRendered(pixels))

    def _list_members(self, request: ListMembersRequest) -> None:
        with _memory_limit(self._memory):
            members = list_members(request.path, self._options.reader_options)
        self._send(MembersFound(tuple(members)))

    def _extract(self, request: ExtractMemberRequest) -> None:
        with _memory_limit(self._memory):
            sha256 = extract_member(request.path, request.target, self._options.reader_options)
        self._send(MemberExtracted(sha256))

    def _find_figures(self, request: FindFiguresRequest) -> None:
        with _memory_limit(self._memory):
            figures = find_figures(request.path, request.kind, self._options.reader_options)
        self._send(FiguresFound(tuple(figures)))

    def _read_form(self, request: ReadFormRequest) -> None:
        with _memory_limit(self._memory):
            fields = read_form_fields(request.path, request.kind, self._options.reader_options)
        self._send(FormFieldsFound(tuple(fields)))

    def _recognise(self, request: RecogniseRequest) -> None:
        assert self._options.ocr is not None, "a worker that recognises is set up with an OCR engine"
        with _memory_limit(self._memory):
            text = read_page_or_photo_text(self._options.ocr.recogniser, request.image).text
        self._send(TextRecognised(text))

    def _send_pages(self, pages: PageRange) -> None:
        processed: Iterator[ProcessedPage | None]
        if pages.check_only:
            processed = self._reader.check(pages.job)
        else:
            processed = self._reader.pages(pages.job, pages.first, pages.last, self._send_stage)
        while True:
            with _memory_limit(self._memory):
                try:
                    page = next(processed)
                except StopIteration:
                    return
            self._send(page or PageChecked())

    def _send_stage(self, page: Page, stage: ReadStage) -> None:
        self._send(StageStarted(page, stage))

    def _reject(self, error: ReadError) -> None:
        self._send(FileRejected(error.code, str(error)))
        self._reader.close()  # the parser may be in any state


@contextmanager
def _memory_limit(memory: int) -> Iterator[None]:
    """Let the address space grow by at most `memory` bytes inside; beyond that, allocations raise MemoryError.

    No limit on systems without /proc or resource limits.
    """
    try:
        import resource  # not on Windows

        current = int(_STATM.read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (current + memory, *before) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _end_with_parent(lifeline: int) -> None:
    """End this process, and those that it started, when the parent's end of the pipe closes.

    A thread waits for that. On Linux the kernel also sends a signal whose default is to end the process: MuPDF holds
    the interpreter's lock while it renders, so that no thread would run.
    """
    if sys.platform == "linux":
        import fcntl

        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp() if _leads_group() else os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_wait_for_parent, args=(lifeline,), daemon=True).start()


def _wait_for_parent(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    if _leads_group():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _leads_group() -> bool:
    return hasattr(os, "getpgrp") and os.getpgrp() == os.getpid()


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), int(sys.argv[2]))
