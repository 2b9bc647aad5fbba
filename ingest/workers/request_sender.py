"""Sends single requests to worker processes, within the limits on time and memory of `worker_pool.WorkerLimits`."""

import threading

from pagelens.core.errors import PageLensError, ReadError
from pagelens.encode.batching import usable_cores
from pagelens.ingest.page_processing import ProcessingOptions
from pagelens.ingest.workers.messages import (
    ExtractMemberRequest,
    FileRejected,
    FindFiguresRequest,
    ListMembersRequest,
    OutOfMemory,
    ReadFormRequest,
    RecogniseRequest,
    RenderRequest,
    RunAborted,
    WorkerMessage,
    WorkerSetup,
)
from pagelens.ingest.workers.worker_handle import WorkerDied, WorkerLost, WorkerTimeout, pickled
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, WorkerLimits
from pagelens.ingest.workers.worker_source import MAX_LOST, WorkerSource

SingleRequest = (
    RenderRequest | RecogniseRequest | ListMembersRequest | ExtractMemberRequest | FindFiguresRequest | ReadFormRequest
)


class RequestSender:
    """Sends requests; for several threads at once, to as many processes as there are cores. POSIX only."""

    def __init__(self, source: WorkerSource, options: ProcessingOptions, limits: WorkerLimits = DEFAULT_LIMITS) -> None:
        self._source = source
        self._limits = limits
        self._setup = pickled(WorkerSetup(options, limits.memory))
        self._free = threading.BoundedSemaphore(usable_cores())

    def send(self, request: SingleRequest, size: int, action: str) -> WorkerMessage:
        """Return the answer to a request about a file or an image of `size` bytes. `action` begins messages: "drawing
        the page".

        Raises ReadError, also where the limits are met.
        """
        with self._free:
            return self._result(self._message(request, size, action), action)

    def _message(self, request: SingleRequest, size: int, action: str, tries: int = MAX_LOST) -> WorkerMessage:
        worker = self._source.take(self._setup)
        is_reusable = False
        try:
            worker.send(request)
            message = worker.receive(*self._seconds(request, size))
            is_reusable = not isinstance(message, OutOfMemory)
        except WorkerTimeout as exc:
            raise ReadError("too-large", f"{action} took too long ({exc})") from exc
        except WorkerDied as exc:
            if isinstance(exc, WorkerLost) and tries > 1:
                return self._message(request, size, action, tries - 1)
            raise ReadError("damaged", f"{action} crashed ({exc}): copy or download the file again") from exc
        finally:
            if is_reusable:
                self._source.give_back(self._setup, worker)
            else:
                worker.dispose()
        return message

    def _seconds(self, request: SingleRequest, size: int) -> tuple[float, float]:
        """Return for how long a worker may take, and compute."""
        if isinstance(request, RecogniseRequest):  # somebody waits for it, other than for OCR of a document
            return self._limits.seconds("recognising"), self._limits.small_file
        return self._limits.seconds("opening"), self._limits.cpu_seconds("opening", size)

    def _result(self, message: WorkerMessage, action: str) -> WorkerMessage:
        match message:
            case FileRejected(code, reason):
                raise ReadError(code, reason)
            case RunAborted(error):
                raise error
            case OutOfMemory():
                reason = f"{action} takes too much memory (more than {self._limits.memory >> 20} MiB)"
                raise ReadError("too-large", reason)
            case _:
                return message


def unexpected(expected: str, message: WorkerMessage) -> PageLensError:
    """Return the error of a worker that answered something else."""
    return PageLensError(f"expected {expected} from a worker process, found {message}: please report it")
