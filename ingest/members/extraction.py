"""Takes members out of their containers: to list them with kind and digest, and one by one into temporary files.

Nothing is written outside a temporary folder, and no more than the limits allow: a member's size as stated is not
believed, its bytes are counted while they are unpacked.
"""

import hashlib
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from pagelens.core.errors import ReadError
from pagelens.core.types import MEMBER_SEPARATOR, Kind
from pagelens.ingest.events import SkipCode
from pagelens.ingest.files.digest import digest, os_read_error
from pagelens.ingest.files.walk import identify, short_reason, skip_reason
from pagelens.ingest.members.containers import Entry, entries
from pagelens.ingest.members.member_paths import MAX_DEPTH, is_hidden, split_member_path
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers.libreoffice import find_soffice
from pagelens.ingest.temporary_folders import MEMBER_FOLDER, temporary_folder

MAX_MEMBERS = 1_000  # of a container; the others are counted
MAX_MEMBER_BYTES = 200_000_000
MAX_TOTAL_BYTES = 1_000_000_000  # of all members of a container
_CHUNK = 1 << 20
_UNPACKING_ERRORS = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, ValueError),
)


class Member(NamedTuple):
    """A file in a container."""

    name: str
    kind: Kind | None  # None: it is not read
    sha256: str = ""
    size: int = 0  # bytes
    code: SkipCode = "unsupported"  # why it is not read
    reason: str = ""


def list_members(path: Path, options: ReaderOptions) -> list[Member]:
    """Return the members of a container in its order; those that cannot be read with the reason.

    `path` may itself be a member's. Raises ReadError for the container as a whole.
    """
    depth = len(split_member_path(path)[1])
    found: list[Member] = []
    with extracted(path, options) as file, closing(_named_entries(file, options)) as named:
        try:
            for entry in named:
                if len(found) == MAX_MEMBERS:
                    left = 1 + sum(1 for _ in named)
                    reason = f"{left} more files, of which only the first {MAX_MEMBERS:,} are read: unpack it first"
                    found.append(Member("*", None, code="too-many", reason=reason))
                elif depth >= MAX_DEPTH:
                    reason = f"nested deeper than {MAX_DEPTH} containers: unpack it first"
                    found.append(Member(entry.name, None, code="too-deep", reason=reason))
                else:
                    bytes_left = MAX_TOTAL_BYTES - sum(member.size for member in found)
                    found.append(_member(entry, bytes_left, options))
        except ReadError as error:
            if not found:
                raise
            found.append(Member("*", None, code=error.code, reason=f"the rest is lost: {error}"))
    return found


def _named_entries(file: Path, options: ReaderOptions) -> Generator[Entry]:
    yield from (entry for entry in entries(file, options) if not is_hidden(entry.name))


def _member(entry: Entry, bytes_left: int, options: ReaderOptions) -> Member:
    """Unpack a member to learn its kind and digest."""
    has_office = find_soffice(options.soffice) is not None
    if (skipped := skip_reason(Path(entry.name), has_office=has_office)) is not None:
        return Member(entry.name, None, code=skipped[0], reason=skipped[1])
    size = 0
    with temporary_folder(MEMBER_FOLDER) as folder:
        target = Path(folder) / f"member{PurePosixPath(entry.name).suffix[:20]}"
        try:
            sha256, size = _unpack(entry, target, min(MAX_MEMBER_BYTES, bytes_left))
            return Member(entry.name, identify(target, options), sha256, size)
        except ReadError as error:
            return Member(entry.name, None, size=size, code=error.code, reason=short_reason(error))


@contextmanager
def extracted(path: Path, options: ReaderOptions) -> Iterator[Path]:
    """Take a member out of its containers into a temporary file, under its own name; yield any other path as it is.

    Raises ReadError: vanished where the container is gone or has no such member, and what opening it raises.
    """
    file, names = split_member_path(path) if MEMBER_SEPARATOR in str(path) else (path, ())
    if not names:
        yield path
        return
    with temporary_folder(MEMBER_FOLDER) as folder:
        for level, name in enumerate(names):
            # The folders describe a photo as those of a path would: the container's name, and its own folders.
            target = Path(folder) / f".{level}" / file.stem / name
            target.parent.mkdir(parents=True)
            _extract(file, name, target, options)
            file = target
        yield file


def extract_member(path: Path, target: Path, options: ReaderOptions) -> str:
    """Write a member to a file; return its SHA-256. Raises ReadError."""
    with extracted(path, options) as file:
        shutil.copyfile(file, target)
    return digest(target)


def _extract(container: Path, name: str, target: Path, options: ReaderOptions) -> None:
    with closing(_named_entries(container, options)) as named:
        for entry in named:
            if entry.name == name:
                _unpack(entry, target, MAX_MEMBER_BYTES)
                return
    raise ReadError("vanished", f"expected {name!r} in {container.name}, found it gone: index it again")


def _unpack(entry: Entry, target: Path, limit: int) -> tuple[str, int]:
    """Write a member to a file; return its SHA-256 and its size. Raises ReadError."""
    try:
        with entry.open() as stream, target.open("wb") as file:
            return _copy(stream, file, limit)
    except ReadError:
        raise
    except OSError as exc:
        raise os_read_error(exc) from exc
    except _UNPACKING_ERRORS as exc:
        raise ReadError("damaged", f"it cannot be unpacked ({exc})") from exc


def _copy(stream: IO[bytes], file: IO[bytes], limit: int) -> tuple[str, int]:
    sha256, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise ReadError("too-large", f"expected at most {limit:,} bytes, found more: unpack it first")
        sha256.update(chunk)
        file.write(chunk)
    return sha256.hexdigest(), size
