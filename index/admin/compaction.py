"""Segments named in the catalog, and small or half-dead ones written as one. Nothing here changes what is found."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, delete, func, insert, select

from pagelens.core.spaces import Space
from pagelens.index.catalog import reads
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import transaction
from pagelens.index.late.token_segments import read_token_segment, storage_of, write_token_segment
from pagelens.index.layout import Layout, Manifest
from pagelens.index.segments import read_segment, write_segment

SMALL_SEGMENT = 65_536  # rows; smaller ones are merged once there are MANY,
SMALL_TOKENS = 4_096  # rows where a row is a page of many vectors, of a tenth of a megabyte
MANY = 16
DEAD_SHARE = 0.5  # a segment deader than this is written anew


def register_segment(connection: Connection, store: str, name: str, runs: Sequence[tuple[int, int]]) -> None:
    """Enter a segment whose rows belong to documents in turn: `runs` are (document, rows)."""
    total = sum(rows for _, rows in runs)
    entered = insert(t.segments).values(store=store, name=name, rows=total).returning(t.segments.c.id)
    segment = connection.execute(entered).scalar_one()
    start, entries = 0, []
    for document, rows in runs:
        entries.append({"segment": segment, "start": start, "rows": rows, "document": document})
        start += rows
    connection.execute(insert(t.runs), entries)


def compact_segments(engine: Engine, layout: Layout, manifest: Manifest) -> None:
    """Write small and half-dead segments of each lane as one, and let the catalog name that instead."""
    for lane in manifest.lanes.values():
        space, store = lane.space, lane.store
        with transaction(engine) as connection:
            chosen = _worn(connection, store, SMALL_TOKENS if space.multi_vector else SMALL_SEGMENT)
            if not chosen:
                continue
            folder, r, s = layout.vectors(store), t.runs.c, t.segments.c
            query = select(s.name, r.start, r.rows, r.document).join(t.segments, s.id == r.segment)
            rows = connection.execute(query.where(r.segment.in_(chosen)).order_by(r.segment, r.start)).all()
            runs = [_Run(row.name, row.start, row.start + row.rows, row.document) for row in rows]
            merged = (_merge_tokens if space.multi_vector else _merge_vectors)(folder, space, runs) if runs else {}
            connection.execute(delete(t.runs).where(r.segment.in_(chosen)))
            connection.execute(delete(t.segments).where(s.id.in_(chosen)))
            for name, taken in merged.items():
                register_segment(connection, store, name, [(run.document, run.stop - run.start) for run in taken])
            reads.advance(connection)


class _Run(NamedTuple):
    """Rows of a segment that belong to a document."""

    name: str
    start: int
    stop: int
    document: int


def _merge_vectors(folder: Path, space: Space, runs: Sequence[_Run]) -> dict[str, Sequence[_Run]]:
    """Write the rows of some runs as one segment; return its name and the runs it holds."""
    parts = {name: read_segment(folder, name) for name in dict.fromkeys(run.name for run in runs)}
    keys = np.concatenate([parts[run.name][0][run.start : run.stop] for run in runs])
    vectors = np.concatenate([parts[run.name][1][run.start : run.stop] for run in runs])
    return {write_segment(folder, space, keys, vectors): runs}


def _merge_tokens(folder: Path, space: Space, runs: Sequence[_Run]) -> dict[str, Sequence[_Run]]:
    """Write the pages of some runs as one segment for each way they are stored; return names and what they hold."""
    parts = {name: read_token_segment(folder, name) for name in dict.fromkeys(run.name for run in runs)}
    merged: dict[str, Sequence[_Run]] = {}
    for storage in ("int8", "float16"):
        alike = [run for run in runs if storage_of(parts[run.name][1]) == storage]
        if alike:
            keys = np.concatenate([parts[run.name][0][run.start : run.stop] for run in alike])
            cuts = [parts[run.name][1].slice(run.start, run.stop) for run in alike]
            merged[write_token_segment(folder, space, keys, cuts)] = alike
    return merged


def _worn(connection: Connection, store: str, small_rows: int) -> list[int]:
    """Return the ids of segments worth merging: mostly dead ones, and small ones when there are many."""
    s, r = t.segments.c, t.runs.c
    live = func.coalesce(func.sum(r.rows), 0)
    query = select(s.id, s.rows, live.label("live")).join(t.runs, r.segment == s.id, isouter=True)
    found = connection.execute(query.where(s.store == store).group_by(s.id)).all()
    small = [row.id for row in found if row.live < small_rows]
    dead = [row.id for row in found if row.live <= (1 - DEAD_SHARE) * row.rows]
    return sorted({*(small if len(small) > MANY else []), *dead})
