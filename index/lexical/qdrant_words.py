"""The `words` lane on Qdrant: what a page weighs for its terms, at rest there. See `pagelens.index.lexical.lexical_index`.

A page's vector is what the page weighs for each of its terms, a query's is their inverse document frequencies, so that
the inner product is BM25 (`pagelens.index.lexical.bm25`). The frequencies are the catalog's, of the reader's own commit
(`pagelens.index.catalog.document_frequencies`); Qdrant's IDF modifier would count replaced and half-read pages, and each shard for itself.

The average length is part of a page's weights and moves as the collection grows. The catalog says which one the rows
at rest were weighed by, and queries make up for the difference, as long as it is small (`pagelens.index.lexical.bm25`); when it has come
to DRIFT, the writer weighs all rows anew at its end. While it does, some rows are weighed by the old average and some
by the new: close scores may change places.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models
from sqlalchemy import Connection, Engine, func, select

from pagelens.core.errors import StoreError
from pagelens.index.catalog import document_frequencies, reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.document_frequencies import Totals
from pagelens.index.catalog.reads import transaction
from pagelens.index.lexical.bm25 import (
    LAYOUT,
    Lengths,
    Sparse,
    idf,
    place_of_term,
    query_places,
    read_terms,
    weigh_page,
    weigh_query,
)
from pagelens.index.lexical.lexical_index import Pages
from pagelens.index.lexical.qdrant_sparse import WordsCollection
from pagelens.index.selection import Selection
from pagelens.index.stores.qdrant.lane_search import NONE, SPARE, Found, best, visible
from pagelens.index.stores.qdrant.points import gone_until, not_gone, selected

logger = logging.getLogger(__name__)

WORDS_STORE = f"words-v{LAYOUT}"  # what its collection is called behind the prefix
DRIFT = 0.025  # share by which the average length may move before rows are weighed anew
KNOWN = 100_000  # terms whose frequency the view of a commit keeps
CLOSE = 1e-4  # weights at rest may be so far from those of the text
COMPARED = 500  # rows read with one request by a deep look

NOTHING_COUNTED = Totals(0, Lengths(0, 0), Lengths(0, 0), settled=True)


class QdrantWords:
    """See `LexicalIndex`."""

    def __init__(self, there: WordsCollection, engine: Engine, *, grace: int) -> None:
        """`grace` are the seconds for which replaced rows stay, for searches that began before."""
        self._there, self._engine, self._grace = there, engine, grace

    def add(self, pages: Pages) -> None:
        """See `LexicalIndex.add`."""
        found = [(key, read_terms(text)) for key, text in pages]
        if found:
            self._there.make()
            average = self._average([page.lengths for _, page in found])
            self._there.write_pages((key, weigh_page(page, average)) for key, page in found)

    def forget(self, documents: Collection[int]) -> None:
        """See `LexicalIndex.forget`: as `QdrantStore.forget`."""
        now = int(time.time())
        try:
            if self._there.exists():
                self._there.give_up(sorted(documents), now)
                self._there.delete(gone_until(now - self._grace))
        except StoreError as exc:
            logger.warning("words of %d forgotten documents are left to the next sweep: %s", len(documents), exc)

    def mark(self, generation: int) -> None:
        """Nothing: rows are there before the catalog's commit, and who has them not is found by counting."""

    def in_step(self, generation: int) -> bool:
        """Always, for readers: see `mark`."""
        return True

    def sync(self) -> None:
        """Count, and compare page by page where the counts differ."""
        with transaction(self._engine) as connection:
            if document_frequencies.read_totals(connection) is None:
                document_frequencies.count_anew(connection)
            totals, pages = _totals(connection), reads.page_count(connection)
        if not self._there.exists():
            if pages:
                self._weigh_all()
            return
        self._there.delete(gone_until(int(time.time()) - self._grace))
        if not totals.settled and pages:
            self._weigh_all()
        elif self._there.count() != pages:
            self._level()

    def tidy(self) -> None:
        """Weigh all pages anew when the average length has moved too far."""
        with transaction(self._engine) as connection:
            totals = _totals(connection)
        if _moved(totals) > DRIFT:
            logger.info("words lane: pages are weighed anew, for an average length of %.0f terms", totals.average.terms)
            self._weigh_all()
        self.sync()

    def mend(self) -> None:
        """Count and write everything anew."""
        with transaction(self._engine) as connection:
            document_frequencies.count_anew(connection)
        self._weigh_all()

    def check(self, connection: Connection, *, deep: bool = False) -> list[str]:
        """See `LexicalIndex.check`: points are counted, document by document; `deep` reads every one, and counts
        every term."""
        rows = select(t.pages.c.document, func.count()).group_by(t.pages.c.document)
        named = {int(document): int(pages) for document, pages in connection.execute(rows)}
        found = self._there.counts() if self._there.exists() else {}
        short = sum(max(0, pages - found.get(document, 0)) for document, pages in named.items())
        strange = sum(pages for document, pages in found.items() if document not in named)
        problems = []
        if short:
            problems.append(f"words: {short} pages are not at {self._there}. Run: pagelens index")
        if strange:
            problems.append(f"words: {strange} pages at {self._there} are not in the catalog. Run: pagelens index")
        return problems + (self._faults(connection) if deep and not short else [])

    def view(self, connection: Connection, live: NDArray[np.int64], pages: int) -> "QdrantLaneWords":
        """See `LexicalIndex.view`."""
        return QdrantLaneWords(self._there, live, pages, document_frequencies.read_totals(connection))

    def close(self) -> None:
        """Nothing: the store's connection is shared."""

    def _average(self, new: Sequence[Lengths]) -> Lengths:
        """Return the average that pages are weighed by; the first ones set it."""
        with transaction(self._engine) as connection:
            totals = _totals(connection)
            if any(totals.weighed_by):
                return totals.weighed_by
            average = Lengths(*(sum(lengths) / len(new) for lengths in zip(*new, strict=True)))
            document_frequencies.weigh_by(connection, average, settled=totals.settled or not totals.pages)
            return average

    def _weigh_all(self) -> None:
        """Write every page, weighed by the average of now. Broken off, the next writer begins again."""
        with transaction(self._engine) as connection:
            average = _totals(connection).average
            document_frequencies.weigh_by(connection, average, settled=False)
        self._there.make()
        with transaction(self._engine) as connection:
            for batch in document_frequencies.batches(connection):
                self._there.write_pages((key, weigh_page(page, average)) for key, page in batch.items())
        self._level()
        with transaction(self._engine) as connection:
            document_frequencies.weigh_by(connection, average, settled=True)

    def _level(self) -> None:
        """Write the pages that are not there, remove those that the catalog does not have."""
        with transaction(self._engine) as connection:
            average, wanted = _totals(connection).weighed_by, reads.page_keys(connection)
            found = self._there.ids(models.Filter(must=[not_gone()]))
            missing, strange = np.setdiff1d(wanted, found), np.setdiff1d(found, wanted)
            logger.info("words lane: %d pages to add, %d to remove", len(missing), len(strange))
            for batch in document_frequencies.batches(connection, missing.tolist()):
                self._there.write_pages((key, weigh_page(page, average)) for key, page in batch.items())
            if len(strange):
                self._there.delete(strange.tolist())

    def _faults(self, connection: Connection) -> list[str]:
        wrong, average = 0, _totals(connection).weighed_by
        for batch in document_frequencies.batches(connection):
            keys = list(batch)
            for start in range(0, len(keys), COMPARED):
                found = self._there.rows(keys[start : start + COMPARED])
                wrong += sum(
                    not _alike(found.get(key), weigh_page(batch[key], average))
                    for key in keys[start : start + COMPARED]
                )
        said = [f"words: {wrong} pages at {self._there} have other terms than their text"] if wrong else []
        return said + document_frequencies.faults(connection)


