"""What keeps a collection tidy: leftovers swept. Only a writer calls this. Nothing here changes what is found."""

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine, select

from index import catalog
from index import tables as t
from index.catalog import transaction
from index.files import INCOMING, Files, own
from index.originals import FOLDER as ORIGINALS
from index.pictures import FOLDER as PICTURES
from index.recording import remove_documents


def drop_vanished(engine: Engine) -> None:
    """Forget half-read documents whose file is gone; the others are gone on with when their file is met again."""
    d = t.documents.c
    with transaction(engine) as connection:
        staged = connection.execute(select(d.key, d.staged_path).where(d.live == 0)).all()
        vanished = [key for key, path in staged if not Path(path).exists()]
        if vanished:
            remove_documents(connection, vanished)
            catalog.advance(connection)


def sweep_files(engine: Engine, places: Iterable[Files]) -> None:
    """Remove pictures and originals of documents that the catalog does not have, and files that never became whole.
    Raises StoreError."""
    with transaction(engine) as connection:
        digests = set(connection.execute(select(t.documents.c.sha256)).scalars())
    for place in places:
        for folder in (PICTURES, ORIGINALS):
            for document in set(own(place.below(folder))) - digests:
                place.remove(f"{folder}/{document}")
        place.remove(INCOMING)
