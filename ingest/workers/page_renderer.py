"""Renders pages in worker processes, within the limits on time and memory of `worker_pool.WorkerLimits`."""

from pathlib import Path

from pagelens.core.types import ImageArray, Kind
from pagelens.ingest.files.digest import file_stamp
from pagelens.ingest.page_processing import ProcessingOptions
from pagelens.ingest.workers.messages import PageRendered, RenderRequest
from pagelens.ingest.workers.request_sender import RequestSender, unexpected
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, WorkerLimits
from pagelens.ingest.workers.worker_source import WorkerSource


class PageRenderer:
    """Renders pages; for several threads at once, as many processes as there are cores. POSIX only."""

    def __init__(self, source: WorkerSource, options: ProcessingOptions, limits: WorkerLimits = DEFAULT_LIMITS) -> None:
        self._sender = RequestSender(source, options, limits)

    def render(self, path: Path, kind: Kind, number: int, longest: int) -> ImageArray:
        """Return page `number` (from 1) of a file, (height, width, 3), at most `longest` pixels on its longer side.

        Raises ReadError, also where the limits are met.
        """
        request = RenderRequest(path, kind, number, longest)
        message = self._sender.send(request, file_stamp(path).size, "drawing the page")
        if not isinstance(message, PageRendered):
            raise unexpected("a page", message)
        return message.image
