"""Values of the job queue: jobs and their files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

JobKind = Literal["index", "remove"]
JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
FileState = Literal["queued", "indexed", "removed", "failed", "cancelled"]

ENDED: tuple[JobState, ...] = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to index, or a document (by `sha256`) to remove."""

    name: str
    path: str
    sha256: str | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of a job and its state."""

    seq: int
    name: str
    path: str
    sha256: str | None
    size: int
    state: FileState
    code: str
    reason: str
    pages: int
    attempts: int
    retry: bool


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job: `counts` are its files by state; `failed` means at least one file failed."""

    seq: int
    id: str
    kind: JobKind
    collection: str
    state: JobState
    created: str
    started: str | None
    finished: str | None
    pages: int
    current: str
    cancelling: bool
    counts: Mapping[FileState, int]

    @property
    def ended(self) -> bool:
        """Whether the job is finished, so that only a retry changes it."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result of one file."""

    seq: int
    state: FileState
    code: str = ""
    reason: str = ""
    pages: int = 0
    sha256: str | None = None
