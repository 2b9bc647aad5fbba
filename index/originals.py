"""Documents' own files, kept beside the collection so that every machine that serves it has them.

A file lies under the SHA-256 of its bytes: what comes back is what was sent, or it is not used. The files beside a
photo that tell about it are not kept: what they said is in the catalog.
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


def keep(files: FileStore, sha256: str, source: Path) -> bool:
    """Keep the file of the document `sha256`, durably; return whether it stayed the same meanwhile. Raises StoreError,
    OSError where the file cannot be read."""
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
    """Return where on this machine the file of a document can be read; None where it is not kept. Raises StoreError,
    also where it is not what was kept."""
    for name in valid_names(files.list_names(f"{FOLDER}/{sha256}")):
        path = files.fetch(f"{FOLDER}/{sha256}/{name}", layout.root)
        if path is None:
            continue
        if _digest(path) == name.partition(".")[0]:
            return path
        if not isinstance(files, FolderFileStore):
            path.unlink(missing_ok=True)  # it was brought here for this
        raise StoreError(
            f"expected {FOLDER}/{sha256}/{name} as it was kept, found other bytes. Remove it, and index the file again."
        )
    return None


def copy(source: FileStore, layout: Layout, target: FileStore, sha256: str) -> None:
    """Keep in `target` what `source` keeps of a document; `layout` has room for it on its way. Raises StoreError."""
    if not valid_names(target.list_names(f"{FOLDER}/{sha256}")) and (path := find(source, layout, sha256)) is not None:
        target.put(f"{FOLDER}/{sha256}/{path.name}", path)


def missing(connection: Connection, files: FileStore) -> Mapping[str, str]:
    """Return the titles of live documents whose file is not kept, by SHA-256."""
    kept, d = set(files.list_names(FOLDER)), t.documents.c
    rows = connection.execute(select(d.sha256, d.title).where(d.live == 1).order_by(d.key))
    return {row.sha256: row.title for row in rows if row.sha256 not in kept}


def problems(connection: Connection, files: FileStore) -> list[str]:
    """Return what is wrong with the files of live documents, in words."""
    try:
        files.require_ready()
        titles = missing(connection, files).values()
    except StoreError as exc:
        return [f"files: {exc}"]
    return [f"files: {title}: its file is not kept. Run: pagelens index" for title in titles]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
