"""Finds the files of folders, and identifies the kind of a file."""

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pagelens.core.errors import ReadError
from pagelens.core.types import Kind
from pagelens.ingest.events import Failed, SkipCode, Skipped
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.files.formats import HEAD_BYTES, claimed_kind, describe, find_format
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.readers.libreoffice import NEEDS_OFFICE, READ_WITHOUT_OFFICE, find_soffice

_COLLECTION_FILES = ("collection.json", "pagelens.json")  # of a collection, and of a folder where it stores files
_COLLECTION_MARK = b'"pagelens"'
_COLLECTION_BYTES = 1 << 16  # at the start of such a file, searched for the mark

_READABLE = (
    "PageLens reads PDF, XPS, photos, books (EPUB, FB2, MOBI, CBZ), text, Markdown, HTML, CSV, JSON, RTF, mail "
    "(EML, MSG, mbox), subtitles, SVG and, with LibreOffice, Office files"
)
_PROGRAM_FOLDERS = ("node_modules", "__pycache__", "site-packages", "__MACOSX")  # no texts for people
_SIDECARS = (".xmp", ".json")  # beside photos
_ONLY_IF_NAMED = {".svg": "drawings", ".json": "files"}  # most of them are icons, or data of programs
_WITHOUT_OFFICE = (".rtf", *(name for names in READ_WITHOUT_OFFICE.values() for name in names))
_SYSTEM_FOLDERS = ("/proc", "/sys", "/dev")  # no documents, and files without end


class Source(NamedTuple):
    """A file found by a walk."""

    path: Path
    named: bool  # whether the caller named it, and not a folder that it lies in


class Survey(NamedTuple):
    """How much a walk will find: an upper bound, since no file is opened."""

    files: int
    size: int  # bytes


def walk(paths: Iterable[Path], options: ReaderOptions = DEFAULT_READER_OPTIONS) -> Iterator[Source | Failed | Skipped]:
    """Yield each file of the given files and folders once, in an order that depends on names only.

    Entries of a folder are sorted by name. Hidden entries, PageLens collections and folders of programs are left out;
    drawings are yielded only where they are named, Office files of a folder only where LibreOffice is installed. A link
    to a file is yielded like a file. Links to folders are followed after everything else, each folder once.
    """
    walker = _Walker(has_office=find_soffice(options.soffice) is not None, files=set(map(str, options.excluded)))
    for path in paths:
        yield from walker.walk_named(path)
    yield from walker.walk_links()


def survey(paths: Iterable[Path], *, on_found: Callable[[int], None] = lambda _: None) -> Survey:
    """Return the number and the bytes of the files that a walk yields. `on_found` is given the number after each."""
    files = size = 0
    for item in walk(paths):
        if isinstance(item, Source):
            files += 1
            on_found(files)
            try:
                size += item.path.stat().st_size
            except OSError:
                continue  # reading it will report the error
    return Survey(files, size)


