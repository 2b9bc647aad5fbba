"""Renders pages in worker processes, within the limits on time and memory of `worker_pool.WorkerLimits`."""

import threading
from pathlib import Path

from pagelens.core.errors import PageLensError, ReadError
from pagelens.core.types import ImageArray, Kind
from pagelens.encode.batching import usable_cores
from pagelens.ingest.files.digest import file_stamp
from pagelens.ingest.page_processing import ProcessingOptions
from pagelens.ingest.workers.messages import (
    FileRejected,
    OutOfMemory,
    PageRendered,
    RenderRequest,
    RunAborted,
    WorkerSetup,
)
from pagelens.ingest.workers.worker_handle import WorkerDied, WorkerTimeout, pickled
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, WorkerLimits
from pagelens.ingest.workers.worker_source import WorkerSource


class PageRenderer:
    """Renders pages; for several threads at once, as many processes as there are cores. POSIX only."""

    def __init__(self, source: WorkerSource, options: ProcessingOptions, limits: WorkerLimits = DEFAULT_LIMITS) -> None:
        self._source = source
        self._limits = limits
        self._setup = pickled(WorkerSetup(options, limits.memory))
        self._free = threading.BoundedSemaphore(usable_cores())

    def render(self, path: Path, kind: Kind, number: int, longest: int) -> ImageArray:
        """Return page `number` (from 1) of a file, (height, width, 3), at most `longest` pixels on its longer side.

        Raises ReadError, also where the limits are met.
        """
        size = file_stamp(path).size
        with self._free:
            return self._render(RenderRequest(path, kind, number, longest), size)

    def _render(self, request: RenderRequest, size: int) -> ImageArray:
        worker = self._source.take(self._setup)
        is_reusable = False
        try:
            worker.send(request)
            message = worker.receive(self._limits.seconds("opening"), self._limits.cpu_seconds("opening", size))
            is_reusable = not isinstance(message, OutOfMemory)
        except WorkerTimeout as exc:
            raise ReadError("too-large", f"drawing the page took too long ({exc})") from exc
        except WorkerDied as exc:
            raise ReadError("damaged", f"drawing the page crashed ({exc}): copy or download the file again") from exc
        finally:
            if is_reusable:
                self._source.give_back(self._setup, worker)
            else:
                worker.dispose()
        match message:
            case PageRendered(image):
                return image
            case FileRejected(code, reason):
                raise ReadError(code, reason)
            case RunAborted(error):
                raise error
            case OutOfMemory():
                reason = f"drawing the page takes too much memory (more than {self._limits.memory >> 20} MiB)"
                raise ReadError("too-large", reason)
            case _:
                raise PageLensError(f"expected a page from a worker process, found {message}: please report it")
