"""Options for opening files, as plain values that can be sent to worker processes."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReaderOptions:
    """How files are opened."""

    passwords: tuple[str, ...] = ()  # tried on encrypted PDFs
    soffice: Path | None = None  # LibreOffice's program; None: searched where its installer puts it
    office_seconds: float = 120.0  # limit on LibreOffice's conversion of a file

    def __repr__(self) -> str:
        """Hide the passwords, since this may be logged."""
        return f"ReaderOptions(passwords=<{len(self.passwords)}>, soffice={self.soffice!r})"


DEFAULT_READER_OPTIONS = ReaderOptions()
