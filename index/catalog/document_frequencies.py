"""How many pages hold each term, counted in the catalog: right at every commit, for the reader of that commit.

A lexical index on a server cannot say it: it also holds pages that are being written or were just replaced, and each of
its shards counts for itself. So where the `words` lane lies on one, whatever enters pages into the catalog, or removes
them, counts here in the same transaction. Also kept here: the average lengths that rows at rest were weighed by. Knows
texts and numbers (`pagelens.index.lexical.bm25`); no server.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
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
from pagelens.index.lexical.bm25 import LAYOUT, Lengths, PageTerms, read_terms
from pagelens.index.lexical.lexical_index import indexed_text

BATCH = 2_000  # pages read at a time


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all pages of the catalog, and by what averages the rows at rest were weighed."""

    pages: int
    lengths: Lengths  # summed
    weighed_by: Lengths  # zeros before the first page
    settled: bool  # whether all of them were

    @property
    def average(self) -> Lengths:
        """The lengths of a page on average; zeros where there is none."""
        return Lengths(*(total / self.pages if self.pages else 0.0 for total in self.lengths))


def read_totals(connection: Connection) -> Totals | None:
    """Return the totals; None where terms are not counted, or were in another layout."""
    row = connection.execute(select(t.term_totals)).first()
    if row is None or row.schema != LAYOUT:
        return None
    summed, weighed = Lengths(row.terms, row.pairs), Lengths(row.average_terms, row.average_pairs)
    return Totals(row.pages, summed, weighed, bool(row.settled))


def frequencies(connection: Connection, places: Collection[int]) -> dict[int, int]:
    """Return how many pages hold each of some terms, by place; those that none holds are left out."""
    found = connection.execute(select(t.terms).where(t.terms.c.place.in_(sorted(places))))
    return {row.place: row.pages for row in found}


def enter(connection: Connection, pages: Iterable[PageTerms]) -> None:
    """Count pages that have entered the catalog in this transaction, where terms are counted."""
    _add(connection, pages, 1)


def leave(connection: Connection, documents: Collection[int]) -> None:
    """Uncount the pages of documents that are about to leave the catalog, where terms are counted."""
    if _counted(connection):
        rows = select(t.pages.c.text, t.pages.c.caption).where(t.pages.c.document.in_(documents))
        _add(connection, (read_terms(indexed_text(row.text, row.caption)) for row in connection.execute(rows)), -1)


def weigh_by(connection: Connection, average: Lengths, *, settled: bool) -> None:
    """Note the average lengths that rows are weighed by from now on, and whether all of them are already; forget terms
    that no page has any more."""
    connection.execute(delete(t.terms).where(t.terms.c.pages <= 0))
    values = {"average_terms": average.terms, "average_pairs": average.pairs, "settled": int(settled)}
    connection.execute(update(t.term_totals).values(values))


def count_anew(connection: Connection) -> None:
    """Count every page of the catalog, from nothing; the rows at rest are taken to be weighed by nothing."""
    connection.execute(delete(t.terms))
    connection.execute(delete(t.term_totals))
    row = {"schema": LAYOUT, "pages": 0, "terms": 0, "pairs": 0, "average_terms": 0.0, "average_pairs": 0.0}
    connection.execute(insert(t.term_totals).values(id=1, settled=0, **row))
    for batch in batches(connection):
        enter(connection, batch.values())


def faults(connection: Connection) -> list[str]:
    """Count every page and compare; return what was counted otherwise, in words."""
    totals, pages, counts, lengths = read_totals(connection), 0, Counter[int](), Counter[str]()
    for batch in batches(connection):
        pages += len(batch)
        for page in batch.values():
            counts.update(page.counts.keys())
            lengths.update(page.lengths._asdict())
    if totals is None:
        return ["words: terms are not counted. Run: pagelens index"]
    found = {place: number for place, number in connection.execute(select(t.terms)) if number}
    wrong = sum(found.get(place) != counts.get(place) for place in {*found, *counts})
    sums = totals.pages != pages or any(lengths[name] != int(total) for name, total in totals.lengths._asdict().items())
    return [f"words: {wrong} of {len(counts)} terms are counted wrong, sums {'too' if sums else 'right'}"] * (
        bool(wrong) or sums
    )


def batches(connection: Connection, keys: Collection[int] | None = None) -> Iterator[dict[int, PageTerms]]:
    """Return the terms of all pages of the catalog by key, or of some, so many at a time."""
    rows = select(t.pages.c.key, t.pages.c.text, t.pages.c.caption)
    every = sorted(keys) if keys is not None else list(connection.execute(select(t.pages.c.key)).scalars())
    for start in range(0, len(every), BATCH):
        found = connection.execute(rows.where(t.pages.c.key.in_(every[start : start + BATCH])))
        yield {row.key: read_terms(indexed_text(row.text, row.caption)) for row in found.all()}


def _counted(connection: Connection) -> bool:
    return connection.execute(select(t.term_totals.c.id)).first() is not None


def _add(connection: Connection, pages: Iterable[PageTerms], sign: int) -> None:
    if not _counted(connection):
        return
    number, counts, terms, both = 0, Counter[int](), 0.0, 0.0
    for page in pages:
        number, terms, both = number + 1, terms + page.lengths.terms, both + page.lengths.pairs
        counts.update(page.counts.keys())
    if counts:
        _upsert(connection, sorted(counts.items()), sign)
    c = t.term_totals.c
    sums = {"pages": c.pages + sign * number, "terms": c.terms + sign * int(terms), "pairs": c.pairs + sign * int(both)}
    connection.execute(update(t.term_totals).values(sums))


def _upsert(connection: Connection, counts: Sequence[tuple[int, int]], sign: int) -> None:
    """Add to the counts of terms; a hundred thousand at once where many pages come."""
    if connection.dialect.name == "sqlite":
        entry = sqlite.insert(t.terms)
        more = entry.on_conflict_do_update(["place"], set_={"pages": t.terms.c.pages + entry.excluded.pages})
        connection.execute(more, [{"place": place, "pages": sign * pages} for place, pages in counts])
        return
    places = cast(literal([place for place, _ in counts], ARRAY(BigInteger)), ARRAY(BigInteger))
    numbers = cast(literal([sign * pages for _, pages in counts], ARRAY(Integer)), ARRAY(Integer))
    rows = postgresql.insert(t.terms).from_select(["place", "pages"], select(func.unnest(places), func.unnest(numbers)))
    added = {"pages": t.terms.c.pages + rows.excluded.pages}
    connection.execute(rows.on_conflict_do_update(index_elements=["place"], set_=added))
