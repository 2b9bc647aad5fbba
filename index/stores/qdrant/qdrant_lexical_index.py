"""The `words` lane on Qdrant: implements `pagelens.index.lexical.lexical_index` with sparse vectors.

A page's vector holds its BM25 weights, a query's vector the inverse document frequencies, so that their inner product
is the BM25 score (`pagelens.index.lexical.bm25`). The frequencies come from the catalog, at the reader's own commit
(`pagelens.index.catalog.document_frequencies`); Qdrant's IDF modifier would count replaced and incomplete pages, and
each shard separately.

The average page length is part of a page's weights and changes as the collection grows. The catalog records the average
used in the stored vectors, and queries correct for small differences. When the difference exceeds MAX_DRIFT, the writer
rewrites all vectors at its end. Meanwhile some vectors use the old average and some the new: pages with nearly equal
scores may change places.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models
from sqlalchemy import Connection, Engine, func, select

from pagelens.core.errors import StoreError
from pagelens.index.catalog import document_frequencies, reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.document_frequencies import TermTotals
from pagelens.index.catalog.transactions import transaction
from pagelens.index.lane_queries import NO_RESULT, LexicalQuery, SearchResult
from pagelens.index.lexical.bm25 import (
    LAYOUT,
    Lengths,
    PageTerms,
    SparseVector,
    count_terms,
    idf,
    page_vector,
    query_indices,
    query_vector,
    term_index,
)
from pagelens.index.lexical.lexical_index import Pages
from pagelens.index.selection import Selection
from pagelens.index.stores.qdrant.lane_views import EXTRA_ROWS, best_rows, search_visible, visible_rows
from pagelens.index.stores.qdrant.points import not_deleted, selection_filter
from pagelens.index.stores.qdrant.sparse_collection import SparseCollection

logger = logging.getLogger(__name__)

WORDS_STORE = f"words-v{LAYOUT}"  # the name of its collection, after the prefix
MAX_DRIFT = 0.025  # relative change of the average length before vectors are rewritten
TOLERANCE = 1e-4  # relative difference allowed between a stored weight and the computed one
COMPARED = 500  # vectors read with one request by a deep check

NO_TOTALS = TermTotals(0, Lengths(0, 0), Lengths(0, 0), uniform=True)


class QdrantLexicalIndex:
    """See `LexicalIndex`."""

    def __init__(self, collection: SparseCollection, engine: Engine) -> None:
        self._collection, self._engine = collection, engine

    def add(self, pages: Pages) -> None:
        """See `LexicalIndex.add`."""
        counted = {key: count_terms(text) for key, text in pages}
        if counted:
            self._collection.create_if_missing()
            self._write(counted, self._average_for(counted))

    def delete_documents(self, documents: Collection[int]) -> None:
        """See `LexicalIndex.delete_documents`. Where the server does not answer, the next writer deletes them."""
        try:
            if self._collection.exists():
                self._collection.delete_documents(documents)
        except StoreError as exc:
            logger.warning("words of %d removed documents are left to the next writer: %s", len(documents), exc)

    def mark_synced(self, generation: int) -> None:
        """Do nothing: pages are written before the catalog's commit, and missing ones are found by counting."""

    def is_synced(self, generation: int) -> bool:
        """Return True: see `mark_synced`."""
        del generation
        return True

    def sync(self) -> None:
        """See `LexicalIndex.sync`; pages are compared one by one only where their numbers differ."""
        with transaction(self._engine) as connection:
            if document_frequencies.read_totals(connection) is None:
                document_frequencies.recount(connection)
            totals, pages = _read_totals(connection), reads.page_count(connection)
        if not self._collection.exists():
            if pages:
                self._rewrite()
            return
        self._collection.delete_expired()
        if not totals.uniform and pages:
            self._rewrite()
        elif self._collection.count() != pages:
            self._add_and_remove()

    def optimize(self) -> None:
        """Rewrite all vectors when the average length has changed by more than MAX_DRIFT; then sync."""
        with transaction(self._engine) as connection:
            totals = _read_totals(connection)
        if _drift(totals) > MAX_DRIFT:
            logger.info("words lane: rewriting page vectors for an average of %.0f terms", totals.average.terms)
            self._rewrite()
        self.sync()

    def rebuild(self) -> None:
        """See `LexicalIndex.rebuild`."""
        with transaction(self._engine) as connection:
            document_frequencies.recount(connection)
        self._rewrite()

    def check(self, connection: Connection, *, deep: bool = False) -> list[str]:
        """See `LexicalIndex.check`: points are counted for each document; `deep` compares all vectors and counts."""
        rows = select(t.pages.c.document, func.count()).group_by(t.pages.c.document)
        expected = {int(document): int(pages) for document, pages in connection.execute(rows)}
        found = self._collection.counts() if self._collection.exists() else {}
        missing = sum(max(0, pages - found.get(document, 0)) for document, pages in expected.items())
        unknown = sum(pages for document, pages in found.items() if document not in expected)
        problems = []
        if missing:
            problems.append(f"words: {missing} pages are not at {self._collection}. Run: pagelens index")
        if unknown:
            problems.append(f"words: {unknown} pages at {self._collection} are not in the catalog. Run: pagelens index")
        if deep and not missing:
            if wrong := self._count_wrong_vectors(connection):
                problems.append(f"words: {wrong} pages at {self._collection} have other terms than their text")
            problems += document_frequencies.find_faults(connection)
        return problems

    def view(self, connection: Connection, live: NDArray[np.int64], pages: int) -> "QdrantLexicalView":
        """See `LexicalIndex.view`."""
        totals = document_frequencies.read_totals(connection)  # None before the first writer
        return QdrantLexicalView(self._collection, live, pages, totals or NO_TOTALS)

    def close(self) -> None:
        """Do nothing: the connection is the store's."""

    def _average_for(self, counted: Mapping[int, PageTerms]) -> Lengths:
        """Return the average length for new vectors; in an empty index, that of the new pages, which is recorded."""
        with transaction(self._engine) as connection:
            totals = _read_totals(connection)
            if any(totals.indexed_average):
                return totals.indexed_average
            lengths = zip(*(page.lengths for page in counted.values()), strict=True)
            average = Lengths(*(sum(column) / len(counted) for column in lengths))
            document_frequencies.set_indexed_average(connection, average, uniform=totals.uniform or not totals.pages)
            return average

    def _rewrite(self) -> None:
        """Write the vectors of all pages for the current average length. If killed, the next writer starts again."""
        with transaction(self._engine) as connection:
            average = _read_totals(connection).average
            document_frequencies.set_indexed_average(connection, average, uniform=False)
        self._collection.create_if_missing()
        with transaction(self._engine) as connection:
            for batch in document_frequencies.page_batches(connection):
                self._write(batch, average)
        self._add_and_remove()
        with transaction(self._engine) as connection:
            document_frequencies.set_indexed_average(connection, average, uniform=True)

    def _add_and_remove(self) -> None:
        """Write missing pages and delete those that the catalog does not have."""
        with transaction(self._engine) as connection:
            average, expected = _read_totals(connection).indexed_average, reads.page_keys(connection)
            found = self._collection.ids(models.Filter(must=[not_deleted()]))
            missing, unknown = np.setdiff1d(expected, found), np.setdiff1d(found, expected)
            logger.info("words lane: %d pages to add, %d to remove", len(missing), len(unknown))
            for batch in document_frequencies.page_batches(connection, missing.tolist()):
                self._write(batch, average)
            if len(unknown):
                self._collection.delete(unknown.tolist())

    def _write(self, pages: Mapping[int, PageTerms], average: Lengths) -> None:
        self._collection.write_pages((key, page_vector(page, average)) for key, page in pages.items())

    def _count_wrong_vectors(self, connection: Connection) -> int:
        wrong, average = 0, _read_totals(connection).indexed_average
        for batch in document_frequencies.page_batches(connection):
            keys = list(batch)
            for start in range(0, len(keys), COMPARED):
                chunk = keys[start : start + COMPARED]
                rows = self._collection.rows(chunk)
                wrong += sum(not _is_close(rows.get(key), page_vector(batch[key], average)) for key in chunk)
        return wrong


