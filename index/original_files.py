"""The documents' files, kept with the collection so that every machine that serves it has them.

A file is stored under the SHA-256 of its bytes and verified when it is read. Sidecar files of photos are not kept, as
their content is in the catalog.
"""

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, select

from pagelens.core.errors import StoreError
from pagelens.index.catalog import tables as t
from pagelens.index.files.file_store import FileStore, valid_names
from pagelens.index.files.folder_store import FolderFileStore
from pagelens.index.layout import Layout

logger = logging.getLogger(__name__)

FOLDER = "originals"


def store(files: FileStore, sha256: str, source: Path) -> bool:
    """Store the file of the document `sha256` durably. Return False, and store nothing, if it changed meanwhile.
    Raises StoreError, and OSError where the file cannot be read."""
    before = source.stat()
    suffix = source.suffix.lower() if re.fullmatch(r"\.[A-Za-z0-9]{1,12}", source.suffix) else ""
    name = f"{FOLDER}/{sha256}/{_digest(source)}{suffix}"
    files.put(name, source)
    after = source.stat()
    if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
        return True
    files.remove(name)
    return False


def find(files: FileStore, layout: Layout, sha256: str) -> Path | None:
    """Return a local path of a document's file; None where it is not kept. Raises StoreError, also where the stored
    bytes have changed."""
    for name in valid_names(files.list_names(f"{FOLDER}/{sha256}")):
        path = files.fetch(f"{FOLDER}/{sha256}/{name}", layout.root)
        if path is None:
            continue
        if _digest(path) == name.partition(".")[0]:
            return path
        if not isinstance(files, FolderFileStore):
            path.unlink(missing_ok=True)  # a download
        raise StoreError(
            f"expected {FOLDER}/{sha256}/{name} as it was stored, found other bytes. Remove it, then index again."
        )
    return None


def copy(source: FileStore, layout: Layout, target: FileStore, sha256: str) -> None:
    """Copy a document's file from one file store to another, through the folder of `layout`. Raises StoreError."""
    if not valid_names(target.list_names(f"{FOLDER}/{sha256}")) and (path := find(source, layout, sha256)) is not None:
        target.put(f"{FOLDER}/{sha256}/{path.name}", path)


def missing(connection: Connection, files: FileStore) -> Mapping[str, str]:
    """Return the titles of live documents without a stored file, by SHA-256."""
    kept, d = set(files.list_names(FOLDER)), t.documents.c
    rows = connection.execute(select(d.sha256, d.title).where(d.live == 1).order_by(d.key))
    return {row.sha256: row.title for row in rows if row.sha256 not in kept}


def problems(connection: Connection, files: FileStore) -> list[str]:
    """Return descriptions of problems with the files of live documents."""
    try:
        files.require_ready()
        titles = missing(connection, files).values()
    except StoreError as exc:
        return [f"files: {exc}"]
    return [f"files: {title}: expected a stored file, found none. Run: pagelens index" for title in titles]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
