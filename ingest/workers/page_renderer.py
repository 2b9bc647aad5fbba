"""Renders pages, and reads the text on images, in worker processes within the limits of `worker_pool.WorkerLimits`."""

from pathlib import Path

from pagelens.core.types import ImageArray, Kind
from pagelens.ingest.files.digest import file_stamp
from pagelens.ingest.page_processing import ProcessingOptions
from pagelens.ingest.workers.messages import PageRendered, RecogniseRequest, RenderRequest, TextRecognised
from pagelens.ingest.workers.request_sender import RequestSender, unexpected
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, WorkerLimits
from pagelens.ingest.workers.worker_source import WorkerSource

QUERY_LIMITS = WorkerLimits(opening=60.0, recognising=60.0)
"""Limits on a picture that somebody searches by, and waits for: to decode it, and again to read the text on it."""


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

    def read_text(self, image: ImageArray) -> str:
        """Return the text on an image, (height, width, 3), of a page or a photo.

        Raises ReadError where the limits are met; RecognitionError; UsageError or WeightsError where the OCR engine
        cannot be loaded.
        """
        message = self._sender.send(RecogniseRequest(image), image.nbytes, "reading the text in the picture")
        if not isinstance(message, TextRecognised):
            raise unexpected("text", message)
        return message.text
