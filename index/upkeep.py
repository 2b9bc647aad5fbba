"""What keeps a collection tidy: leftovers swept, the lexical index brought in step.

Only a writer calls this (a reader may call `sync_words` when it gets the lock). Nothing here changes what is found.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from index import catalog
from index import tables as t
from index.catalog import transaction
from index.files import INCOMING, Files
from index.originals import FOLDER as ORIGINALS
from index.pictures import FOLDER as PICTURES
from index.words import WordsIndex

logger = logging.getLogger(f"pagelens.{__name__}")

TOMBSTONE_SHARE = 0.01  # removed pages still in the term statistics before the lexical index is written anew;
FEW_PAGES = 2_000  # in a collection of so few (0.7 s), any removed page is reason enough
WORDS_BATCH = 2_000  # pages read at a time when the lexical index catches up


def drop_vanished(engine: Engine) -> None:
    """Forget half-read documents whose file is gone; the others are gone on with when their file is met again."""
    d = t.documents.c
    with transaction(engine) as connection:
        staged = connection.execute(select(d.key, d.staged_path).where(d.live == 0)).all()
        vanished = [key for key, path in staged if not Path(path).exists()]
        if vanished:
            catalog.remove_documents(connection, vanished)
            catalog.advance(connection)


def sweep_files(engine: Engine, places: Iterable[Files]) -> None:
    """Remove pictures and originals of documents that the catalog does not have, and files that never became whole.
    Raises StoreError."""
    with transaction(engine) as connection:
        digests = set(connection.execute(select(t.documents.c.sha256)).scalars())
    for place in places:
        for folder in (PICTURES, ORIGINALS):
            for document in set(place.below(folder)) - digests:
                place.remove(f"{folder}/{document}")
        place.remove(INCOMING)


def sync_words(engine: Engine, words: WordsIndex) -> None:
    """Bring the lexical index in step with the catalog: the pages it lacks go in, the pages it has too many go out."""
    with transaction(engine) as connection:
        generation = catalog.generation(connection)
        if words.generation == generation:
            return
        wanted, found = catalog.page_keys(connection), words.page_keys()
        missing, strange = np.setdiff1d(wanted, found), np.setdiff1d(found, wanted)
        logger.info("words lane: %d pages to add, %d to remove", len(missing), len(strange))
        words.remove(strange.tolist())
        words.add(_texts(connection, missing))
        words.commit()
        words.mark(generation)


def shed_tombstones(engine: Engine, words: WordsIndex) -> None:
    """Write the lexical index anew when removed pages weigh too much on its term statistics."""
    pages, removed = len(words.searcher()), words.tombstones()
    if removed <= (0 if pages <= FEW_PAGES else TOMBSTONE_SHARE * pages):
        return
    with transaction(engine) as connection:
        words.clear()
        words.add(_texts(connection, catalog.page_keys(connection)))
        words.commit()  # one commit: readers see the old index or the new one
        words.mark(catalog.generation(connection))


def _texts(connection: Connection, keys: NDArray[np.int64]) -> Iterable[tuple[int, str]]:
    for start in range(0, len(keys), WORDS_BATCH):
        batch = keys[start : start + WORDS_BATCH].tolist()
        rows = connection.execute(
            select(t.pages.c.key, t.pages.c.text, t.pages.c.caption).where(t.pages.c.key.in_(batch))
        )
        for key, text, caption in rows.all():
            yield key, f"{text}\n{caption}"
