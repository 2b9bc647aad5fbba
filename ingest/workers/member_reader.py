"""Lists and extracts the members of containers in worker processes, within limits on time and memory."""

from pathlib import Path

from pagelens.ingest.files.digest import file_stamp
from pagelens.ingest.members.extraction import Member
from pagelens.ingest.page_processing import ProcessingOptions
from pagelens.ingest.workers.messages import ExtractMemberRequest, ListMembersRequest, MemberExtracted, MembersFound
from pagelens.ingest.workers.request_sender import RequestSender, unexpected
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, WorkerLimits
from pagelens.ingest.workers.worker_source import WorkerSource


class MemberReader:
    """Opens containers. POSIX only."""

    def __init__(self, source: WorkerSource, options: ProcessingOptions, limits: WorkerLimits = DEFAULT_LIMITS) -> None:
        self._sender = RequestSender(source, options, limits)

    def list(self, path: Path) -> list[Member]:
        """Return the members of a container. Raises ReadError, also where the limits are met."""
        message = self._sender.send(ListMembersRequest(path), file_stamp(path).size, "listing the files in it")
        if not isinstance(message, MembersFound):
            raise unexpected("a list of files", message)
        return [*message.members]

    def extract(self, path: Path, target: Path) -> str:
        """Write a member to a file; return its SHA-256. Raises ReadError, also where the limits are met."""
        message = self._sender.send(ExtractMemberRequest(path, target), file_stamp(path).size, "taking the file out")
        if not isinstance(message, MemberExtracted):
            raise unexpected("a file", message)
        return message.sha256
