"""A collection opened for changes: the writer's lock, the catalog, the lexical index and the stores.

What a killed writer or re-embedding left behind is removed first.
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, delete, select

from pagelens.core.errors import CollectionError
from pagelens.index import garbage_collection
from pagelens.index.catalog import databases, reads, undo_log, unembedded, writes
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.transactions import transaction
from pagelens.index.files.file_store import FileStore
from pagelens.index.files.file_store_factory import open_file_store
from pagelens.index.files.folder_store import FolderFileStore
from pagelens.index.layout import (
    LaneRecord,
    Layout,
    Manifest,
    load,
    read_manifest,
    write_errors_translated,
    writer_lock,
)
from pagelens.index.lexical.lexical_index import LexicalIndex
from pagelens.index.stores.store_factory import open_store
from pagelens.index.stores.vector_store import VectorStore


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterSession:
    """What a writer uses while it holds the lock. The manifest was read under the lock, so it cannot change."""

    manifest: Manifest
    engine: Engine
    words: LexicalIndex
    store: VectorStore
    files: FileStore


@contextmanager
def open_for_writing(layout: Layout) -> Iterator[WriterSession]:
    """Hold a collection open for one writer. Raises CollectionLocked, CollectionNotFound, CollectionReadOnly;
    CollectionDamaged, and then nothing was removed; DiskFull, also from the body."""
    with write_errors_translated(layout.root), ExitStack() as stack:  # releases the lock if anything below fails
        load(layout)  # no lock file where there is no collection
        stack.enter_context(writer_lock(layout))
        manifest = load(layout)
        engine = stack.enter_context(databases.open_for_writing(layout, manifest))
        garbage_collection.remove_orphaned_documents(engine)
        store = open_store(layout, manifest)
        stack.callback(store.close)
        words = store.lexical_index(engine)
        stack.callback(words.close)
        lanes = _lanes_by_store(manifest, next_manifest(layout))
        drop_other_stores(engine, store, lanes)
        if manifest.catalog is None:
            with transaction(engine) as connection:
                undo_log.prepare(connection, manifest.history_days)
        store.collect_garbage(engine, lanes)
        files = open_file_store(layout, manifest)
        files.require_ready()
        garbage_collection.collect_file_garbage(engine, file_stores(layout, files))
        words.sync()
        yield WriterSession(manifest=manifest, engine=engine, words=words, store=store, files=files)


def file_stores(layout: Layout, files: FileStore) -> list[FileStore]:
    """Return the file stores of a collection: its own, and its folder, which caches files of a remote one."""
    return [files] if isinstance(files, FolderFileStore) else [files, FolderFileStore(layout.root)]


def store_names(manifest: Manifest) -> set[str]:
    """Return the names of the stores of a manifest's lanes."""
    return {lane.store for lane in manifest.lanes.values()}


def next_manifest(layout: Layout) -> Manifest | None:
    """Return the manifest of an unfinished re-embedding; None where there is none."""
    if not layout.next_manifest.is_file():
        return None
    try:
        return read_manifest(layout.next_manifest)
    except CollectionError:
        return None  # of another version, or edited: re-embedding starts again


def drop_other_stores(engine: Engine, store: VectorStore, keep: Collection[str]) -> None:
    """Remove the vectors of all stores that are not in `keep`, from the catalog and from disk or server."""
    s = t.segments.c
    with transaction(engine) as connection:
        others = connection.execute(select(s.id).where(s.store.not_in(sorted(keep)))).scalars().all()
        for start in range(0, len(others), reads.IN_LIMIT):
            batch = others[start : start + reads.IN_LIMIT]
            connection.execute(delete(t.runs).where(t.runs.c.segment.in_(batch)))
            connection.execute(delete(t.segments).where(s.id.in_(batch)))
        unembedded.forget_other_stores(connection, keep)
        if others:
            writes.advance_generation(connection)
            undo_log.forget(connection)
    store.drop_other_lanes(keep)


def _lanes_by_store(*manifests: Manifest | None) -> dict[str, LaneRecord]:
    return {lane.store: lane for manifest in manifests if manifest for lane in manifest.lanes.values()}