class QdrantLexicalView:
    """See `LexicalView`."""

    problem = ""  # a server's errors are raised

    def __init__(self, collection: SparseCollection, live: NDArray[np.int64], pages: int, totals: TermTotals) -> None:
        """`live` are the sorted keys of the commit's documents, which have `pages` pages."""
        self._collection, self._live, self._pages, self._totals = collection, live, pages, totals

    def __len__(self) -> int:
        return self._totals.pages

    def idf(self, connection: Connection, terms: Sequence[str]) -> dict[str, float]:
        """See `LexicalView.idf`."""
        indices = {term: term_index(term) for term in terms}
        frequencies = document_frequencies.read_frequencies(connection, indices.values())
        return {term: idf(self._totals.pages, frequencies.get(index, 0)) for term, index in indices.items()}

    def prepare(self, connection: Connection, query: LexicalQuery) -> Callable[[], SearchResult]:
        """See `LexicalView.prepare`."""
        frequencies = document_frequencies.read_frequencies(connection, query_indices(query.terms))
        if query.k <= 0 or not frequencies or not self._pages:
            return lambda: NO_RESULT
        factors = {term_index(term): weight for term, weight in query.weights.items()}
        weights = {
            index: factors.get(index, 1.0) * idf(self._totals.pages, frequency)
            for index, frequency in sorted(frequencies.items())
        }
        vector = query_vector(weights, self._totals.indexed_average, self._totals.average)
        return partial(self._search, vector, query.k, query.selection)

    def _search(self, query: SparseVector, k: int, selection: Selection | None) -> SearchResult:
        only = selection_filter(selection, self._live)
        keys, scores = search_visible(
            lambda limit: self._collection.search(query, limit, only),
            lambda keys: visible_rows(keys, self._live, selection),
            count=k,
            limit=k + EXTRA_ROWS,
        )
        return best_rows(keys, scores, k)


def _read_totals(connection: Connection) -> TermTotals:
    totals = document_frequencies.read_totals(connection)
    assert totals is not None, "a writer counts terms when it opens the collection"
    return totals


def _drift(totals: TermTotals) -> float:
    """Return the larger relative change of the two average lengths since the vectors were written."""
    averages = zip(totals.average, totals.indexed_average, strict=True)
    changes = [abs(now - indexed) / indexed if indexed else float(now > 0) for now, indexed in averages]
    return max(changes) if totals.pages else 0.0


def _is_close(found: SparseVector | None, expected: SparseVector) -> bool:
    return (
        found is not None
        and found.indices == expected.indices
        and np.allclose(found.values, expected.values, TOLERANCE)
    )
