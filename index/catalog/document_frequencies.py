"""Document frequencies of the catalog's pages: how many pages contain each term, exact for each commit.

They are kept only where the `words` lane is on a server. A server cannot give them for one commit: it also holds pages
that are being written or were just replaced, and each of its shards counts for itself. Pages are added and subtracted
in the same transaction in which they enter or leave the catalog. The average lengths used in the stored page vectors
are kept here too (`pagelens.index.lexical.bm25`).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Integer,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from pagelens.index.catalog import tables as t
from pagelens.index.lexical.bm25 import LAYOUT, Lengths, PageTerms, count_terms
from pagelens.index.lexical.lexical_index import indexed_text

BATCH = 2_000  # pages read at a time


@dataclass(frozen=True, slots=True)
class TermTotals:
    """Sums over all pages of the catalog, and the average lengths used in the stored page vectors."""

    pages: int
    lengths: Lengths  # summed
    indexed_average: Lengths  # zeros before the first page
    uniform: bool  # whether all stored vectors use `indexed_average`

    @property
    def average(self) -> Lengths:
        """The average lengths of a page; zeros where there is none."""
        return Lengths(*(total / self.pages if self.pages else 0.0 for total in self.lengths))


def read_totals(connection: Connection) -> TermTotals | None:
    """Return the totals; None where frequencies are not kept, or were counted for another `LAYOUT`."""
    row = connection.execute(select(t.term_totals)).first()
    if row is None or row.schema != LAYOUT:
        return None
    return TermTotals(
        pages=row.pages,
        lengths=Lengths(row.terms, row.bigrams),
        indexed_average=Lengths(row.indexed_terms, row.indexed_bigrams),
        uniform=bool(row.uniform),
    )


def read_frequencies(connection: Connection, terms: Collection[int]) -> dict[int, int]:
    """Return how many pages contain each term, by vector index; terms that no page contains are left out."""
    f = t.document_frequencies.c
    rows = connection.execute(select(f.term, f.pages).where(f.term.in_(sorted(terms)), f.pages > 0))
    return {row.term: row.pages for row in rows}


def add_pages(connection: Connection, pages: Iterable[PageTerms]) -> None:
    """Count pages that were inserted in this transaction, if frequencies are kept."""
    _change(connection, pages, 1)


def subtract_documents(connection: Connection, documents: Collection[int]) -> None:
    """Subtract the pages of documents that are about to be removed, if frequencies are kept."""
    if _are_kept(connection):
        rows = select(t.pages.c.text, t.pages.c.caption).where(t.pages.c.document.in_(documents))
        _change(connection, (count_terms(indexed_text(row.text, row.caption)) for row in connection.execute(rows)), -1)


def set_indexed_average(connection: Connection, average: Lengths, *, uniform: bool) -> None:
    """Record the average lengths that page vectors use from now on, and whether all stored ones do already. Terms that
    no page contains any more are deleted."""
    connection.execute(delete(t.document_frequencies).where(t.document_frequencies.c.pages <= 0))
    values = {"indexed_terms": average.terms, "indexed_bigrams": average.bigrams, "uniform": int(uniform)}
    connection.execute(update(t.term_totals).values(values))


def recount(connection: Connection) -> None:
    """Count all pages of the catalog from the beginning; no average is recorded for the stored vectors."""
    connection.execute(delete(t.document_frequencies))
    connection.execute(delete(t.term_totals))
    zeros = dict.fromkeys(("pages", "terms", "bigrams", "indexed_terms", "indexed_bigrams", "uniform"), 0)
    connection.execute(insert(t.term_totals).values(id=1, schema=LAYOUT, **zeros))
    for batch in page_batches(connection):
        add_pages(connection, batch.values())


def find_faults(connection: Connection) -> list[str]:
    """Count all pages and return a description of every difference from the stored counts."""
    totals = read_totals(connection)
    if totals is None:
        return ["words: document frequencies are missing. Run: pagelens index"]
    pages, counts, terms, bigrams = 0, Counter[int](), 0.0, 0.0
    for batch in page_batches(connection):
        for page in batch.values():
            pages, terms, bigrams = pages + 1, terms + page.lengths.terms, bigrams + page.lengths.bigrams
            counts.update(page.counts.keys())
    f = t.document_frequencies.c
    stored = {row.term: row.pages for row in connection.execute(select(f.term, f.pages)) if row.pages}
    wrong = sum(stored.get(term) != counts.get(term) for term in {*stored, *counts})
    faults = [f"words: the frequencies of {wrong} of {len(counts)} terms are wrong"] if wrong else []
    if (totals.pages, totals.lengths) != (pages, Lengths(terms, bigrams)):
        faults.append(
            f"words: expected totals of {pages} pages and {terms:.0f} terms, found {totals.pages} pages and "
            f"{totals.lengths.terms:.0f} terms"
        )
    return faults


def page_batches(connection: Connection, keys: Collection[int] | None = None) -> Iterator[dict[int, PageTerms]]:
    """Return the terms of these pages, or of all pages, by key, a batch at a time."""
    rows = select(t.pages.c.key, t.pages.c.text, t.pages.c.caption)
    chosen = sorted(keys) if keys is not None else list(connection.execute(select(t.pages.c.key)).scalars())
    for start in range(0, len(chosen), BATCH):
        batch = connection.execute(rows.where(t.pages.c.key.in_(chosen[start : start + BATCH])))
        yield {row.key: count_terms(indexed_text(row.text, row.caption)) for row in batch.all()}


def _are_kept(connection: Connection) -> bool:
    return connection.execute(select(t.term_totals.c.id)).first() is not None


def _change(connection: Connection, pages: Iterable[PageTerms], sign: int) -> None:
    if not _are_kept(connection):
        return
    number, counts, terms, bigrams = 0, Counter[int](), 0, 0
    for page in pages:
        number, terms, bigrams = number + 1, terms + int(page.lengths.terms), bigrams + int(page.lengths.bigrams)
        counts.update(page.counts.keys())
    if counts:
        _upsert(connection, {term: sign * count for term, count in sorted(counts.items())})
    c = t.term_totals.c
    sums = {"pages": c.pages + sign * number, "terms": c.terms + sign * terms, "bigrams": c.bigrams + sign * bigrams}
    connection.execute(update(t.term_totals).values(sums))


def _upsert(connection: Connection, changes: dict[int, int]) -> None:
    """Add to the frequencies of terms: a hundred thousand terms in one statement where many pages are added."""
    table = t.document_frequencies
    if connection.dialect.name == "sqlite":
        new = sqlite.insert(table)
        upsert = new.on_conflict_do_update(["term"], set_={"pages": table.c.pages + new.excluded.pages})
        connection.execute(upsert, [{"term": term, "pages": change} for term, change in changes.items()])
        return
    terms = cast(literal(list(changes), ARRAY(BigInteger)), ARRAY(BigInteger))
    pages = cast(literal(list(changes.values()), ARRAY(Integer)), ARRAY(Integer))
    rows = postgresql.insert(table).from_select(["term", "pages"], select(func.unnest(terms), func.unnest(pages)))
    added = {"pages": table.c.pages + rows.excluded.pages}
    connection.execute(rows.on_conflict_do_update(index_elements=["term"], set_=added))
