"""Whether what is at rest fits together: the catalog against itself, the segments, the lexical index."""

from collections import Counter

import numpy as np
from sqlalchemy import Connection, func, select

from core.errors import CollectionDamaged
from core.keys import document_of, page_of
from index import catalog
from index import tables as t
from index.layout import LaneRecord, Layout, Manifest
from index.segments import check_segment, read_segment
from index.token_segments import read_token_segment
from index.words import WordsIndex


def find_damage(connection: Connection, layout: Layout, manifest: Manifest, words: WordsIndex) -> list[str]:
    """Return every disagreement in words; an empty list means that each live page is in each place it must be in."""
    problems = _missing_pages(connection)
    for lane in manifest.lanes.values():
        found, damaged = _rows(connection, layout, lane)
        problems += damaged
        problems += _missing_rows(connection, lane, found)
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


def _rows(connection: Connection, layout: Layout, lane: LaneRecord) -> tuple[Counter[int], list[str]]:
    """Return how many passages or pages of each document a lane has rows for, and what is wrong with its segments."""
    s, r = t.segments.c, t.runs.c
    folder, problems, found = layout.vectors(lane.store), [], Counter[int]()
    for segment, name in connection.execute(select(s.id, s.name).where(s.store == lane.store)).all():
        runs = connection.execute(select(r.start, r.rows, r.document).where(r.segment == segment)).all()
        problem = check_segment(folder, name)
        try:
            keys, _ = read_token_segment(folder, name) if lane.space.many else read_segment(folder, name)
        except (CollectionDamaged, FileNotFoundError) as exc:
            problem = problem or str(exc)
        if problem is not None:
            problems.append(problem)
            found.update({document: rows for _, rows, document in runs})  # said once is enough
            continue
        for start, rows, document in runs:
            items = keys[start : start + rows]
            pages = items if lane.space.many else page_of(items)
            if not (document_of(pages) == document).all():
                problems.append(f"{lane.name}: rows {start} to {start + rows} of {name} are not of document {document}")
            found[document] += len(np.unique(items if lane.covers == "passages" else pages))
    return found, problems


def _missing_rows(connection: Connection, lane: LaneRecord, found: Counter[int]) -> list[str]:
    """Compare each live document's passages, or the pages that could be pictured, with its rows."""
    p, d = t.pages.c, t.documents.c
    what = "passages" if lane.covers == "passages" and not lane.space.many else "pages"
    items = func.sum(func.length(p.passages)) / 8 if what == "passages" else func.count()
    query = select(p.document, items.label("items")).group_by(p.document).join(t.documents, d.key == p.document)
    query = query.where(d.live == 1)
    if what == "pages" and not lane.space.many:
        query = query.where(p.problem == "")
    if lane.covers == "photos":
        query = query.where(d.kind == "photo")
    return [
        f"{lane.name}: document {key}: expected {int(count)} {what}, found {found[key]}"
        for key, count in connection.execute(query)
        if found[key] < count
    ]
