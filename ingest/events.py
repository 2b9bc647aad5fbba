"""What reading a set of files tells, one event at a time. Knows the vocabulary; does not know who listens."""

from dataclasses import dataclass
from pathlib import Path

from pagelens.core.errors import ReadCode
from pagelens.core.types import Document, ImageArray, Page, Passage


@dataclass(frozen=True, slots=True)
class Unchanged:
    """These bytes were indexed before, or were read earlier in this run under another path."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Window:
    """Neighbouring pages of one document, with their passages and the texts to encode, one tuple a page."""

    path: Path
    document: Document
    pages: tuple[Page, ...]
    passages: tuple[tuple[Passage, ...], ...]
    inputs: tuple[tuple[str, ...], ...]  # what the encoder reads for each passage
    pictures: tuple[ImageArray | None, ...]  # of each page; None where none was asked for, or none could be made
    last: bool  # the document ends with this window


@dataclass(frozen=True, slots=True)
class Failed:
    """A file or folder that could not be read. Windows of it that came before are to be dropped."""

    path: Path
    code: ReadCode
    reason: str
    sha256: str | None = None  # where the bytes could be read


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder inside a walked folder that was never meant to be read."""

    path: Path
    reason: str


Event = Unchanged | Window | Failed | Skipped
