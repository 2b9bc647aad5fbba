"""Which database a collection's catalog lies in: SQLite in its folder, or PostgreSQL, whose adapter is loaded here."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from pagelens.index.catalog import reads
from pagelens.index.catalog.migrating import is_empty, migrate, require_readable
from pagelens.index.catalog.reads import transaction
from pagelens.index.layout import CatalogRecord, Layout, Manifest


def make_catalog(record: CatalogRecord | None) -> None:
    """Make the catalog of a new collection, before its `collection.json`. Raises StoreError where it cannot be."""
    if record is not None:  # a file is made when it is first opened
        from pagelens.index.catalog import postgres

        postgres.make(record)


def open_for_reading(layout: Layout, manifest: Manifest) -> Engine:
    """Return an engine whose transactions see one commit each. Raises CollectionMismatch, CollectionDamaged and
    StoreError."""
    if manifest.catalog is not None:
        from pagelens.index.catalog import postgres

        return postgres.open_for_reading(manifest.catalog)
    engine = reads.open_engine(layout.catalog)
    with transaction(engine) as connection:
        empty = is_empty(connection)
        require_readable(connection)
    if empty and engine.url.query.get("mode") != "ro":
        _migrate_file(engine)
    return engine


@contextmanager
def hold(layout: Layout, manifest: Manifest) -> Iterator[Engine]:
    """Hold the catalog for the one writer, its tables up to date. The folder's lock is held by the caller."""
    if manifest.catalog is not None:
        from pagelens.index.catalog import postgres

        with postgres.hold(manifest.catalog) as engine:
            yield engine
        return
    engine = reads.open_engine(layout.catalog)
    try:
        _migrate_file(engine)
        yield engine
    finally:
        engine.dispose()


def _migrate_file(engine: Engine) -> None:
    """Two readers may find the same empty file: whoever comes second finds it done."""
    with transaction(engine.execution_options(begin="BEGIN IMMEDIATE")) as connection:
        migrate(connection)
