"""SHA-256 digests of files, and a cache of them for processes that index the same folder again and again."""

import errno
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pagelens.core.errors import ReadCode, ReadError
from pagelens.core.types import Kind
from pagelens.ingest.readers.photos.sidecars import sidecars

SETTLED_NS = 2_000_000_000
"""A digest is cached only if the file was last modified at least so many nanoseconds before it was hashed: a file
system's clock may tick every two seconds (FAT), and a file may change twice within one tick (compare git's "racily
clean" entries)."""

DigestFunction = Callable[[Path, Kind | None], str]
"""A file and its kind to the SHA-256 it is known by, as `digest` returns it. Raises ReadError."""

_NO_SUCH_FILE = (errno.ELOOP, errno.ENAMETOOLONG)
_REASONS: dict[ReadCode, str] = {
    "denied": "reading is not permitted: check the permissions",
    "vanished": "there is no file at this path",
    "damaged": "the system could not read it: check the disk",
}


class FileStamp(NamedTuple):
    """What the file system says of a file's content; differs once the file was changed."""

    size: int  # bytes
    modified: int  # nanoseconds since 1970
    inode: int


def digest(path: Path, kind: Kind | None = None) -> str:
    """Return the SHA-256 of a file's bytes, in hex. Raises ReadError: denied, vanished, damaged.

    A photo with sidecar files has the SHA-256 of the list of its own and their digests, so that it is another document
    once a sidecar was edited.
    """
    beside = sidecars(path) if kind == "photo" else []
    try:
        digests = [_sha256(file) for file in (path, *beside)]
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    return hashlib.sha256("\n".join(digests).encode()).hexdigest() if beside else digests[0]


def file_stamp(path: Path) -> FileStamp:
    """Return a file's stamp. Raises ReadError: denied, vanished, damaged."""
    try:
        status = path.stat()
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)


def os_read_error(exc: OSError | ValueError) -> ReadError:
    """Translate what the operating system raised (ValueError: a name that no file can have)."""
    if isinstance(exc, ValueError):
        return ReadError("vanished", f"no file can have this name: {exc}")
    code: ReadCode = "damaged"
    if isinstance(exc, PermissionError):
        code = "denied"
    elif isinstance(exc, FileNotFoundError | NotADirectoryError) or exc.errno in _NO_SUCH_FILE:
        code = "vanished"
    return ReadError(code, f"{_REASONS[code]} ({exc.strerror or exc})")


class DigestCache:
    """A `DigestFunction` that hashes a file again only if its stamp, or that of a sidecar, changed. For one thread."""

    def __init__(self, digest_function: DigestFunction = digest, clock: Callable[[], int] = time.time_ns) -> None:
        """`clock` returns nanoseconds since 1970, on the clock of the file system."""
        self._digest = digest_function
        self._clock = clock
        self._cache: dict[tuple[Path, Kind | None], tuple[list[FileStamp], str]] = {}

    def __call__(self, path: Path, kind: Kind | None = None) -> str:
        """Return the digest of a file, its sidecars included. Raises ReadError."""
        now = self._clock()
        stamps = [file_stamp(file) for file in (path, *(sidecars(path) if kind == "photo" else []))]
        cached_stamps, cached_digest = self._cache.get((path, kind), ([], ""))
        if stamps == cached_stamps:
            return cached_digest
        sha256 = self._digest(path, kind)
        if all(stamp.modified + SETTLED_NS < now for stamp in stamps):
            self._cache[path, kind] = stamps, sha256
        return sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
