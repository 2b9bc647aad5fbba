"""Pages whose rows in lanes with vectors are not made yet, by lane: what indexing with words first leaves to be done.

A lane is known by its store (`LaneRecord.store`), so that a page that lacks rows in one space does not seem to lack
them in another.
"""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, inspect, select

from pagelens.core.keys import document_of
from pagelens.index.catalog import reads
from pagelens.index.catalog import tables as t

_u, _d = t.unembedded.c, t.documents.c


def add(connection: Connection, pages: Sequence[int], stores: Iterable[str]) -> None:
    """Record that pages have no rows in these stores yet."""
    rows = [{"page": page, "store": store, "document": document_of(page)} for store in stores for page in pages]
    if rows:
        connection.execute(insert(t.unembedded), rows)


def remove(connection: Connection, pages: Sequence[int], store: str) -> None:
    """Record that pages have their rows in a store."""
    for start in range(0, len(pages), reads.IN_LIMIT):
        batch = _u.page.in_(pages[start : start + reads.IN_LIMIT])
        connection.execute(delete(t.unembedded).where(batch, _u.store == store))


def forget_other_stores(connection: Connection, keep: Collection[str]) -> None:
    """Forget what is said of stores that are not in `keep`."""
    connection.execute(delete(t.unembedded).where(_u.store.not_in(sorted(keep))))


def stores_by_page(connection: Connection) -> dict[int, frozenset[str]]:
    """Return the stores that each page of a live document has no rows in, by page key, in order."""
    query = select(_u.page, _u.store).join(t.documents, _d.key == _u.document).where(_d.live == 1).order_by(_u.page)
    found: dict[int, set[str]] = {}
    for page, store in connection.execute(query):
        found.setdefault(page, set()).add(store)
    return {page: frozenset(stores) for page, stores in found.items()}


def pages_by_store(connection: Connection) -> dict[str, NDArray[np.int64]]:
    """Return the sorted keys of pages of live documents without rows in a store, by store; none in an older catalog."""
    if not inspect(connection).has_table(t.unembedded.name):
        return {}
    query = select(_u.store, _u.page).join(t.documents, _d.key == _u.document).where(_d.live == 1).order_by(_u.page)
    found: dict[str, list[int]] = {}
    for store, page in connection.execute(query):
        found.setdefault(store, []).append(page)
    return {store: np.array(pages, np.int64) for store, pages in found.items()}


def documents(connection: Connection, stores: Collection[str]) -> set[int]:
    """Return the keys of documents with a page that lacks rows in one of these stores."""
    return set(connection.execute(select(_u.document).where(_u.store.in_(sorted(stores))).distinct()).scalars())
