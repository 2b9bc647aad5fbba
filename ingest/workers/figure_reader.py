"""Lists the figures of documents in worker processes, within limits on time and memory."""

from pathlib import Path

from pagelens.core.types import Kind
from pagelens.ingest.figures import DocumentFigure
from pagelens.ingest.files.digest import file_stamp
from pagelens.ingest.page_processing import ProcessingOptions
from pagelens.ingest.workers.messages import FiguresFound, FindFiguresRequest
from pagelens.ingest.workers.request_sender import RequestSender, unexpected
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, WorkerLimits
from pagelens.ingest.workers.worker_source import WorkerSource


class FigureReader:
    """Lists figures. POSIX only."""

    def __init__(self, source: WorkerSource, options: ProcessingOptions, limits: WorkerLimits = DEFAULT_LIMITS) -> None:
        self._sender = RequestSender(source, options, limits)

    def find(self, path: Path, kind: Kind) -> list[DocumentFigure]:
        """Return the figures of a file. Raises ReadError, also where the limits are met."""
        message = self._sender.send(FindFiguresRequest(path, kind), file_stamp(path).size, "listing the figures")
        if not isinstance(message, FiguresFound):
            raise unexpected("a list of figures", message)
        return [*message.figures]
