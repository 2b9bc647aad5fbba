"""Removal of a collection with everything it stores elsewhere: vectors on Qdrant, files at an address, the catalog.

The folder is first moved to the trash (`move_to_trash`), then remote data is removed, the catalog last, then the
folder. Each step can be repeated: what a crash or an unreachable server leaves is found through the folder in the
trash, and `empty_trash` continues. Only data under the collection's own name is removed, and nothing from a folder, an
address or a schema that holds data of others or is not marked as a collection's.
"""

import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pagelens.core.errors import CollectionDamaged, CollectionError, CollectionMismatch, UsageError
from pagelens.index.files.file_store_factory import remove_file_store, require_removable
from pagelens.index.layout import Layout, Manifest, exists, load, unknown_files, writer_lock
from pagelens.index.stores.store_factory import open_store

logger = logging.getLogger(__name__)

TRASH_PREFIX = "deleted-"
"""Prefix of the names of folders in the trash."""

_SYSTEM_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}
_TEMPORARY_PREFIXES = ("catalog.sqlite-", ".collection.")  # of SQLite, and of a killed writer


def describe_removal(layout: Layout) -> list[str]:
    """Return a line for each place from which a collection's removal takes data."""
    manifest = _read_manifest(layout)
    lines = [f"the folder {layout.root}"]
    if manifest is not None and manifest.server is not None and manifest.server.url:
        lines.append(f"vectors: {manifest.server}")
    if manifest is not None and manifest.catalog is not None:
        lines.append(f"the catalog: the schema {manifest.catalog.schema} at {manifest.catalog.url}")
    if manifest is not None and manifest.files is not None:
        lines.append(f"page pictures and originals: {manifest.files}")
    return lines


def move_to_trash(layout: Layout, trash: Path) -> None:
    """Move a collection's folder to the trash, if its remote stores are reachable and nobody writes to it.

    Raises CollectionLocked, StoreError, and UsageError if the folder holds other files; then nothing was changed.
    """
    with writer_lock(layout):
        _require_no_other_files(layout)
        manifest = _read_manifest(layout)
        if manifest is not None:
            _require_reachable(layout, manifest)
        elif not layout.catalog.exists():  # nothing shows that the folder is a collection
            raise UsageError(f"expected a PageLens collection at {layout.root}, found none. Nothing was removed.")
        target = trash / f"{TRASH_PREFIX}{uuid.uuid4().hex}"
        if layout.root.is_symlink():  # renaming a relative link would break it; the folder stays on its disk
            target.symlink_to(layout.root.resolve())
            layout.root.unlink()
        else:
            layout.root.rename(target)


def empty_trash(trash: Path) -> None:
    """Remove the collections in a trash folder. What cannot be removed now is kept for the next call."""
    for folder in sorted(trash.glob(f"{TRASH_PREFIX}*")):
        try:
            remove_external_data(Layout(folder))
        except CollectionError as exc:
            logger.warning("remote data of a deleted collection is not removed yet: %s", exc)
            continue
        shutil.rmtree(folder.resolve(), ignore_errors=True)
        if folder.is_symlink() and not folder.exists():
            folder.unlink()


def remove_external_data(layout: Layout) -> None:
    """Remove what a collection stores outside its folder. May be repeated. Raises CollectionLocked, StoreError."""
    manifest = _read_manifest(layout)
    if manifest is None:
        return
    with _catalog_removed_last(manifest):
        if manifest.server is not None and manifest.server.url:
            store = open_store(layout, manifest)
            try:
                store.remove_all()
            finally:
                store.close()
        if manifest.files is not None:
            remove_file_store(manifest.files)


def _require_no_other_files(layout: Layout) -> None:
    names = [name for name in unknown_files(layout) if name not in _SYSTEM_FILES]
    others = [name for name in names if not name.startswith(_TEMPORARY_PREFIXES)]
    if others:
        raise UsageError(
            f"expected nothing but the collection in {layout.root}, found other files ({', '.join(others[:3])}). "
            "Nothing was removed: move them elsewhere first."
        )


def _require_reachable(layout: Layout, manifest: Manifest) -> None:
    if manifest.server is not None and manifest.server.url:
        store = open_store(layout, manifest)
        try:
            store.require_reachable()
        finally:
            store.close()
    if manifest.files is not None:
        require_removable(manifest.files)
    if manifest.catalog is not None:
        from pagelens.index.catalog import postgres

        postgres.require_unlocked(manifest.catalog)


@contextmanager
def _catalog_removed_last(manifest: Manifest) -> Iterator[None]:
    if manifest.catalog is None:
        yield
        return
    from pagelens.index.catalog import postgres

    with postgres.locked_for_removal(manifest.catalog):
        yield


def _read_manifest(layout: Layout) -> Manifest | None:
    """Return the manifest; None if it is missing or unreadable: then only the folder is removed."""
    if not exists(layout):
        return None
    try:
        return load(layout)
    except (CollectionDamaged, CollectionMismatch) as exc:
        logger.warning("only the folder of a deleted collection is removed: %s", exc)
        return None
