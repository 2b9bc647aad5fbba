"""Checks whether stored data is consistent: the catalog with itself, with the vectors, and with the lexical index."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, inspect, select
from sqlalchemy.exc import DatabaseError

from pagelens.index.catalog import checksums
from pagelens.index.catalog import tables as t
from pagelens.index.layout import LaneRecord, Manifest
from pagelens.index.lexical.lexical_index import LexicalIndex
from pagelens.index.stores.vector_store import VectorStore


@dataclass(frozen=True, slots=True)
class Damage:
    """The inconsistencies of a collection."""

    documents: set[int]  # keys of documents that must be indexed again
    lexical: bool  # whether the lexical index must be rebuilt
    problems: list[str]  # a message for every inconsistency


def find_damage(
    connection: Connection, store: VectorStore, manifest: Manifest, lexical: LexicalIndex, *, deep: bool = False
) -> Damage:
    """Return every inconsistency. None means that each live page is in every lane that must have it, or is noted to
    get there (`unembedded`). `deep` also reads
    all rows that a server holds, and compares the catalog's rows with their checksums."""
    incomplete = _missing_pages(connection)
    documents, problems = set(incomplete), list(incomplete.values())
    for lane in manifest.lanes.values():
        checked = store.check(connection, lane, deep=deep)
        missing = _missing_rows(connection, lane, checked.found)
        documents |= checked.damaged | set(missing)
        problems += [*checked.problems, *missing.values()]
    if deep:
        damaged = checksums.damaged_rows(connection)
        documents |= set(damaged)
        problems += damaged.values()
    lexical_problems = lexical.check(connection, deep=deep)
    return Damage(
        documents, bool(lexical_problems), [*file_damage(connection, deep=deep), *problems, *lexical_problems]
    )


def file_damage(connection: Connection, *, deep: bool) -> list[str]:
    """Return what SQLite finds wrong with its file; `deep` also compares its indexes with the tables."""
    if connection.dialect.name != "sqlite":
        return []  # PostgreSQL checks its files with its own tools
    try:
        results = connection.exec_driver_sql("PRAGMA integrity_check" if deep else "PRAGMA quick_check").scalars().all()
    except DatabaseError as exc:
        results = [str(exc.orig)]
    return [f"catalog: {result}" for result in results if result != "ok"]


def _missing_pages(connection: Connection) -> dict[int, str]:
    d, p = t.documents.c, t.pages.c
    count = func.count(p.key)
    query = select(d.key, d.title, d.page_count, count.label("found")).join(t.pages, p.document == d.key, isouter=True)
    rows = connection.execute(query.where(d.live == 1).group_by(d.key).having(count != d.page_count))
    return {row.key: f"catalog: {row.title}: expected {row.page_count} pages, found {row.found}" for row in rows}


def _missing_rows(connection: Connection, lane: LaneRecord, found: Mapping[int, int]) -> dict[int, str]:
    """Return a message for each live document with fewer rows than passages, or than pages with an image.

    `found` is the number of rows by document. A lane of captions may have none of any page.
    """
    if lane.covers == "captions":
        return {}
    p, d = t.pages.c, t.documents.c
    unit = "passages" if lane.covers == "passages" and not lane.space.multi_vector else "pages"
    items = func.sum(func.length(p.passages)) / 8 if unit == "passages" else func.count()
    query = select(p.document, items.label("items")).group_by(p.document).join(t.documents, d.key == p.document)
    query = query.where(d.live == 1)
    if inspect(connection).has_table(t.unembedded.name):  # not in a catalog of an older revision
        query = query.where(p.key.not_in(select(t.unembedded.c.page).where(t.unembedded.c.store == lane.store)))
    if unit == "pages" and not lane.space.multi_vector:
        query = query.where(p.problem == "")
    if lane.covers == "photos":
        query = query.where(d.kind == "photo")
    return {
        key: f"{lane.name}: document {key}: expected {int(count)} {unit}, found {found.get(key, 0)}"
        for key, count in connection.execute(query)
        if found.get(key, 0) < count
    }
