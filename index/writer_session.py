"""A collection opened to be changed: the one writer's lock, the catalog, the lexical index, and leftovers cleared.

What a killed writer or a killed move left is swept here, before anything new is done. Knows no pages and no vectors.
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, delete, select

from pagelens.core.errors import CollectionError
from pagelens.index.admin import garbage_collection
from pagelens.index.catalog import databases, reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import transaction
from pagelens.index.files.file_store import FileStore
from pagelens.index.files.file_store_factory import open_file_store
from pagelens.index.files.folder_store import FolderFileStore
from pagelens.index.layout import LaneRecord, Layout, Manifest, load, read_manifest, writer_lock
from pagelens.index.lexical.lexical_index import LexicalIndex
from pagelens.index.stores.factory import open_store
from pagelens.index.stores.vector_store import VectorStore


@dataclass(frozen=True, slots=True)
class Opened:
    """What one writes with while the lock is held. The manifest was read under it: nobody changes it now."""

    manifest: Manifest
    engine: Engine
    words: LexicalIndex
    store: VectorStore
    files: FileStore


@contextmanager
def open_for_writing(layout: Layout) -> Iterator[Opened]:
    """Hold a collection open for one writer. Raises CollectionLocked, CollectionNotFound."""
    with ExitStack() as stack:  # whatever fails below gives the lock back
        load(layout)  # no lock file where there is no collection
        stack.enter_context(writer_lock(layout))
        manifest = load(layout)
        engine = stack.enter_context(databases.hold(layout, manifest))
        garbage_collection.drop_missing_documents(engine)
        store = open_store(layout, manifest)
        stack.callback(store.close)
        words = store.lexical(engine)
        stack.callback(words.close)
        lanes = _lanes_by_store(manifest, next_manifest(layout))
        drop_other_stores(engine, store, lanes)
        store.sweep(engine, lanes)
        files = open_file_store(layout, manifest)
        files.require_ready()
        garbage_collection.collect_file_garbage(engine, places_of(layout, files))
        words.sync()
        yield Opened(manifest, engine, words, store, files)


def places_of(layout: Layout, files: FileStore) -> list[FileStore]:
    """Return where files of a collection may lie: in its place, and copies of them in its folder."""
    return [files] if isinstance(files, FolderFileStore) else [files, FolderFileStore(layout.root)]


def stores(manifest: Manifest) -> set[str]:
    """Return the names that a manifest's vectors lie under."""
    return {lane.store for lane in manifest.lanes.values()}


def next_manifest(layout: Layout) -> Manifest | None:
    """Return what the collection will be when the move that is under way ends; None where there is none."""
    if not layout.next_manifest.is_file():
        return None
    try:
        return read_manifest(layout.next_manifest)
    except CollectionError:
        return None  # of another version, or edited: a new move starts from the beginning


def drop_other_stores(engine: Engine, store: VectorStore, keep: Collection[str]) -> None:
    """Forget and remove the vectors of every store that is not in `keep`."""
    s = t.segments.c
    with transaction(engine) as connection:
        others = connection.execute(select(s.id).where(s.store.not_in(sorted(keep)))).scalars().all()
        for start in range(0, len(others), reads.IN_LIMIT):
            some = others[start : start + reads.IN_LIMIT]
            connection.execute(delete(t.runs).where(t.runs.c.segment.in_(some)))
            connection.execute(delete(t.segments).where(s.id.in_(some)))
        if others:
            reads.advance(connection)
    store.drop_others(keep)


def _lanes_by_store(*manifests: Manifest | None) -> dict[str, LaneRecord]:
    return {lane.store: lane for manifest in manifests if manifest for lane in manifest.lanes.values()}
