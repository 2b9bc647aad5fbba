"""Opens the catalog that a collection names: SQLite in its folder, or PostgreSQL, imported only where it is used."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from pagelens.core.errors import CollectionDamaged
from pagelens.index.catalog import reads
from pagelens.index.catalog.migration_runner import HEAD, is_empty, migrate, require_readable, revision_of
from pagelens.index.catalog.transactions import open_sqlite, transaction
from pagelens.index.layout import CatalogRecord, Layout, Manifest, writer_lock


def create_catalog(record: CatalogRecord | None) -> None:
    """Create the catalog of a new collection on a server, before its `collection.json`. Raises StoreError."""
    if record is not None:
        from pagelens.index.catalog import postgres

        postgres.create(record)


def create_sqlite_catalog(layout: Layout) -> None:
    """Create the catalog in a new collection's folder; one without a commit may be there. Raises CollectionDamaged
    where it has commits."""
    engine = open_sqlite(layout.catalog)
    try:
        with transaction(engine) as connection:
            if not is_empty(connection) and reads.generation(connection):
                raise CollectionDamaged(
                    f"expected no catalog in a new collection's folder, found {layout.catalog} with commits. "
                    "Restore its collection.json from a backup, or move the folder away and index the files again."
                )
        _migrate_file(engine)
    finally:
        engine.dispose()


def open_for_reading(layout: Layout, manifest: Manifest) -> Engine:
    """Return an engine whose transactions see one commit each. Raises CollectionMismatch, CollectionDamaged and
    StoreError."""
    if manifest.catalog is not None:
        from pagelens.index.catalog import postgres

        return postgres.open_for_reading(manifest.catalog)
    engine = _open_file(layout)
    with transaction(engine) as connection:
        require_readable(connection)
    return engine


def open_for_appending(layout: Layout, manifest: Manifest) -> Engine:
    """Return an engine for short transactions beside the one writer, on newest tables; a catalog of an older version is
    migrated first, under the writer's lock. Raises CollectionLocked, CollectionReadOnly, StoreError."""
    if manifest.catalog is not None:
        from pagelens.index.catalog import postgres

        return postgres.open_for_appending(manifest.catalog)
    engine = _open_file(layout)
    with transaction(engine) as connection:
        current = revision_of(connection) == HEAD
    if not current:
        with writer_lock(layout):
            _migrate_file(engine)
    return engine.execution_options(begin="BEGIN IMMEDIATE")


@contextmanager
def open_for_writing(layout: Layout, manifest: Manifest) -> Iterator[Engine]:
    """Open the catalog for the one writer, with its tables migrated. The caller holds the lock of the folder."""
    if manifest.catalog is not None:
        from pagelens.index.catalog import postgres

        with postgres.open_for_writing(manifest.catalog) as engine:
            yield engine
        return
    engine = _open_file(layout)
    try:
        _migrate_file(engine)
        yield engine
    finally:
        engine.dispose()


def _open_file(layout: Layout) -> Engine:
    """Open the catalog in the collection's folder. Raises CollectionDamaged where it is gone or has no tables: it then
    knows nothing of the vectors, and none may be removed."""
    path = layout.catalog
    if not path.is_file() or not path.stat().st_size:
        raise _lost(layout, "an empty file" if path.is_file() else "none")
    engine = open_sqlite(path)
    with transaction(engine) as connection:
        if is_empty(connection):
            raise _lost(layout, "one without tables")
    return engine


def _lost(layout: Layout, found: str) -> CollectionDamaged:
    return CollectionDamaged(
        f"expected the collection's catalog at {layout.catalog}, found {found}. Nothing was changed: restore the file "
        "from a backup, or delete the collection (pagelens delete) and index the files again."
    )


def _migrate_file(engine: Engine) -> None:
    """Migrate in a transaction that locks the file at once."""
    with transaction(engine.execution_options(begin="BEGIN IMMEDIATE")) as connection:
        migrate(connection)
