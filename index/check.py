"""Whether what is at rest fits together: the catalog against itself, the segments, the lexical index."""

import numpy as np
from sqlalchemy import Connection, func, select

from core.errors import CollectionDamaged
from core.keys import document_of, page_of
from core.spaces import Space
from index import catalog
from index import tables as t
from index.layout import Layout, Manifest
from index.segments import check_segment, read_segment
from index.token_segments import read_token_segment
from index.words import WordsIndex


def find_damage(connection: Connection, layout: Layout, manifest: Manifest, words: WordsIndex) -> list[str]:
    """Return every disagreement in words; an empty list means that each live page is in each place it must be in."""
    problems = _missing_pages(connection)
    for lane in manifest.spaces:
        problems += _segment_problems(connection, layout, lane, manifest.spaces[lane])
        problems += _missing_vectors(connection, lane, manifest.spaces[lane])
    missing = np.setdiff1d(catalog.page_keys(connection), words.page_keys())
    if len(missing):
        problems.append(f"words: {len(missing)} pages are not in the lexical index. Run: pagelens index")
    integrity = connection.exec_driver_sql("PRAGMA quick_check").scalar_one()
    return problems if integrity == "ok" else [f"catalog: {integrity}", *problems]


def _missing_pages(connection: Connection) -> list[str]:
    d, p = t.documents.c, t.pages.c
    count = func.count(p.key)
    query = select(d.title, d.page_count, count.label("found")).join(t.pages, p.document == d.key, isouter=True)
    rows = connection.execute(query.where(d.live == 1).group_by(d.key).having(count != d.page_count))
    return [f"catalog: {row.title}: expected {row.page_count} pages, found {row.found}" for row in rows]


def _segment_problems(connection: Connection, layout: Layout, lane: str, space: Space) -> list[str]:
    s, r = t.segments.c, t.runs.c
    folder, problems = layout.vectors(lane), []
    for segment, name in connection.execute(select(s.id, s.name).where(s.lane == lane)).all():
        problem = check_segment(folder, name)
        if problem is not None:
            problems.append(problem)
            continue
        try:
            keys, _ = read_token_segment(folder, name) if space.many else read_segment(folder, name)
        except CollectionDamaged as exc:
            problems.append(str(exc))
            continue
        for start, rows, document in connection.execute(
            select(r.start, r.rows, r.document).where(r.segment == segment)
        ):
            pages = keys[start : start + rows]
            if not (document_of(pages if space.many else page_of(pages)) == document).all():
                problems.append(f"{lane}: rows {start} to {start + rows} of {name} are not of document {document}")
    return problems


def _missing_vectors(connection: Connection, lane: str, space: Space) -> list[str]:
    """Compare each live document's passages, or its pages where a page is a row, with its rows."""
    p, r, s, d = t.pages.c, t.runs.c, t.segments.c, t.documents.c
    items = func.count() if space.many else func.sum(func.length(p.passages)) / 8
    wanted = select(p.document, items.label("items")).group_by(p.document)
    live = wanted.join(t.documents, d.key == p.document).where(d.live == 1)
    expected = {key: int(count) for key, count in connection.execute(live)}
    rows = select(r.document, func.sum(r.rows)).join(t.segments, s.id == r.segment).where(s.lane == lane)
    found = {key: int(count) for key, count in connection.execute(rows.group_by(r.document))}
    return [
        f"{lane}: document {key}: expected {count} {'pages' if space.many else 'vectors'}, found {found.get(key, 0)}"
        for key, count in expected.items()
        if count != found.get(key, 0)
    ]
