"""What keeps a collection tidy: leftovers swept. Only a writer calls this. Nothing here changes what is found."""

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine, select

from pagelens.index.catalog import reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import transaction
from pagelens.index.catalog.writes import remove_documents
from pagelens.index.files.file_store import INCOMING, FileStore, valid_names
from pagelens.index.originals import FOLDER as ORIGINALS
from pagelens.index.page_images import FOLDER as PICTURES


def drop_missing_documents(engine: Engine) -> None:
    """Forget half-read documents whose file is gone; the others are gone on with when their file is met again."""
    d = t.documents.c
    with transaction(engine) as connection:
        staged = connection.execute(select(d.key, d.staged_path).where(d.live == 0)).all()
        vanished = [key for key, path in staged if not Path(path).exists()]
        if vanished:
            remove_documents(connection, vanished)
            reads.advance(connection)


def collect_file_garbage(engine: Engine, places: Iterable[FileStore]) -> None:
    """Remove pictures and originals of documents that the catalog does not have, and files that never became whole.
    Raises StoreError."""
    with transaction(engine) as connection:
        digests = set(connection.execute(select(t.documents.c.sha256)).scalars())
    for place in places:
        for folder in (PICTURES, ORIGINALS):
            for document in set(valid_names(place.list_names(folder))) - digests:
                place.remove(f"{folder}/{document}")
        place.remove(INCOMING)
