"""Events that reading files yields: pages of a document, its members, an unchanged file, a failure, a skipped file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pagelens.core.errors import ReadCode
from pagelens.core.types import Document, ImageArray, Page, Passage

SkipCode = (
    ReadCode
    | Literal[
        "needs-libreoffice",
        "only-if-named",
        "program-folder",
        "collection",
        "link-loop",
        "read-already",
        "sidecar",
        "too-deep",
        "too-many",
    ]
)
"""Why a file of a folder or a container is not read. Stable; `ReadCode` where its content is the reason."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file whose bytes were indexed before, or were read earlier in this run under another path."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class PageWindow:
    """Consecutive pages of one document with their passages. The tuples have one entry for each page."""

    path: Path
    document: Document
    pages: tuple[Page, ...]
    passages: tuple[tuple[Passage, ...], ...]
    inputs: tuple[tuple[str, ...], ...]  # the text to encode for each passage
    images: tuple[ImageArray | None, ...]  # None: no image was requested, or the page could not be rendered
    last: bool  # whether the document ends with this window


@dataclass(frozen=True, slots=True)
class Failed:
    """A file or folder that could not be read. Windows of it that were yielded before are to be discarded."""

    path: Path
    code: ReadCode
    reason: str
    sha256: str | None = None  # None where the bytes could not be read


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder inside a given folder or a container that is not read."""

    path: Path
    code: SkipCode
    reason: str


@dataclass(frozen=True, slots=True)
class MembersListed:
    """The files inside a container, whose own events follow. It comes before the last window of the container."""

    path: Path
    sha256: str
    members: tuple[Path, ...]  # their paths
    readable: int  # of those, the ones that are read


Event = Unchanged | PageWindow | Failed | Skipped | MembersListed
