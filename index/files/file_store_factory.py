"""Opens, creates and removes the file store that `collection.json` names."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pagelens.core.errors import StoreError, UsageError
from pagelens.index import server_addresses
from pagelens.index.files.file_store import MARKER, OWN_NAMES, FileStore, unavailable, valid_names, validate_name
from pagelens.index.files.folder_store import FolderFileStore
from pagelens.index.layout import FilesRecord, Layout, Manifest


def open_file_store(layout: Layout, manifest: Manifest) -> FileStore:
    """Return the file store that the manifest names. It is not contacted before it is needed."""
    return FolderFileStore(layout.root) if manifest.files is None else _open(manifest.files)


def create_file_store(record: FilesRecord | None) -> None:
    """Create the file store of a new collection; None: nothing to create. Raises StoreError if it cannot be created, or
    is not empty."""
    if record is None:
        return
    server_addresses.remember(record.url)
    store = _open(record)
    if store.list_names(""):
        raise StoreError(
            f"expected nothing at {record}, found files: another collection's. Choose another --prefix, or remove them."
        )
    marker = json.dumps({"pagelens": "page pictures and originals of a collection", "prefix": record.prefix}) + "\n"
    if isinstance(store, FolderFileStore):
        _create_folder(record, marker)
    else:
        store.write(MARKER, marker.encode())


def require_removable(record: FilesRecord) -> None:
    """Raise StoreError unless the address can be reached and holds nothing, or only files of a collection, marked as
    such. A removal that was interrupted may have left nothing."""
    folder = _folder_of(record.url)
    if folder is not None and not folder.is_dir():
        raise unavailable(str(folder), "found no such folder: is it mounted?")
    names = [name for name in _open(record).list_names("") if not name.startswith(".")]  # not the disk's own
    others = [name for name in names if name not in OWN_NAMES]
    if others or (names and MARKER not in names):
        raise StoreError(
            f"expected nothing but a collection's files at {record}, with {MARKER} among them, found "
            f"{', '.join(others[:3]) or f'no {MARKER}'}. Nothing was removed there: is collection.json yours? "
            "Move other files elsewhere first."
        )


def remove_file_store(record: FilesRecord) -> None:
    """Remove all files of a collection at the address, the marker last. Raises StoreError, also where the address holds
    other files or no marker."""
    require_removable(record)
    store = _open(record)
    for name in (*(name for name in valid_names(store.list_names("")) if name != MARKER), MARKER, ""):
        store.remove(name)


def _open(record: FilesRecord) -> FileStore:
    folder, prefix = _folder_of(record.url), validate_name(record.prefix)
    if not prefix:  # the address itself, where others have files too
        raise UsageError(f"expected a folder of the collection's own at {record.url}, found an empty prefix")
    if folder is not None:
        return FolderFileStore(folder / prefix, shared=True)
    server_addresses.require_given(record.url)
    from pagelens.index.files.fsspec_store import FsspecFileStore  # slow to import: only where it is used

    return FsspecFileStore(f"{record.url.rstrip('/')}/{prefix}")


def _folder_of(address: str) -> Path | None:
    """Return the folder of a file:// address; None for any other address."""
    parts = urlsplit(address)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _create_folder(record: FilesRecord, marker: str) -> None:
    folder = _folder_of(record.url)
    assert folder is not None
    if not folder.is_dir():
        raise unavailable(str(folder), "found no such folder: make it, or mount it")
    try:
        (folder / record.prefix).mkdir(exist_ok=True)
        (folder / record.prefix / MARKER).write_text(marker)
    except OSError as exc:
        raise unavailable(str(folder), f"writing failed: {exc}") from exc
