"""A collection as it was at an earlier commit, where its owner keeps the history (`pagelens.index.catalog.undo_log`).

The catalog of that commit is made from the newest one in a temporary folder, with the collection's own segments beside
it; the lexical index is built there from the catalog. So every ranking is computed from the bytes of that commit.
"""

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from pagelens.core.errors import UsageError
from pagelens.index.catalog import databases, undo_log
from pagelens.index.catalog.transactions import open_sqlite, transaction
from pagelens.index.catalog.undo_log import Commit, find_commit
from pagelens.index.layout import Layout, Manifest, load, write_errors_translated, write_json, writer_lock
from pagelens.index.writer_session import open_for_writing

_SHARED = ("vectors", "pictures", "originals")  # folders of a collection whose files never change


@dataclass(frozen=True, slots=True)
class CommitHistory:
    """The history that a collection keeps."""

    days: int | None  # None: none is kept
    commits: Sequence[Commit]  # that can be looked at, oldest first
    size: int  # bytes that it takes in the catalog, and in segments of vectors that only earlier commits have

    def find(self, moment: str) -> int:
        """Return the commit of a number, or the newest at a date or time. Raises NotFound."""
        return find_commit(self.commits, moment)


def keep_history(layout: Layout, days: int | None) -> None:
    """Keep a history of so many days from here on; None: keep none, and forget what was kept.

    Raises UsageError where the collection stores its catalog or vectors on a server; CollectionLocked.
    """
    manifest = load(layout)
    if days is not None and (manifest.catalog is not None or manifest.server is not None):
        raise UsageError("expected a collection that is all in its folder, found one on a server: no history is kept")
    with writer_lock(layout), write_errors_translated(layout.root):
        write_json(layout.manifest, replace(load(layout), history_days=days).as_json())
    with open_for_writing(layout):  # begins the history, or forgets it
        pass


def read_history(layout: Layout, manifest: Manifest) -> CommitHistory:
    """Return the history that a collection keeps."""
    if manifest.history_days is None:
        return CommitHistory(None, (), 0)
    engine = databases.open_for_reading(layout, manifest)
    try:
        with transaction(engine) as connection:
            folders = [layout.vectors(store) / name for store, name in undo_log.kept_segments(connection)]
            size = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
            size += undo_log.size_of_changes(connection)
            return CommitHistory(manifest.history_days, undo_log.commits(connection), size)
    finally:
        engine.dispose()


def restore(layout: Layout, manifest: Manifest, generation: int) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder with the collection as it was at a commit, for reading only."""
    folder = tempfile.TemporaryDirectory(prefix="pagelens-as-of-", ignore_cleanup_errors=True)
    try:
        _restore(layout, manifest, generation, Layout(Path(folder.name)))
    except BaseException:
        folder.cleanup()
        raise
    return folder


def _restore(layout: Layout, manifest: Manifest, generation: int, past: Layout) -> None:
    source = databases.open_for_reading(layout, manifest)
    try:
        with transaction(source) as connection, closing(sqlite3.connect(past.catalog)) as copy:
            newest = connection.connection.driver_connection
            assert newest is not None
            newest.backup(copy)
    finally:
        source.dispose()
    engine = open_sqlite(past.catalog)
    try:
        with engine.connect() as connection:
            for statement in ("COMMIT", "PRAGMA foreign_keys = OFF", "BEGIN"):  # switched outside a transaction only
                connection.exec_driver_sql(statement)
            undo_log.undo(connection, generation)
            connection.commit()
    finally:
        engine.dispose()
    for name in _SHARED:
        if (layout.root / name).is_dir():
            (past.root / name).symlink_to((layout.root / name).resolve(), target_is_directory=True)
    write_json(past.manifest, replace(manifest, history_days=None).as_json())
