"""A collection's files behind an address that fsspec knows: s3://, gs://, abfs://, sftp://, memory://. See `Files`.

Keys and endpoints are never ours: each of fsspec's implementations takes them from the environment it knows (AWS_...,
GOOGLE_...) or from fsspec's own configuration (FSSPEC_S3_..., ~/.config/fsspec). Which implementation serves an address
is fsspec's to say; one that is not installed is named in the error. Knows names, no pictures and no originals.
"""

import logging
import os
import secrets
import stat
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from fsspec.core import url_to_fs
from fsspec.registry import known_implementations

from pagelens.core.errors import StoreError
from pagelens.index.files.file_store import INCOMING, MARKER, checked, not_there

logger = logging.getLogger(__name__)

KEPT_HERE = 4 << 30  # bytes of fetched files that stay on this machine

# Where an object is not there before it is there whole; elsewhere a file is written under another name and moved.
_WHOLE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci"}

Result = TypeVar("Result")


class FsspecFiles:
    """See `Files`. Safe to share between threads, as fsspec's implementations are."""

    def __init__(self, address: str) -> None:
        self._address = address

    def read(self, name: str) -> bytes | None:
        """See `Files.read`."""
        path = self._path(name)
        try:
            return bytes(self._call("reading", lambda fs: fs.cat_file(path)))
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """See `Files.write`."""
        self._make(name, lambda fs, path: fs.pipe_file(path, data))

    def put(self, name: str, source: Path) -> None:
        """See `Files.put`."""
        self._make(name, lambda fs, path: fs.put_file(str(source), path))

    def fetch(self, name: str, folder: Path) -> Path | None:
        """See `Files.fetch`: a copy that stays for the next time, as long as there is room (`KEPT_HERE`)."""
        path, kept = self._path(name), folder / name
        if kept.is_file():
            kept.touch()  # used last
            return kept
        partial = folder / INCOMING / secrets.token_hex(8)
        try:
            for place in (kept.parent, partial.parent):
                place.mkdir(parents=True, exist_ok=True)
            self._call("reading", lambda fs: fs.get_file(path, str(partial)))
            partial.replace(kept)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise StoreError(f"expected room for a copy of {name} below {folder}, found: {exc}") from exc
        finally:
            partial.unlink(missing_ok=True)
        make_room(folder / name.partition("/")[0], kept)
        return kept

    def below(self, folder: str) -> Sequence[str]:
        """See `Files.below`."""
        path = self._path(folder)
        try:
            found = self._call("listing", lambda fs: fs.ls(path, detail=False))
        except (FileNotFoundError, NotADirectoryError):
            return []
        inside = [str(one).rstrip("/") for one in found]
        return sorted(one.rpartition("/")[2] for one in inside if one.strip("/") != path.strip("/"))

    def remove(self, folder: str) -> None:
        """See `Files.remove`."""
        path = self._path(folder)
        try:
            self._call("removing", lambda fs: fs.rm(path, recursive=True))
        except FileNotFoundError:
            return

    def require_ready(self) -> None:
        """See `Files.require_ready`."""
        if not self._call("looking for it", lambda fs: fs.exists(self._path(MARKER))):
            raise StoreError(not_there(self._address, f"found no {MARKER} there"))

    def _make(self, name: str, write: Callable[[Any, str], object]) -> None:
        path, partial = self._path(name), self._path(f"{INCOMING}/{secrets.token_hex(8)}")

        def make(fs: Any) -> None:
            if _protocols(fs) & _WHOLE:
                write(fs, path)
                return
            if name != MARKER:
                self.require_ready()  # what is not mounted is not written to the disk below it
            for place in (path, partial):
                fs.makedirs(place.rpartition("/")[0], exist_ok=True)
            write(fs, partial)
            fs.mv(partial, path)

        try:
            self._call("writing", make)
        except FileNotFoundError as exc:
            raise StoreError(not_there(self._address, f"writing failed: {_said(exc)}")) from exc

    def _path(self, name: str) -> str:
        root = self._opened[1].rstrip("/")
        return f"{root}/{checked(name)}" if name else root

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, which keeps no listings: other machines write there too; and our folder's path on it."""
        protocol = self._address.partition("://")[0]
        try:
            file_system, path = url_to_fs(self._address, use_listings_cache=False)
        except ImportError as exc:
            raise StoreError(f"{self._address} needs a package that is not installed: {_needed(protocol)}") from exc
        except Exception as exc:  # whose errors these are, nobody can say: see `_call`
            raise StoreError(not_there(self._address, f"opening it failed: {_said(exc)}")) from exc
        return file_system, str(path)

    def _call(self, doing: str, request: Callable[[Any], Result]) -> Result:
        """Return what the file system gives. Raises FileNotFoundError, NotADirectoryError, and StoreError for the rest:
        implementations raise what their libraries raise, which has no root in common."""
        file_system = self._opened[0]
        try:
            return request(file_system)
        except (FileNotFoundError, NotADirectoryError):
            raise
        except Exception as exc:
            raise StoreError(not_there(self._address, f"{doing} failed: {_said(exc)}")) from exc


def _protocols(file_system: Any) -> set[str]:
    found = file_system.protocol
    return {found} if isinstance(found, str) else set(found)


def _needed(protocol: str) -> str:
    return str(known_implementations.get(protocol, {}).get("err", f"one for {protocol}://"))


def _said(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"[:300]


def make_room(folder: Path, but: Path, *, most: int = KEPT_HERE) -> None:
    """Remove fetched files but one, those first that were used longest ago, until `most` bytes are left."""
    there = [(path, status) for path in folder.rglob("*") if (status := _status(path)) is not None]
    size = sum(status.st_size for _, status in there)
    for path, status in sorted(there, key=lambda one: one[1].st_mtime):
        if size <= most:
            return
        if path == but:
            continue
        logger.info("no longer kept here: %s", path.name)
        path.unlink(missing_ok=True)
        size -= status.st_size


def _status(path: Path) -> os.stat_result | None:
    """Return a file's status; None for a folder, and for a file that others have removed in this moment."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None
