"""The interface of a file store: where a collection keeps page images and original files.

    pictures/<document>/<page>-<pixels>.jpg           rendered on first request; may be deleted at any time
    originals/<document>/<SHA-256 of the bytes>.pdf   as they were indexed (`pagelens.index.original_files`)
    incoming/                                         incomplete files, removed by the next writer

A file store is the collection's own folder, a folder that several machines share (`file:///mnt/share/x`), or any other
address that fsspec supports, below a prefix of the collection's own. A file is there completely or not at all.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pagelens.core.errors import StoreError, UsageError

MARKER = "pagelens.json"
"""The file that marks a store as a collection's; without it the store is unavailable, or is something else."""

INCOMING = "incoming"
OWN_NAMES = {MARKER, INCOMING, "pictures", "originals"}
"""The names that PageLens uses directly below a collection's prefix."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}(/[A-Za-z0-9][A-Za-z0-9._-]{0,199}){0,2}")


class FileStore(Protocol):
    """Files under names of up to three parts. Every method raises StoreError when the store fails (DiskFull where a
    folder has no room), and UsageError for an invalid name."""

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes; None if there is no such file."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Create or replace a file atomically: a reader sees the old content or the new."""
        ...

    def put(self, name: str, source: Path) -> None:
        """Create or replace a file atomically and durably with the content of a local file."""
        ...

    def fetch(self, name: str, folder: Path) -> Path | None:
        """Return the path of a local copy, below `folder` if it must be downloaded; None if there is no such file."""
        ...

    def list_names(self, folder: str) -> Sequence[str]:
        """Return the names directly below a folder, sorted; none if it does not exist."""
        ...

    def remove(self, folder: str) -> None:
        """Remove a folder with its content, or a file, if it exists; "" stands for everything."""
        ...

    def require_ready(self) -> None:
        """Raise StoreError unless the store is reachable and belongs to the collection."""
        ...


def validate_name(name: str) -> str:
    """Return the name if it is valid: it then cannot lead out of its folder. Raises UsageError."""
    if name and not _NAME.fullmatch(name):
        raise UsageError(f"expected a file's name of letters, digits, '.', '_' and '-', found {name[:80]!r}")
    return name


def valid_names(names: Sequence[str]) -> list[str]:
    """Return the valid names among those listed: files that a disk or a share keeps for itself (`.DS_Store`,
    `.nfs0001`) are left out."""
    return [name for name in names if _NAME.fullmatch(name)]


def unavailable(address: str, problem: str) -> StoreError:
    """Return the error for a file store that cannot be used; `problem` continues "expected ..., "."""
    return StoreError(
        f"expected the collection's files (page pictures, originals) at {address}, {problem}. Is the address right, "
        "and may this machine read and write there? What was committed is kept: run the same command again."
    )
