"""A file store in a local folder, or in a folder that several machines share."""

import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from pagelens.index.files.file_store import INCOMING, MARKER, unavailable, validate_name
from pagelens.index.layout import NO_ROOM, disk_full, sync_folder


class FolderFileStore:
    """Implements `FileStore` below a folder."""

    def __init__(self, root: Path, *, shared: bool = False) -> None:
        """`shared`: the folder lies outside the collection; it may be unmounted at any time, and others write there."""
        self._root, self._shared = root, shared

    def read(self, name: str) -> bytes | None:
        """See `FileStore.read`."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise unavailable(str(self._root), f"reading failed: {exc}") from exc

    def write(self, name: str, data: bytes) -> None:
        """See `FileStore.write`."""
        self._write_atomically(name, lambda path: path.write_bytes(data))

    def put(self, name: str, source: Path) -> None:
        """See `FileStore.put`."""
        self._write_atomically(name, lambda path: _copy(source, path))
        for folder in (self._path(name).parent, self._path(name).parent.parent):
            sync_folder(folder)

    def fetch(self, name: str, folder: Path) -> Path | None:
        """See `FileStore.fetch`: returns the file itself, `folder` is not used."""
        del folder
        path = self._path(name)
        return path if path.is_file() else None

    def list_names(self, folder: str) -> Sequence[str]:
        """See `FileStore.list_names`."""
        try:
            return sorted(path.name for path in self._path(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as exc:
            raise unavailable(str(self._root), f"listing failed: {exc}") from exc

    def remove(self, folder: str) -> None:
        """See `FileStore.remove`."""
        path = self._path(folder) if folder else self._root
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def require_ready(self) -> None:
        """See `FileStore.require_ready`."""
        if self._shared and not (self._root / MARKER).is_file():
            raise unavailable(str(self._root), "found no such folder, or another's: is it mounted?")

    def _write_atomically(self, name: str, write: Callable[[Path], object]) -> None:
        path, partial = self._path(name), self._path(f"{INCOMING}/{secrets.token_hex(8)}")
        try:
            self.require_ready()  # if the share is not mounted, nothing is written to the disk below its mount point
            for folder in (path.parent, partial.parent):
                folder.mkdir(parents=True, exist_ok=True)
            write(partial)
            partial.replace(path)
        except OSError as exc:
            if exc.errno in NO_ROOM:
                raise disk_full(str(self._root), exc) from exc
            raise unavailable(str(self._root), f"writing failed: {exc}") from exc
        finally:
            partial.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        """Return a file's path. Raises UsageError for an invalid name, StoreError if a symbolic link on the share leads
        out of it: files read are shown to users, and files removed are gone."""
        path = self._root / validate_name(name)
        if self._shared and not path.resolve().is_relative_to(self._root.resolve()):
            raise unavailable(str(self._root), f"found {name} to be a link that leads out of it")
        return path


def _copy(source: Path, path: Path) -> None:
    with source.open("rb") as data, path.open("wb") as out:
        shutil.copyfileobj(data, out, 1 << 20)
        out.flush()
        os.fsync(out.fileno())