class QdrantLaneWords:
    """See `LaneWords`."""

    def __init__(self, there: WordsCollection, live: NDArray[np.int64], pages: int, totals: Totals | None) -> None:
        """`live` are sorted keys of documents, of so many `pages`; `totals` are None before the first writer."""
        self._there, self._live, self._pages = there, live, pages
        self._totals = totals or NOTHING_COUNTED
        self._known: OrderedDict[int, int] = OrderedDict()  # by place, those asked for last behind
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._totals.pages

    def load_frequencies(self, connection: Connection, terms: Sequence[str]) -> None:
        """See `LaneWords.load_frequencies`: one look into the catalog."""
        places = query_places(terms)
        with self._lock:
            known = {place: self._known[place] for place in places if place in self._known}
        unknown = [place for place in places if place not in known]
        found = document_frequencies.frequencies(connection, unknown) if unknown else {}
        with self._lock:  # others have looked up theirs meanwhile, and may be about to search
            for place in places:
                self._known[place] = known.get(place, found.get(place, 0))
                self._known.move_to_end(place)
            while len(self._known) > KNOWN:
                self._known.popitem(last=False)

    def idf(self, term: str) -> float:
        """See `LaneWords.idf`."""
        return idf(self._totals.pages, self._known[place_of_term(term)])

    def search(self, terms: Sequence[str], k: int, *, selection: Selection | None = None) -> Found:
        """See `LaneWords.search`."""
        counts = {place: count for place in query_places(terms) if (count := self._known[place])}
        if k <= 0 or not counts or not self._pages:
            return NONE
        asked = {place: idf(self._totals.pages, count) for place, count in counts.items()}
        query = weigh_query(asked, self._totals.weighed_by, self._totals.average)
        only, limit = selected(selection, self._live), k + SPARE
        while True:
            keys, scores = self._there.nearest(query, limit, only)
            keep = visible(keys, self._live, selection)
            if keep.sum() >= k or len(keys) < limit:
                return best(keys[keep], scores[keep], k)
            limit *= 2


def _totals(connection: Connection) -> Totals:
    totals = document_frequencies.read_totals(connection)
    assert totals is not None, "terms are counted from the first moment a writer has the collection"
    return totals


def _moved(totals: Totals) -> float:
    """Return by which share the average length has moved away from what rows are weighed by."""
    pairs = zip(totals.average, totals.weighed_by, strict=True)
    return max(abs(now - then) / then if then else float(now > 0) for now, then in pairs) if totals.pages else 0.0


def _alike(found: Sparse | None, expected: Sparse) -> bool:
    return found is not None and found.places == expected.places and np.allclose(found.values, expected.values, CLOSE)
