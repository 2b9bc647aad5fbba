"""SHA-256 digests of files, and a cache of them for processes that index the same folder again and again."""

import errno
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pagelens.core.errors import ReadCode, ReadError
from pagelens.ingest.members.member_paths import outer_file

SETTLED_NS = 2_000_000_000
"""A digest is cached only if the file was last modified at least so many nanoseconds before it was hashed: a file
system's clock may tick every two seconds (FAT), and a file may change twice within one tick (compare git's "racily
clean" entries)."""

DigestFunction = Callable[[Path], str]
"""A file to the SHA-256 of its bytes, in hex. Raises ReadError."""

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


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex. Raises ReadError: denied, vanished, damaged."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc


def file_stamp(path: Path) -> FileStamp:
    """Return a file's stamp; of a member, that of the file around it. Raises ReadError: denied, vanished, damaged."""
    try:
        status = outer_file(path).stat()
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
    """A `DigestFunction` that hashes a file again only if its stamp changed. For one thread."""

    def __init__(self, digest_function: DigestFunction = digest, clock: Callable[[], int] = time.time_ns) -> None:
        """`clock` returns nanoseconds since 1970, on the clock of the file system."""
        self._digest = digest_function
        self._clock = clock
        self._cache: dict[Path, tuple[FileStamp, str]] = {}

    def __call__(self, path: Path) -> str:
        """Return the digest of a file. Raises ReadError."""
        now, stamp = self._clock(), file_stamp(path)
        cached_stamp, cached_digest = self._cache.get(path, (None, ""))
        if stamp == cached_stamp:
            return cached_digest
        sha256 = self._digest(path)
        if stamp.modified + SETTLED_NS < now:
            self._cache[path] = stamp, sha256
        return sha256
