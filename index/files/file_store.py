"""Where a collection keeps files beside its catalog and its vectors: page pictures, and documents' originals.

    pictures/<document>/<page>-<pixels>.jpg           made when first asked for: may go at any time
    originals/<document>/<SHA-256 of the bytes>.pdf   as they were indexed (`pagelens.index.originals`)
    incoming/                                         not yet whole; swept by the next writer

In the collection's own folder, in a folder that several machines share (`file:///mnt/share/x`), or behind any other
address that fsspec knows (`pagelens.index.files.fsspec_files`), below a name of the collection's own. A file is there whole, or not
there. Knows no catalog and no format of files.
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from pagelens.core.errors import StoreError, UsageError
from pagelens.index.layout import FilesRecord, Layout, Manifest, sync_folder

MARKER = "pagelens.json"
"""The file that says whose the others are; without it the place is not there, or another."""

INCOMING = "incoming"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}(/[A-Za-z0-9][A-Za-z0-9._-]{0,199}){0,2}")


class Files(Protocol):
    """Files by names of up to three parts. Every method raises StoreError where the place does not do as asked."""

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes; None where there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Make a file, or replace it: whoever reads meets the old one or the new one."""
        ...

    def put(self, name: str, source: Path) -> None:
        """Do the same with the bytes of a file of this machine, durably."""
        ...

    def fetch(self, name: str, folder: Path) -> Path | None:
        """Return where on this machine a file's bytes can be read, below `folder` if they must be brought here;
        None where there is no such file."""
        ...

    def below(self, folder: str) -> Sequence[str]:
        """Return the names right below a folder, sorted; none where it is not there."""
        ...

    def remove(self, folder: str) -> None:
        """Remove a folder and all that is in it, or a file; "" stands for everything."""
        ...

    def require_ready(self) -> None:
        """Raise StoreError unless the place answers and is this collection's."""
        ...


class FolderFiles:
    """Files below a folder of this machine, or of one that it shares."""

    def __init__(self, root: Path, *, shared: bool = False) -> None:
        """`shared`: the folder is not the collection's: it may be unmounted at any moment, and others write there."""
        self._root, self._shared = root, shared

    def read(self, name: str) -> bytes | None:
        """See `Files.read`."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise self._error("reading", exc) from exc

    def write(self, name: str, data: bytes) -> None:
        """See `Files.write`."""
        self._make(name, lambda path: path.write_bytes(data))

    def put(self, name: str, source: Path) -> None:
        """See `Files.put`."""
        self._make(name, lambda path: _copy(source, path))
        for folder in (self._path(name).parent, self._path(name).parent.parent):
            sync_folder(folder)

    def fetch(self, name: str, folder: Path) -> Path | None:
        """See `Files.fetch`: the file itself."""
        path = self._path(name)
        return path if path.is_file() else None

    def below(self, folder: str) -> Sequence[str]:
        """See `Files.below`."""
        try:
            return sorted(path.name for path in self._path(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as exc:
            raise self._error("listing", exc) from exc

    def remove(self, folder: str) -> None:
        """See `Files.remove`."""
        path = self._path(folder) if folder else self._root
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def require_ready(self) -> None:
        """See `Files.require_ready`."""
        if self._shared and not (self._root / MARKER).is_file():
            raise StoreError(not_there(str(self._root), "found no such folder, or another's: is it mounted?"))

    def _make(self, name: str, write: "_Write") -> None:
        path, partial = self._path(name), self._path(f"{INCOMING}/{secrets.token_hex(8)}")
        try:
            self.require_ready()  # what is not mounted is not written to the disk below it
            for folder in (path.parent, partial.parent):
                folder.mkdir(parents=True, exist_ok=True)
            write(partial)
            partial.replace(path)
        except OSError as exc:
            raise self._error("writing", exc) from exc
        finally:
            partial.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        """Return a file's path. Raises UsageError for a name that leads out, StoreError where a link of the share does:
        what is read is shown, what is swept is removed."""
        path = self._root / checked(name)
        if self._shared and not path.resolve().is_relative_to(self._root.resolve()):
            raise StoreError(not_there(str(self._root), f"found {name} to be a link that leads out of it"))
        return path

    def _error(self, doing: str, exc: OSError) -> StoreError:
        return StoreError(not_there(str(self._root), f"{doing} failed: {exc}"))


class _Write(Protocol):
    def __call__(self, path: Path, /) -> object: ...


def open_files(layout: Layout, manifest: Manifest) -> Files:
    """Return the place that `collection.json` names. Nothing is asked of it before it is needed."""
    return FolderFiles(layout.root) if manifest.files is None else _open(manifest.files)


def make_files(record: FilesRecord | None) -> None:
    """Make the place of a new collection's files. Raises StoreError where it cannot be, or is another's."""
    if record is None:
        return
    place = _open(record)
    if place.below(""):
        raise StoreError(
            f"expected nothing at {record}, found files: another collection's. Choose another --prefix, or remove them."
        )
    said = json.dumps({"pagelens": "page pictures and originals of a collection", "prefix": record.prefix}) + "\n"
    if isinstance(place, FolderFiles):
        _make_folder(record, said)
    else:
        place.write(MARKER, said.encode())


def require_reachable(record: FilesRecord) -> None:
    """Raise StoreError unless the place answers, with anything of this collection's or without."""
    folder = folder_of(record.url)
    if folder is not None and not folder.is_dir():
        raise StoreError(not_there(str(folder), "found no such folder: is it mounted?"))
    _open(record).below("")


