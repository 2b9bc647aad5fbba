"""Garbage collection, done by every writer: documents and files that nothing refers to any more are removed."""

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine, select

from pagelens.index.catalog import tables as t
from pagelens.index.catalog import undo_log, writes
from pagelens.index.catalog.transactions import transaction
from pagelens.index.catalog.writes import remove_documents
from pagelens.index.files.file_store import INCOMING, FileStore, valid_names
from pagelens.index.original_files import FOLDER as ORIGINALS
from pagelens.index.page_images import FOLDER as IMAGES


def remove_orphaned_documents(engine: Engine) -> None:
    """Remove partly indexed documents whose file is gone, or that were to take the place of another; the others are
    continued when their file is indexed again."""
    d = t.documents.c
    with transaction(engine) as connection:
        staged = connection.execute(select(d.key, d.sha256, d.staged_path).where(d.live == 0)).all()
        missing = [
            key for key, sha256, path in staged if sha256.endswith(writes.SUPERSEDING) or not Path(path).exists()
        ]
        if missing:
            remove_documents(connection, missing)
            writes.advance_generation(connection)


def collect_file_garbage(engine: Engine, file_stores: Iterable[FileStore]) -> None:
    """Remove page images and originals of documents that are not in the catalog, and incomplete files. Raises
    StoreError."""
    with transaction(engine) as connection:
        digests = set(connection.execute(select(t.documents.c.sha256)).scalars()) | undo_log.kept_documents(connection)
    for file_store in file_stores:
        for folder in (IMAGES, ORIGINALS):
            for document in set(valid_names(file_store.list_names(folder))) - digests:
                file_store.remove(f"{folder}/{document}")
        file_store.remove(INCOMING)
