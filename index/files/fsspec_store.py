"""A file store behind an address that fsspec supports: s3://, gs://, abfs://, sftp://, memory://.

Credentials and endpoints are not stored by PageLens: each fsspec implementation takes them from its usual environment
variables (AWS_..., GOOGLE_...) or from fsspec's own configuration (FSSPEC_S3_..., ~/.config/fsspec). They go only to an
address that the user gave (`pagelens.index.server_addresses`).
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
from pagelens.index.files.file_store import INCOMING, MARKER, unavailable, validate_name

logger = logging.getLogger(__name__)

CACHE_BYTES = 4 << 30  # of downloaded files kept on this machine

# Object stores, where an upload appears only when complete; elsewhere a file is written under another name and moved.
_ATOMIC_UPLOAD = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci"}

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}

Result = TypeVar("Result")


class FsspecFileStore:
    """Implements `FileStore`. Safe to share between threads, as fsspec's implementations are."""

    def __init__(self, address: str) -> None:
        self._address = address

    def read(self, name: str) -> bytes | None:
        """See `FileStore.read`."""
        path = self._path(name)
        try:
            return bytes(self._call("reading", lambda fs: fs.cat_file(path)))
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """See `FileStore.write`."""
        self._write_atomically(name, lambda fs, path: fs.pipe_file(path, data))

    def put(self, name: str, source: Path) -> None:
        """See `FileStore.put`."""
        self._write_atomically(name, lambda fs, path: fs.put_file(str(source), path))

    def fetch(self, name: str, folder: Path) -> Path | None:
        """See `FileStore.fetch`: a copy, cached up to `CACHE_BYTES`."""
        path, cached = self._path(name), folder / name
        if cached.is_file():
            cached.touch()  # its modification time is when it was last used
            return cached
        partial = folder / INCOMING / secrets.token_hex(8)
        try:
            for parent in (cached.parent, partial.parent):
                parent.mkdir(parents=True, exist_ok=True)
            self._call("reading", lambda fs: fs.get_file(path, str(partial)))
            partial.replace(cached)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise StoreError(f"expected room for a copy of {name} below {folder}, found: {exc}") from exc
        finally:
            partial.unlink(missing_ok=True)
        evict(folder / name.partition("/")[0], keep=cached)
        return cached

    def list_names(self, folder: str) -> Sequence[str]:
        """See `FileStore.list_names`."""
        path = self._path(folder)
        try:
            entries = self._call("listing", lambda fs: fs.ls(path, detail=False))
        except (FileNotFoundError, NotADirectoryError):
            return []
        paths = [str(entry).rstrip("/") for entry in entries]
        return sorted(entry.rpartition("/")[2] for entry in paths if entry.strip("/") != path.strip("/"))

    def remove(self, folder: str) -> None:
        """See `FileStore.remove`."""
        path = self._path(folder)
        try:
            self._call("removing", lambda fs: fs.rm(path, recursive=True))
        except FileNotFoundError:
            return

    def require_ready(self) -> None:
        """See `FileStore.require_ready`."""
        if not self._call("looking for it", lambda fs: fs.exists(self._path(MARKER))):
            raise unavailable(self._address, f"found no {MARKER} there")

    def _write_atomically(self, name: str, write: Callable[[Any, str], object]) -> None:
        path, partial = self._path(name), self._path(f"{INCOMING}/{secrets.token_hex(8)}")

        def request(fs: Any) -> None:
            if _protocols(fs) & _ATOMIC_UPLOAD:
                write(fs, path)
                return
            if name != MARKER:
                self.require_ready()  # if a disk is not mounted, nothing is written below its mount point
            for place in (path, partial):
                fs.makedirs(place.rpartition("/")[0], exist_ok=True)
            write(fs, partial)
            fs.mv(partial, path)

        try:
            self._call("writing", request)
        except FileNotFoundError as exc:
            raise unavailable(self._address, f"writing failed: {_summary(exc)}") from exc

    def _path(self, name: str) -> str:
        root = self._opened[1].rstrip("/")
        return f"{root}/{validate_name(name)}" if name else root

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, without a listings cache (other machines write there too), and the path of our folder."""
        try:
            file_system, path = url_to_fs(self._address, use_listings_cache=False)
        except ImportError as exc:
            raise StoreError(_missing_package(self._address)) from exc
        except Exception as exc:  # any type, see `_call`
            raise unavailable(self._address, f"opening it failed: {_summary(exc)}") from exc
        return file_system, str(path)

    def _call(self, action: str, request: Callable[[Any], Result]) -> Result:
        """Return the result of a request to the file system. Raises FileNotFoundError, NotADirectoryError, and
        StoreError for everything else: implementations raise errors of their own libraries, without a common base."""
        file_system = self._opened[0]
        try:
            return request(file_system)
        except (FileNotFoundError, NotADirectoryError):
            raise
        except Exception as exc:
            raise unavailable(self._address, f"{action} failed: {_summary(exc)}") from exc


def evict(folder: Path, *, keep: Path, limit: int = CACHE_BYTES) -> None:
    """Remove the least recently used downloads in a folder, except `keep`, until at most `limit` bytes are left."""
    files = [(path, status) for path in folder.rglob("*") if (status := _file_status(path)) is not None]
    size = sum(status.st_size for _, status in files)
    for path, status in sorted(files, key=lambda file: file[1].st_mtime):
        if size <= limit:
            return
        if path == keep:
            continue
        logger.info("evicted from the download cache: %s", path.name)
        path.unlink(missing_ok=True)
        size -= status.st_size


def _file_status(path: Path) -> os.stat_result | None:
    """Return a file's status; None for a folder, and for a file that was just removed by another process."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _protocols(file_system: Any) -> set[str]:
    protocol = file_system.protocol
    return {protocol} if isinstance(protocol, str) else set(protocol)


def _missing_package(address: str) -> str:
    """Return the message for an address whose fsspec implementation is not installed."""
    protocol = address.partition("://")[0]
    if protocol in _EXTRAS:
        return f"{address} needs a package that is not installed. Run: pip install 'pagelens[{_EXTRAS[protocol]}]'"
    hint = known_implementations.get(protocol, {}).get("err", f"install an fsspec implementation of {protocol}://")
    return f"{address} needs a package that is not installed: {hint}"


def _summary(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"[:300]