def remove_files(record: FilesRecord) -> None:
    """Remove all that is a collection's at the address, the mark last. Raises StoreError."""
    require_reachable(record)
    place = _open(record)
    for name in (*(one for one in own(place.below("")) if one != MARKER), MARKER, ""):
        place.remove(name)


def folder_of(address: str) -> Path | None:
    """Return the folder that an address names; None for one that is no folder's."""
    parts = urlsplit(address)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def checked(name: str) -> str:
    """Return a name that leads nowhere but down. Raises UsageError for another."""
    if name and not _NAME.fullmatch(name):
        raise UsageError(f"expected a file's name of letters, digits, '.', '_' and '-', found {name[:80]!r}")
    return name


def own(names: Sequence[str]) -> list[str]:
    """Return those that a file or folder of ours can have: what a disk or a share keeps for itself beside them
    (`.DS_Store`, `.nfs0001`) is left alone."""
    return [name for name in names if _NAME.fullmatch(name)]


def not_there(where: str, found: str) -> str:
    """Return the message of a place that cannot be used."""
    return (
        f"expected the collection's files (page pictures, originals) at {where}, {found}. Is the address right, and "
        "may this machine read and write there? What was committed is kept: run the same command again."
    )


def _open(record: FilesRecord) -> Files:
    folder, prefix = folder_of(record.url), checked(record.prefix)
    if folder is not None:
        return FolderFiles(folder / prefix, shared=True)
    from pagelens.index.files.fsspec_files import FsspecFiles  # heavy: only where it is used

    return FsspecFiles(f"{record.url.rstrip('/')}/{prefix}")


def _make_folder(record: FilesRecord, said: str) -> None:
    folder = folder_of(record.url)
    assert folder is not None
    if not folder.is_dir():
        raise StoreError(not_there(str(folder), "found no such folder: make it, or mount it"))
    try:
        (folder / record.prefix).mkdir(exist_ok=True)
        (folder / record.prefix / MARKER).write_text(said)
    except OSError as exc:
        raise StoreError(not_there(str(folder), f"writing failed: {exc}")) from exc


def _copy(source: Path, path: Path) -> None:
    with source.open("rb") as data, path.open("wb") as out:
        shutil.copyfileobj(data, out, 1 << 20)
        out.flush()
        os.fsync(out.fileno())
