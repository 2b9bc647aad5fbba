"""Reads the fields of forms in worker processes, within limits on time and memory."""

from pathlib import Path

from pagelens.core.types import Kind
from pagelens.ingest.files.digest import file_stamp
from pagelens.ingest.form_fields import FormField
from pagelens.ingest.page_processing import ProcessingOptions
from pagelens.ingest.workers.messages import FormFieldsFound, ReadFormRequest
from pagelens.ingest.workers.request_sender import RequestSender, unexpected
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, WorkerLimits
from pagelens.ingest.workers.worker_source import WorkerSource


class FormReader:
    """Reads form fields. POSIX only."""

    def __init__(self, source: WorkerSource, options: ProcessingOptions, limits: WorkerLimits = DEFAULT_LIMITS) -> None:
        self._sender = RequestSender(source, options, limits)

    def read(self, path: Path, kind: Kind) -> list[FormField]:
        """Return the fields of a file's form. Raises ReadError, also where the limits are met."""
        message = self._sender.send(ReadFormRequest(path, kind), file_stamp(path).size, "reading the form")
        if not isinstance(message, FormFieldsFound):
            raise unexpected("the fields of a form", message)
        return [*message.fields]
