"""How files are to be opened: what somebody outside decided. Plain values: they travel to worker processes."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReaderOptions:
    """Passwords to try on encrypted PDFs; LibreOffice's program, None: where its installer puts it."""

    passwords: tuple[str, ...] = ()
    soffice: Path | None = None
    office_seconds: float = 120.0  # LibreOffice may take for one file

    def __repr__(self) -> str:
        """Leave the passwords out: this may end in a log."""
        return f"ReaderOptions(passwords=<{len(self.passwords)}>, soffice={self.soffice!r})"


DEFAULT_READER_OPTIONS = ReaderOptions()
