"""Finds files, knows a type by its content, hashes. Opens nothing but heads; does not know what is inside a document."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from core.errors import ReadCode, ReadError
from core.types import Kind
from ingest.events import Failed, Skipped
from ingest.signatures import HEAD_BYTES, claimed_kind, describe, readable_kind

COLLECTION_FILE = "collection.json"
_COLLECTION_MARK = b'"pagelens"'
_COLLECTION_BYTES = 1 << 16  # how far into it the mark is looked for


class Source(NamedTuple):
    """A file to read. `named`: the caller named it, instead of a folder it lies in."""

    path: Path
    named: bool


class Survey(NamedTuple):
    """How much a walk will find: an upper bound, since nothing was opened."""

    files: int
    size: int  # bytes


def walk(paths: Iterable[Path]) -> Iterator[Source | Failed | Skipped]:
    """Yield each file of the given files and folders once, in an order that depends on names only.

    Inside a folder names are sorted, hidden ones left out, and so is a folder that is a PageLens collection. A link to a file
    is a path like any other. Links to folders are followed after everything else, into folders not yet seen: a loop ends.
    """
    walker = _Walker()
    for path in paths:
        yield from walker.named(path)
    yield from walker.linked()


def survey(paths: Iterable[Path]) -> Survey:
    """Count the files a walk yields and their bytes; nothing is opened."""
    files = size = 0
    for item in walk(paths):
        if isinstance(item, Source):
            files += 1
            try:
                size += item.path.stat().st_size
            except OSError:
                continue  # it will be a failure when it is read
    return Survey(files, size)


def identify(path: Path) -> Kind:
    """Return what the file's first bytes show, whatever its name.

    Raises ReadError: empty, denied, vanished; mislabelled where the name claims a kind that the bytes deny, else unsupported.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ReadError("unsupported", "expected a file with content, found a folder, pipe, socket or device")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, ValueError) as exc:
        raise unreadable(exc) from exc
    if not head:
        raise ReadError("empty", "expected a PDF or a photo, found 0 bytes")
    claimed = claimed_kind(path)
    kind = readable_kind(head, claimed)
    if kind is None:
        raise _not_readable(head, path, claimed)
    return kind


def digest(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, in hex. Raises ReadError: denied, vanished, damaged."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as exc:
        raise unreadable(exc) from exc


def unreadable(exc: OSError | ValueError) -> ReadError:
    """Say what the operating system said."""
    if isinstance(exc, ValueError):
        return ReadError("vanished", f"no file can have this name: {exc}")
    code: ReadCode = "damaged"
    if isinstance(exc, PermissionError):
        code = "denied"
    elif isinstance(exc, FileNotFoundError | NotADirectoryError) or exc.errno in _NO_SUCH_FILE:
        code = "vanished"
    return ReadError(code, _REASONS.get(code, "the system could not read it") + f" ({exc.strerror or exc})")


_NO_SUCH_FILE = (os.errno.ELOOP, os.errno.ENAMETOOLONG) if hasattr(os, "errno") else ()
_REASONS: dict[ReadCode, str] = {
    "denied": "reading is not permitted: check the permissions",
    "vanished": "there is no file at this path",
}


def _not_readable(head: bytes, path: Path, claimed: Kind | None) -> ReadError:
    found = describe(head)
    if not head.strip(b"\0"):
        return ReadError("damaged", f"expected a PDF or a photo, found {found}: copy or download it again")
    if claimed is None:
        return ReadError("unsupported", f"PageLens reads PDF, JPEG, PNG and WebP; this is {found}")
    return ReadError("mislabelled", f"named {path.suffix} but it is {found}: rename it, or export it again")
