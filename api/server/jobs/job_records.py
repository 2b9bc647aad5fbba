"""Jobs and their files as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

JobKind = Literal["index", "remove"]
JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
FileState = Literal["queued", "indexed", "removed", "failed", "cancelled"]

ENDED: tuple[JobState, ...] = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be indexed, or a document to be removed."""

    name: str
    path: str
    sha256: str | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of a job and what became of it."""

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
    again: bool


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
        """Whether nothing more will happen unless somebody asks."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file."""

    seq: int
    state: FileState
    code: str = ""
    reason: str = ""
    pages: int = 0
    sha256: str | None = None
