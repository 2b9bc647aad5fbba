"""Options for opening files, as plain values that can be sent to worker processes."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_MAX_PAGES = 10_000
"""Pages of a document, unless an option says otherwise: some minutes of reading."""


@dataclass(frozen=True, slots=True)
class ReaderOptions:
    """How files are opened."""

    passwords: tuple[str, ...] = ()  # tried on encrypted PDFs
    soffice: Path | None = None  # LibreOffice's program; None: searched where its installer puts it
    office_seconds: float = 110.0  # limit on LibreOffice's conversion of a file; less than that on opening one
    max_pages: int = DEFAULT_MAX_PAGES  # a document of more is not read
    excluded: tuple[Path, ...] = ()  # absolute paths of files that a walk leaves out: tables of metadata

    def __repr__(self) -> str:
        """Hide the passwords, since this may be logged."""
        return f"ReaderOptions(passwords=<{len(self.passwords)}>, soffice={self.soffice!r})"


DEFAULT_READER_OPTIONS = ReaderOptions()
