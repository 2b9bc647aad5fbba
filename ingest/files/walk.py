"""Finds files, knows a type by its content, hashes. Does not know what is inside a document."""

import errno
import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pagelens.core.errors import ReadCode, ReadError
from pagelens.core.types import Kind
from pagelens.ingest.events import Failed, Skipped
from pagelens.ingest.files.file_types import HEAD_BYTES, claimed_kind, describe, readable_kind
from pagelens.ingest.files.formats import document_format
from pagelens.ingest.reader_options import DEFAULT, ReaderOptions
from pagelens.ingest.readers.libreoffice import NEEDS_OFFICE, find_soffice
from pagelens.ingest.readers.photos.sidecars import sidecars

COLLECTION_FILES = ("collection.json", "pagelens.json")  # of a collection, and of a place where it keeps files
_COLLECTION_MARK = b'"pagelens"'
_COLLECTION_BYTES = 1 << 16  # how far into it the mark is looked for

READABLE = (
    "PageLens reads PDF, XPS, photos, books (EPUB, FB2, MOBI, CBZ), text, Markdown, HTML, SVG and, with LibreOffice, "
    "Office files"
)
_OF_PROGRAMS = ("node_modules", "__pycache__", "site-packages", "__MACOSX")  # texts that nobody wrote to be searched
_ONLY_NAMED = (".svg",)  # most are icons
_OF_THE_SYSTEM = ("/proc", "/sys", "/dev")  # no documents there, and files without end

_NO_SUCH_FILE = (errno.ELOOP, errno.ENAMETOOLONG)
_REASONS: dict[ReadCode, str] = {
    "denied": "reading is not permitted: check the permissions",
    "vanished": "there is no file at this path",
    "damaged": "the system could not read it: check the disk",
}


class Source(NamedTuple):
    """A file to read. `named`: the caller named it, instead of a folder it lies in."""

    path: Path
    named: bool


class Survey(NamedTuple):
    """How much a walk will find: an upper bound, since nothing was opened."""

    files: int
    size: int  # bytes


def walk(paths: Iterable[Path], options: ReaderOptions = DEFAULT) -> Iterator[Source | Failed | Skipped]:
    """Yield each file of the given files and folders once, in an order that depends on names only.

    Inside a folder names are sorted, hidden ones left out, and so is a folder that is a PageLens collection or holds a
    program's own files. Drawings are read where they are named; Office files in a folder where LibreOffice is
    installed. A link to a file is a path like any other. Links to folders are followed after everything else, into
    folders not yet seen: a loop ends.
    """
    walker = _Walker(has_office=find_soffice(options.soffice) is not None)
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


