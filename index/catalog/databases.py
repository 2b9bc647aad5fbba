"""Opens the catalog that a collection names: SQLite in its folder, or PostgreSQL, imported only where it is used."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from pagelens.index.catalog.migration_runner import is_empty, migrate, require_readable
from pagelens.index.catalog.transactions import open_sqlite, transaction
from pagelens.index.layout import CatalogRecord, Layout, Manifest


def create_catalog(record: CatalogRecord | None) -> None:
    """Create the catalog of a new collection, before its `collection.json`. Raises StoreError."""
    if record is not None:  # a SQLite file is created when it is first opened
        from pagelens.index.catalog import postgres

        postgres.create(record)


def open_for_reading(layout: Layout, manifest: Manifest) -> Engine:
    """Return an engine whose transactions see one commit each. Raises CollectionMismatch, CollectionDamaged and
    StoreError."""
    if manifest.catalog is not None:
        from pagelens.index.catalog import postgres

        return postgres.open_for_reading(manifest.catalog)
    engine = open_sqlite(layout.catalog)
    with transaction(engine) as connection:
        empty = is_empty(connection)
        require_readable(connection)
    if empty and engine.url.query.get("mode") != "ro":
        _migrate_file(engine)
    return engine


@contextmanager
def open_for_writing(layout: Layout, manifest: Manifest) -> Iterator[Engine]:
    """Open the catalog for the one writer, with its tables migrated. The caller holds the lock of the folder."""
    if manifest.catalog is not None:
        from pagelens.index.catalog import postgres

        with postgres.open_for_writing(manifest.catalog) as engine:
            yield engine
        return
    engine = open_sqlite(layout.catalog)
    try:
        _migrate_file(engine)
        yield engine
    finally:
        engine.dispose()


def _migrate_file(engine: Engine) -> None:
    """Migrate in a transaction that locks the file at once: two readers may find the same empty file."""
    with transaction(engine.execution_options(begin="BEGIN IMMEDIATE")) as connection:
        migrate(connection)