def identify(path: Path, options: ReaderOptions = DEFAULT_READER_OPTIONS) -> Kind:
    """Return a file's kind by its first bytes; for documents other than PDF its extension must agree with them.

    Raises ReadError: empty, denied, vanished; mislabelled or damaged where the extension claims another kind than the
    bytes show; else unsupported, also for an Office file without LibreOffice.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ReadError("unsupported", "expected a file with content, found a folder, pipe, socket or device")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    if not head:
        raise ReadError("empty", "expected a document or a photo, found 0 bytes")
    form = find_format(head, path)
    if form is None:
        raise _unreadable_content(head, path)
    if form.kind == "office" and find_soffice(options.soffice) is None:
        if form.name == "RTF":
            return "text"
        if form.name in READ_WITHOUT_OFFICE:
            return form.kind
        raise ReadError("unsupported", f"{form.name} {NEEDS_OFFICE}")
    return form.kind


def short_reason(error: ReadError) -> str:
    """Return why a file is not read, without the list of what PageLens reads."""
    return str(error).removesuffix(f"; {_READABLE}")


def _unreadable_content(head: bytes, path: Path) -> ReadError:
    found = describe(head)
    if claimed_kind(path) is None:
        return ReadError("unsupported", f"it is {found}; {_READABLE}")
    if not head.strip(b"\0"):
        return ReadError("damaged", f"named {path.suffix} but it is {found}: copy or download it again")
    return ReadError("mislabelled", f"named {path.suffix} but it is {found}: rename it, or export it again")


@dataclass(slots=True)
class _Walker:
    """The state of one walk."""

    has_office: bool
    files: set[str] = field(default_factory=set)  # absolute paths that were yielded
    folders: set[tuple[int, int]] = field(default_factory=set)  # device and inode of folders that were entered
    links: deque[Path] = field(default_factory=deque)  # to folders, followed at the end

    def walk_named(self, path: Path) -> Iterator[Source | Failed | Skipped]:
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

    def walk_links(self) -> Iterator[Source | Failed | Skipped]:
        while self.links:
            link = self.links.popleft()
            target, folder = Path(os.path.realpath(link)), Path(os.path.realpath(link.parent))
            if folder.is_relative_to(target):
                yield Skipped(link, "link-loop", "links back to a folder that holds it")
            else:
                yield from self._folder(link)

    def _file(self, path: Path, *, named: bool) -> Iterator[Source | Skipped]:
        absolute = os.path.abspath(path)  # noqa: PTH100 - Path.absolute keeps '..', and resolving would follow links
        if absolute in self.files:
            return
        skipped = None if named else skip_reason(path, has_office=self.has_office)
        if skipped is not None:
            yield Skipped(path, *skipped)  # a later argument may still name it
        else:
            self.files.add(absolute)
            yield Source(path, named)

    def _folder(self, root: Path) -> Iterator[Source | Failed | Skipped]:
        waiting = [(root, True)]  # a stack: folders may be nested deeper than Python's recursion limit
        while waiting:
            path, is_folder = waiting.pop()
            if not is_folder:
                yield from self._file(path, named=False)
                continue
            if str(path) in _SYSTEM_FOLDERS or (path != root and path.name in _PROGRAM_FOLDERS):
                yield Skipped(path, "program-folder", "a folder of the system's or a program's own")
                continue
            try:
                if not self._enter(path):
                    if path == root:
                        yield Skipped(path, "read-already", "this folder was read already")
                elif _is_collection(path):
                    yield Skipped(path, "collection", "a PageLens collection")
                else:
                    entries = self._entries(path)
                    used = _used_sidecars(path, entries)
                    yield from (Skipped(entry, "sidecar", "read with the photo beside it") for entry in used)
                    waiting.extend(entry for entry in reversed(entries) if entry[0] not in used)
            except OSError as exc:
                yield _failed(path, exc)

    def _enter(self, folder: Path) -> bool:
        status = folder.stat()
        key = (status.st_dev, status.st_ino)
        is_new = key not in self.folders
        self.folders.add(key)
        return is_new

    def _entries(self, folder: Path) -> list[tuple[Path, bool]]:
        """Return a folder's visible entries by name, each with whether it is a folder; put links to folders aside."""
        with os.scandir(folder) as listing:
            entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=_name)
        visible: list[tuple[Path, bool]] = []
        for entry in entries:
            if _links_to_folder(entry):
                self.links.append(folder / entry.name)
            else:
                visible.append((folder / entry.name, entry.is_dir(follow_symlinks=False)))
        return visible


def _used_sidecars(folder: Path, entries: list[tuple[Path, bool]]) -> list[Path]:
    """Return those files of a folder that are read as metadata of photos beside them."""
    possible = [path for path, is_folder in entries if not is_folder and path.suffix.lower() in _SIDECARS]
    if not possible:
        return []
    from pagelens.ingest.readers.photos.sidecars import used_sidecars

    used = used_sidecars(folder)
    return [path for path in possible if path.name in used]


def skip_reason(path: Path, *, has_office: bool) -> tuple[SkipCode, str] | None:
    """Return why a file of a folder is not read unless it is named, as a code and in words; None where it is read."""
    suffix = path.suffix.lower()
    if suffix in _ONLY_IF_NAMED:
        return "only-if-named", f"{path.suffix} {_ONLY_IF_NAMED[suffix]} are read where they are named"
    if not has_office and claimed_kind(path) == "office" and suffix not in _WITHOUT_OFFICE:
        return "needs-libreoffice", f"{path.suffix} {NEEDS_OFFICE}"
    return None


def _name(entry: "os.DirEntry[str]") -> str:
    return entry.name


def _links_to_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_collection(folder: Path) -> bool:
    return any(_is_marked(folder / name) for name in _COLLECTION_FILES)


def _is_marked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _COLLECTION_MARK in file.read(_COLLECTION_BYTES)
    except OSError:
        return False


def _failed(path: Path, exc: OSError | ValueError) -> Failed:
    error = os_read_error(exc)
    return Failed(path, error.code, str(error))