def identify(path: Path, options: ReaderOptions = DEFAULT) -> Kind:
    """Return what the file's first bytes show: PDFs and photos whatever their name, the rest where it agrees.

    Raises ReadError: empty, denied, vanished; mislabelled or damaged where the name claims a kind that the bytes deny;
    else unsupported, also for an Office file without LibreOffice.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ReadError("unsupported", "expected a file with content, found a folder, pipe, socket or device")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, ValueError) as exc:
        raise unreadable(exc) from exc
    if not head:
        raise ReadError("empty", "expected a document or a photo, found 0 bytes")
    kind = readable_kind(head, path)
    if kind is None:
        raise _not_readable(head, path, claimed_kind(path))
    if kind == "office" and find_soffice(options.soffice) is None:
        raise ReadError("unsupported", f"{document_format(head, path)} {NEEDS_OFFICE}")
    return kind


def digest(path: Path, kind: Kind | None = None) -> str:
    """Return the SHA-256 of the file's bytes, in hex. Raises ReadError: denied, vanished, damaged.

    A photo with files beside it that tell about it has the SHA-256 of its own and theirs, line by line: it is another
    document once one of them is edited.
    """
    beside = sidecars(path) if kind == "photo" else []
    try:
        found = [_hashed(one) for one in (path, *beside)]
    except (OSError, ValueError) as exc:
        raise unreadable(exc) from exc
    return hashlib.sha256("\n".join(found).encode()).hexdigest() if beside else found[0]


def _hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unreadable(exc: OSError | ValueError) -> ReadError:
    """Say what the operating system said."""
    if isinstance(exc, ValueError):
        return ReadError("vanished", f"no file can have this name: {exc}")
    code: ReadCode = "damaged"
    if isinstance(exc, PermissionError):
        code = "denied"
    elif isinstance(exc, FileNotFoundError | NotADirectoryError) or exc.errno in _NO_SUCH_FILE:
        code = "vanished"
    return ReadError(code, f"{_REASONS[code]} ({exc.strerror or exc})")


def _not_readable(head: bytes, path: Path, claimed: Kind | None) -> ReadError:
    found = describe(head)
    if claimed is None:
        return ReadError("unsupported", f"{READABLE}; this is {found}")
    if not head.strip(b"\0"):
        return ReadError("damaged", f"named {path.suffix} but it is {found}: copy or download it again")
    return ReadError("mislabelled", f"named {path.suffix} but it is {found}: rename it, or export it again")


@dataclass(slots=True)
class _Walker:
    """One walk's memory: what was yielded, which folders were entered, which folder links wait for the end."""

    has_office: bool
    files: set[str] = field(default_factory=set)  # absolute paths
    folders: set[tuple[int, int]] = field(default_factory=set)  # device, inode
    links: deque[Path] = field(default_factory=deque)

    def named(self, path: Path) -> Iterator[Source | Failed | Skipped]:
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except (OSError, ValueError) as exc:
            yield _failed(path, exc)
            return
        if not is_folder:
            yield from self._file(path, named=True)
        elif _is_collection(path):
            yield Failed(path, "unsupported", "expected documents, found a PageLens collection: name another folder")
        else:
            yield from self._folder(path)

    def linked(self) -> Iterator[Source | Failed | Skipped]:
        while self.links:
            link = self.links.popleft()
            target, place = Path(os.path.realpath(link)), Path(os.path.realpath(link.parent))
            if place.is_relative_to(target):
                yield Skipped(link, "links back to a folder that holds it")
            else:
                yield from self._folder(link)

    def _file(self, path: Path, *, named: bool) -> Iterator[Source | Skipped]:
        absolute = os.path.abspath(path)  # noqa: PTH100 - Path.absolute keeps '..', and resolving would follow links
        if absolute in self.files:
            return
        reason = "" if named else self._unwanted(path)
        if reason:
            yield Skipped(path, reason)  # it may still be named
        else:
            self.files.add(absolute)
            yield Source(path, named)

    def _unwanted(self, path: Path) -> str:
        """Say why a file in a folder is not read; it is when it is named."""
        if path.suffix.lower() in _ONLY_NAMED:
            return f"{path.suffix} drawings are read where they are named"
        if not self.has_office and claimed_kind(path) == "office":
            return f"{path.suffix} {NEEDS_OFFICE}"
        return ""

    def _folder(self, root: Path) -> Iterator[Source | Failed | Skipped]:
        waiting = [(root, True)]  # a stack, since a tree may be deeper than Python's
        while waiting:
            path, is_folder = waiting.pop()
            if not is_folder:
                yield from self._file(path, named=False)
                continue
            if str(path) in _OF_THE_SYSTEM or (path != root and path.name in _OF_PROGRAMS):
                yield Skipped(path, "a folder of the system's or a program's own")
                continue
            try:
                if not self._enter(path):
                    if path == root:
                        yield Skipped(path, "this folder was read already")
                elif _is_collection(path):
                    yield Skipped(path, "a PageLens collection")
                else:
                    waiting.extend(reversed(self._entries(path)))
            except OSError as exc:
                yield _failed(path, exc)

    def _enter(self, folder: Path) -> bool:
        status = folder.stat()
        key = (status.st_dev, status.st_ino)
        is_new = key not in self.folders
        self.folders.add(key)
        return is_new

    def _entries(self, folder: Path) -> list[tuple[Path, bool]]:
        """List a folder's visible entries by name, each with whether it is a folder; folder links are put aside."""
        with os.scandir(folder) as listing:
            entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=_name)
        found: list[tuple[Path, bool]] = []
        for entry in entries:
            if _links_to_folder(entry):
                self.links.append(folder / entry.name)
            else:
                found.append((folder / entry.name, entry.is_dir(follow_symlinks=False)))
        return found


def _name(entry: "os.DirEntry[str]") -> str:
    return entry.name


def _links_to_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_collection(folder: Path) -> bool:
    return any(_is_marked(folder / name) for name in COLLECTION_FILES)


def _is_marked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _COLLECTION_MARK in file.read(_COLLECTION_BYTES)
    except OSError:
        return False


def _failed(path: Path, exc: OSError | ValueError) -> Failed:
    error = unreadable(exc)
    return Failed(path, error.code, str(error))
