"""A collection removed with all that it has elsewhere: vectors on Qdrant, files at an address, a catalog on PostgreSQL.

The folder goes out of sight first (`move_to_trash`), then what lies elsewhere goes, the catalog last, then the folder. Each
step may be repeated: what a crash, or a server that is away, leaves over is known by the folder that was put aside, and
`empty_trash` goes on with it. Only what has the collection's own name there is removed, and no folder in which a
person keeps something too.
"""

import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pagelens.core.errors import CollectionDamaged, CollectionError, CollectionMismatch, UsageError
from pagelens.index.files.file_store_factory import remove_file_store, require_reachable
from pagelens.index.layout import Layout, Manifest, exists, load, strangers, writer_lock
from pagelens.index.stores.factory import open_store

logger = logging.getLogger(__name__)

ASIDE = "deleted-"
"""What the names of folders begin with whose collections are being removed."""

_NOBODYS = {".DS_Store", "Thumbs.db", "desktop.ini"}
_OURS_FOR_A_MOMENT = ("catalog.sqlite-", ".collection.")  # SQLite's own, and what a killed writer left half-written


def move_to_trash(layout: Layout, trash: Path) -> None:
    """Take a collection out of sight, if all that it has elsewhere answers and nobody writes to it. Raises
    CollectionLocked, StoreError, UsageError where others' files are in its folder: then nothing was done."""
    with writer_lock(layout):
        _require_alone(layout)
        manifest = _manifest(layout)
        if manifest is not None:
            _require_reachable(layout, manifest)
        elif not layout.catalog.exists():  # of which nothing says that it is ours
            raise UsageError(f"expected a PageLens collection at {layout.root}, found none. Nothing was removed.")
        aside = trash / f"{ASIDE}{uuid.uuid4().hex}"
        if layout.root.is_symlink():  # moved as it is it could lead elsewhere, and a folder on another disk stays there
            aside.symlink_to(layout.root.resolve())
            layout.root.unlink()
        else:
            layout.root.rename(aside)


def empty_trash(trash: Path) -> None:
    """Remove the collections that were put aside in a folder. What cannot be removed now waits for the next time."""
    for folder in sorted(trash.glob(f"{ASIDE}*")):
        try:
            remove_external_data(Layout(folder))
        except CollectionError as exc:
            logger.warning("what a deleted collection has elsewhere is not removed yet: %s", exc)
            continue
        shutil.rmtree(folder.resolve(), ignore_errors=True)
        if folder.is_symlink() and not folder.exists():
            folder.unlink()


def remove_external_data(layout: Layout) -> None:
    """Remove what a collection has outside its folder. Raises CollectionLocked, StoreError: run it again, then."""
    manifest = _manifest(layout)
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


def _require_alone(layout: Layout) -> None:
    others = [name for name in strangers(layout) if name not in _NOBODYS and not name.startswith(_OURS_FOR_A_MOMENT)]
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
        require_reachable(manifest.files)
    if manifest.catalog is not None:
        from pagelens.index.catalog import postgres

        postgres.require_unlocked(manifest.catalog)


@contextmanager
def _catalog_removed_last(manifest: Manifest) -> Iterator[None]:
    if manifest.catalog is None:
        yield
        return
    from pagelens.index.catalog import postgres

    with postgres.removing(manifest.catalog):
        yield


def _manifest(layout: Layout) -> Manifest | None:
    """Return what says where all lies; None where nothing does, or nothing that can be read: only the folder goes."""
    if not exists(layout):
        return None
    try:
        return load(layout)
    except (CollectionDamaged, CollectionMismatch) as exc:
        logger.warning("only the folder of a deleted collection is removed: %s", exc)
        return None
