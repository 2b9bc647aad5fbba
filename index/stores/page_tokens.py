"""A multi-vector lane of an embedded collection, opened for reading: the live pages of all its segments.

Everything but keys and offsets stays on disk, memory-mapped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from pagelens.core.errors import CollectionDamaged
from pagelens.core.keys import document_of
from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.catalog import tables as t
from pagelens.index.late.multi_vector_index import MultiVectorIndex, open_multi_vector_index
from pagelens.index.late.ragged import ChunkedTokens
from pagelens.index.late.token_postings import IndexedSegment
from pagelens.index.late.token_segments import TokenRows, read_postings, read_token_segment
from pagelens.index.records import TokenParts
from pagelens.index.segments import REPAIR
from pagelens.index.selection import Selection


@dataclass(frozen=True, slots=True)
class PageTokens:
    """A lane's live pages: keys, tokens, and the index over them; implements `MultiVectorView`."""

    keys: NDArray[np.int64]  # (n,) page key of each row
    parts: Sequence[TokenRows]  # the pages of all parts in order are the rows
    index: MultiVectorIndex

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def index_name(self) -> str:
        """See `MultiVectorView.index_name`."""
        return self.index.name

    def search(
        self, query: QueryTokens, k: int, *, selection: Selection | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `MultiVectorView.search`."""
        allowed = None if selection is None else selection.mask(self.keys)
        rows, scores = self.index.search(query, k, allowed=allowed)
        return self.keys[rows], scores

    def page(self, key: int) -> TokenMatrix | None:
        """See `MultiVectorView.page`."""
        rows = np.flatnonzero(self.keys == key)
        return self.matrix(int(rows[0])) if len(rows) else None

    def parts_of(self, documents: Sequence[int]) -> TokenParts:
        """See `MultiVectorView.parts_of`."""
        selected: list[tuple[Sequence[int], TokenRows]] = []
        first = 0
        for part in self.parts:
            keys = self.keys[first : first + len(part)]
            rows = np.flatnonzero(np.isin(document_of(keys), documents))
            runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if len(rows) else []
            selected += [(keys[run].tolist(), part.page_range(int(run[0]), int(run[-1]) + 1)) for run in runs]
            first += len(part)
        return selected

    def matrix(self, row: int) -> TokenMatrix:
        """Return a page's tokens and their boxes."""
        ends = np.cumsum([len(part) for part in self.parts])
        part = int(np.searchsorted(ends, row, side="right"))
        return self.parts[part].matrix(row - int(ends[part]) + len(self.parts[part]))


def gather_tokens(
    connection: Connection, folder: Path, store: str, dim: int, *, micro_batching: bool = True
) -> PageTokens:
    """Return a lane's live pages in the order they were written; `micro_batching`: see `open_multi_vector_index`.

    Raises what `pagelens.index.segments.read_segment` raises.
    """
    s, r, d = t.segments.c, t.runs.c, t.documents.c
    query = select(s.name, r.start, r.rows, r.document).join(t.segments, s.id == r.segment)
    live = query.join(t.documents, d.key == r.document).where(s.store == store, d.live == 1)
    rows = connection.execute(live.order_by(s.id, r.start)).all()
    segments = {name: read_token_segment(folder, name) for name in dict.fromkeys(row.name for row in rows)}
    for row in rows:
        documents = document_of(segments[row.name][0][row.start : row.start + row.rows])
        if len(documents) != row.rows or (documents != row.document).any():
            raise CollectionDamaged(f"{folder}: expected rows of the documents in the catalog, found others. {REPAIR}")
    merged = merge_adjacent([(row.name, row.start, row.start + row.rows) for row in rows])
    parts = [segments[name][1].page_range(start, stop) for name, start, stop in merged]
    keys = [segments[name][0][start:stop] for name, start, stop in merged]
    indexed = [
        IndexedSegment(segments[name][1].tokens, postings, rows_of_segment(name, len(segments[name][0]), merged))
        for name in segments
        if (postings := read_postings(folder, name)) is not None
    ]
    tokens = ChunkedTokens([part.tokens for part in parts], dim)
    index = open_multi_vector_index(tokens, indexed, micro_batching=micro_batching)
    return PageTokens(np.concatenate([np.zeros(0, np.int64), *keys]), parts, index)


def rows_of_segment(segment: str, pages: int, runs: Sequence[tuple[str, int, int]]) -> NDArray[np.int64]:
    """Return the row of each of a segment's pages (n_pages,) where runs (segment, start, stop) are the live rows in
    order; -1 for pages that are not live."""
    rows, first = np.full(pages, -1, np.int64), 0
    for name, start, stop in runs:
        if name == segment:
            rows[start:stop] = np.arange(first, first + stop - start)
        first += stop - start
    return rows


def merge_adjacent(runs: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Return runs (segment, start, stop) with those that follow each other in a segment merged."""
    merged: list[tuple[str, int, int]] = []
    for name, start, stop in runs:
        if merged and merged[-1][0] == name and merged[-1][2] == start:
            merged[-1] = (name, merged[-1][1], stop)
        else:
            merged.append((name, start, stop))
    return merged
