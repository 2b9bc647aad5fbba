"""Compaction: small and mostly dead segments are rewritten as one. Search results stay the same.

Where the owner sets PAGELENS_TOKEN_BITS to 4 or 2, pages of multi-vector lanes are shortened on the way: they take half
or a third of the bytes, and scores change in the second or third digit (docs/LOG.md has what that loses).

A segment's hashes are checked before it is rewritten; a damaged one is left as it is.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, delete, func, select

from pagelens.core.errors import UsageError
from pagelens.core.spaces import Space
from pagelens.index.catalog import tables as t
from pagelens.index.catalog import writes
from pagelens.index.catalog.transactions import transaction
from pagelens.index.late.token_codes import Bits
from pagelens.index.late.token_segments import read_token_segment, shorten, storage_of, write_token_segment
from pagelens.index.layout import Layout, Manifest
from pagelens.index.segments import check_segment, read_segment, write_segment

logger = logging.getLogger(__name__)

SMALL_SEGMENT = 65_536  # live rows; segments with fewer are compacted when there are more than MAX_SMALL_SEGMENTS
SMALL_TOKEN_SEGMENT = 4_096  # likewise in multi-vector lanes, where a row is a page of about 0.1 MB
SHORTENED_PAGES = 1_024  # of 8-bit integers that are shortened when they are written together; fewer need no saving
BITS = "PAGELENS_TOKEN_BITS"
MAX_SMALL_SEGMENTS = 16
DEAD_SHARE = 0.5  # a segment with at least this share of dead rows is rewritten


def read_token_bits(environment: Mapping[str, str]) -> Bits | None:
    """Return the bits that compaction shortens tokens' numbers to, None for no change. Raises UsageError."""
    given = environment.get(BITS, "").strip() or "8"
    bits: dict[str, Bits | None] = {"8": None, "4": 4, "2": 2}
    if given not in bits:
        raise UsageError(f"expected {BITS} to be 8, 4 or 2, found {given!r}")
    return bits[given]


def compact_segments(engine: Engine, layout: Layout, manifest: Manifest, *, token_bits: Bits | None = None) -> None:
    """Rewrite small and mostly dead segments of each lane as one, and replace them in the catalog; `token_bits`: see
    `read_token_bits`."""
    for lane in manifest.lanes.values():
        space, store = lane.space, lane.store
        with transaction(engine) as connection:
            small_rows = SMALL_TOKEN_SEGMENT if space.multi_vector else SMALL_SEGMENT
            folder, r, s = layout.vectors(store), t.runs.c, t.segments.c
            chosen = _segments_to_compact(connection, store, small_rows)
            names = connection.execute(
                select(s.id, s.name).join(t.runs, r.segment == s.id).where(s.id.in_(chosen)).distinct()
            )
            damaged = {row.id: problem for row in names if (problem := check_segment(folder, row.name, space))}
            for problem in damaged.values():
                logger.warning("left as it is, not compacted: %s", problem)
            chosen = [segment for segment in chosen if segment not in damaged]
            if not chosen:
                continue
            query = select(s.name, r.start, r.rows, r.document).join(t.segments, s.id == r.segment)
            rows = connection.execute(query.where(r.segment.in_(chosen)).order_by(r.segment, r.start)).all()
            runs = [_Run(row.name, row.start, row.start + row.rows, row.document) for row in rows]
            compacted: dict[str, Sequence[_Run]] = {}
            if runs and space.multi_vector:
                compacted = _compact_tokens(folder, space, runs, token_bits)
            elif runs:
                compacted = _compact_vectors(folder, space, runs)
            connection.execute(delete(t.runs).where(r.segment.in_(chosen)))
            connection.execute(delete(t.segments).where(s.id.in_(chosen)))
            for name, written in compacted.items():
                writes.register_segment(
                    connection, store, name, [(run.document, run.stop - run.start) for run in written]
                )
            writes.advance_generation(connection)


class _Run(NamedTuple):
    """Rows of a segment that belong to a document."""

    name: str
    start: int
    stop: int
    document: int


def _compact_vectors(folder: Path, space: Space, runs: Sequence[_Run]) -> dict[str, Sequence[_Run]]:
    """Write the rows of runs as one segment; return its name and the runs it holds."""
    parts = {name: read_segment(folder, name) for name in dict.fromkeys(run.name for run in runs)}
    keys = np.concatenate([parts[run.name][0][run.start : run.stop] for run in runs])
    vectors = np.concatenate([parts[run.name][1][run.start : run.stop] for run in runs])
    return {write_segment(folder, space, keys, vectors): runs}


def _compact_tokens(
    folder: Path, space: Space, runs: Sequence[_Run], token_bits: Bits | None
) -> dict[str, Sequence[_Run]]:
    """Write the pages of runs as one segment for each storage; return names and the runs they hold. Pages in 8-bit
    integers are shortened if the owner asks and there are many of them, or shortened ones to join."""
    parts = {name: read_token_segment(folder, name) for name in dict.fromkeys(run.name for run in runs)}
    storages = {name: storage_of(rows) for name, (_, rows) in parts.items()}
    integers = sum(run.stop - run.start for run in runs if storages[run.name] == "int8")
    short = f"{token_bits} bits"
    if token_bits and not space.dim * token_bits % 8 and (integers >= SHORTENED_PAGES or short in storages.values()):
        for name in [name for name, storage in storages.items() if storage == "int8"]:
            keys, rows = parts[name]
            parts[name], storages[name] = (keys, shorten(rows, token_bits)), short
    compacted: dict[str, Sequence[_Run]] = {}
    for storage in sorted(set(storages.values())):
        same_storage = [run for run in runs if storages[run.name] == storage]
        keys = np.concatenate([parts[run.name][0][run.start : run.stop] for run in same_storage])
        parts_to_write = [parts[run.name][1].page_range(run.start, run.stop) for run in same_storage]
        compacted[write_token_segment(folder, space, keys, parts_to_write)] = same_storage
    return compacted


def _segments_to_compact(connection: Connection, store: str, small_rows: int) -> list[int]:
    """Return the ids of mostly dead segments, and of small ones if there are many."""
    s, r = t.segments.c, t.runs.c
    live = func.coalesce(func.sum(r.rows), 0)
    query = select(s.id, s.rows, live.label("live")).join(t.runs, r.segment == s.id, isouter=True)
    rows = connection.execute(query.where(s.store == store).group_by(s.id)).all()
    small = [row.id for row in rows if row.live < small_rows]
    dead = [row.id for row in rows if row.live <= (1 - DEAD_SHARE) * row.rows]
    return sorted({*(small if len(small) > MAX_SMALL_SEGMENTS else []), *dead})
