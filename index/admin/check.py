"""Whether what is at rest fits together: the catalog against itself, the vectors, the lexical index."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from pagelens.index.catalog import tables as t
from pagelens.index.layout import LaneRecord, Manifest
from pagelens.index.lexical.lexical_index import LexicalIndex
from pagelens.index.stores.vector_store import VectorStore


@dataclass(frozen=True, slots=True)
class Damage:
    """What does not fit: the documents that must be read again, whether the lexical index is to be mended, and every
    disagreement in words."""

    documents: set[int]
    words: bool
    problems: list[str]


def find_damage(
    connection: Connection, store: VectorStore, manifest: Manifest, words: LexicalIndex, *, deep: bool = False
) -> Damage:
    """Return every disagreement; none means that each live page is in each place it must be in. `deep` reads what a
    server holds to the last row."""
    incomplete = _missing_pages(connection)
    documents, problems = set(incomplete), list(incomplete.values())
    for lane in manifest.lanes.values():
        checked = store.check(connection, lane, deep=deep)
        missing = _missing_rows(connection, lane, checked.found)
        documents |= checked.damaged | set(missing)
        problems += [*checked.problems, *missing.values()]
    wrong = words.check(connection, deep=deep)
    return Damage(documents, bool(wrong), [*_file_damage(connection), *problems, *wrong])


def _file_damage(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []  # PostgreSQL's own checksums and tools look after its files
    found = connection.exec_driver_sql("PRAGMA quick_check").scalar_one()
    return [] if found == "ok" else [f"catalog: {found}"]


def _missing_pages(connection: Connection) -> dict[int, str]:
    d, p = t.documents.c, t.pages.c
    count = func.count(p.key)
    query = select(d.key, d.title, d.page_count, count.label("found")).join(t.pages, p.document == d.key, isouter=True)
    rows = connection.execute(query.where(d.live == 1).group_by(d.key).having(count != d.page_count))
    return {row.key: f"catalog: {row.title}: expected {row.page_count} pages, found {row.found}" for row in rows}


def _missing_rows(connection: Connection, lane: LaneRecord, found: Mapping[int, int]) -> dict[int, str]:
    """Compare each live document's passages, or the pages that could be pictured, with its rows."""
    p, d = t.pages.c, t.documents.c
    what = "passages" if lane.covers == "passages" and not lane.space.multi_vector else "pages"
    items = func.sum(func.length(p.passages)) / 8 if what == "passages" else func.count()
    query = select(p.document, items.label("items")).group_by(p.document).join(t.documents, d.key == p.document)
    query = query.where(d.live == 1)
    if what == "pages" and not lane.space.multi_vector:
        query = query.where(p.problem == "")
    if lane.covers == "photos":
        query = query.where(d.kind == "photo")
    return {
        key: f"{lane.name}: document {key}: expected {int(count)} {what}, found {found.get(key, 0)}"
        for key, count in connection.execute(query)
        if found.get(key, 0) < count
    }
