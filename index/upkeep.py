"""What keeps a collection tidy: leftovers swept. Only a writer calls this. Nothing here changes what is found."""

import shutil
from pathlib import Path

from sqlalchemy import Engine, select

from index import catalog
from index import tables as t
from index.catalog import transaction
from index.layout import Layout
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


def sweep_pictures(engine: Engine, layout: Layout) -> None:
    """Remove pictures of documents that the catalog does not have."""
    with transaction(engine) as connection:
        digests = set(connection.execute(select(t.documents.c.sha256)).scalars())
    for folder in layout.pictures.iterdir() if layout.pictures.is_dir() else []:
        if folder.name not in digests:
            shutil.rmtree(folder, ignore_errors=True)
