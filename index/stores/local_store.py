"""Vectors in the collection's own folder: append-only segments, searched by `pagelens.index.dense.vector_index` and `index.late`.

See `pagelens.index.stores.vector_store` for what a store does, `pagelens.index.segments` and `pagelens.index.late.token_segments` for what lies on disk.
Which rows are live is the catalog's to say.
"""

import logging
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from pagelens.core.errors import CollectionDamaged
from pagelens.core.keys import document_of, page_of
from pagelens.index.admin import compaction
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import transaction
from pagelens.index.dense import vector_index
from pagelens.index.dense.exact_index import Matrix
from pagelens.index.dense.vector_index import VectorIndex
from pagelens.index.lane_queries import SearchResult
from pagelens.index.lane_rows import parts_by_document, write_dense, write_tokens
from pagelens.index.late.page_tokens import PageTokens, gather_tokens
from pagelens.index.late.token_segments import read_token_segment
from pagelens.index.layout import LaneRecord, Layout, Manifest
from pagelens.index.lexical.local_words import EmbeddedWords
from pagelens.index.segments import check_segment, read_keys, read_segment, sweep
from pagelens.index.selection import Selection
from pagelens.index.stores.vector_store import DenseParts, LaneCheck, TokenParts, Written

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Vectors:
    """A lane's live vectors: keys of page and ordinal (n,) by row, the rows (n, dim), and the index over them."""

    keys: NDArray[np.int64]
    matrix: Matrix
    index: VectorIndex

    def __len__(self) -> int:
        return len(self.keys)

    def search(
        self, query: NDArray[np.float32], k: int, *, selection: Selection | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `LaneVectors.search`."""
        allowed = None if selection is None else selection.mask(page_of(self.keys))
        rows, scores = self.index.search(query, k, allowed=allowed)
        return self.keys[rows], scores

    def parts_of(self, documents: Sequence[int]) -> DenseParts:
        """See `LaneVectors.parts_of`."""
        rows = np.flatnonzero(np.isin(document_of(page_of(self.keys)), documents))
        return parts_by_document(self.keys[rows], self.matrix[rows])


class EmbeddedStore:
    """See `VectorStore`."""

    def __init__(self, layout: Layout, *, micro_batching: bool = True) -> None:
        """`micro_batching`: see `pagelens.index.late.multi_vector_index.open_multi_vector_index`."""
        self._layout = layout
        self._micro_batching = micro_batching

    @property
    def lasting(self) -> None:
        """See `VectorStore.lasting`: files that a reader has open."""
        return None

    def write_vectors(self, lane: LaneRecord, parts: DenseParts) -> Written:
        """Write one segment of all parts."""
        return write_dense(self._layout.vectors(lane.store), lane.space, parts)

    def write_tokens(self, lane: LaneRecord, parts: TokenParts) -> Written:
        """Write one segment of all parts."""
        return write_tokens(self._layout.vectors(lane.store), lane.space, parts)

    def vectors(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> Vectors:
        """See `VectorStore.vectors`. Raises FileNotFoundError when a writer merged a segment away."""
        folder = self._layout.vectors(lane.store)
        keys, matrix = _gather(connection, folder, lane.store, lane.space.dim)
        return Vectors(keys, matrix, vector_index.open_vector_index(matrix))

    def tokens(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> PageTokens:
        """Likewise."""
        folder = self._layout.vectors(lane.store)
        return gather_tokens(connection, folder, lane.store, lane.space.dim, micro_batching=self._micro_batching)

    def lexical(self, engine: Engine) -> EmbeddedWords:
        """See `VectorStore.lexical`."""
        return EmbeddedWords(self._layout.words, engine)

    def named_keys(self, connection: Connection, lane: LaneRecord) -> NDArray[np.int64]:
        """See `VectorStore.named_keys`."""
        s, r = t.segments.c, t.runs.c
        query = select(s.name, r.start, r.rows).join(t.segments, s.id == r.segment).where(s.store == lane.store)
        keys: dict[str, NDArray[np.int64]] = {}
        found = [np.zeros(0, np.int64)]
        for name, start, rows in connection.execute(query):
            if name not in keys:
                keys[name] = read_keys(self._layout.vectors(lane.store), name)
            found.append(keys[name][start : start + rows])
        return np.concatenate(found)

    def forget(self, manifest: Manifest, documents: Collection[int]) -> None:
        """Nothing: rows of no run are dead, and go when segments are merged."""

    def merge(self, engine: Engine, manifest: Manifest) -> None:
        """Write small and half-dead segments of each lane as one; remove those that this leaves unnamed."""
        compaction.compact_segments(engine, self._layout, manifest)
        self.sweep(engine, {})

    def sweep(self, engine: Engine, lanes: Mapping[str, LaneRecord]) -> None:
        """Remove segments that the catalog does not name."""
        with transaction(engine) as connection:
            named = connection.execute(select(t.segments.c.store, t.segments.c.name)).all()
        for folder in self._folders():
            removed = sweep(folder, {name for store, name in named if store == folder.name})
            if removed:
                logger.info("swept %d segments of %s", len(removed), folder.name)

    def drop_others(self, keep: Collection[str]) -> None:
        """Remove the folders of other lanes."""
        for folder in self._folders():
            if folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)

    def check(self, connection: Connection, lane: LaneRecord, *, deep: bool = False) -> LaneCheck:
        """See `VectorStore.check`: every byte is read, deep or not."""
        s, r = t.segments.c, t.runs.c
        folder, found = self._layout.vectors(lane.store), Counter[int]()
        damaged: set[int] = set()
        problems: list[str] = []
        for segment, name in connection.execute(select(s.id, s.name).where(s.store == lane.store)).all():
            runs = connection.execute(select(r.start, r.rows, r.document).where(r.segment == segment)).all()
            problem = check_segment(folder, name)
            try:
                keys, _ = read_token_segment(folder, name) if lane.space.multi_vector else read_segment(folder, name)
            except (CollectionDamaged, FileNotFoundError) as exc:
                problem = problem or str(exc)
            if problem is not None:
                problems.append(problem)
                damaged.update(document for _, _, document in runs)
                found.update({document: rows for _, rows, document in runs})  # said once is enough
                continue
            for start, rows, document in runs:
                items = keys[start : start + rows]
                pages = items if lane.space.multi_vector else page_of(items)
                if not (document_of(pages) == document).all():
                    damaged.add(document)
                    problems.append(
                        f"{lane.name}: rows {start} to {start + rows} of {name} are not of document {document}"
                    )
                found[document] += len(np.unique(items if lane.covers == "passages" else pages))
        return LaneCheck(found, damaged, problems)

    def remove_all(self) -> None:
        """See `VectorStore.remove_all`: what there is goes with the folder."""

    def require_reachable(self) -> None:
        """See `VectorStore.require_reachable`: there is no server."""

    def require_ready(self, connection: Connection, lanes: Iterable[LaneRecord]) -> None:
        """Nothing: a snapshot has opened its segments."""

    def run_parallel(self, searches: Sequence[Callable[[], SearchResult]]) -> list[SearchResult]:
        """One after another: nobody is waited for."""
        return [search() for search in searches]

    def close(self) -> None:
        """Nothing is held open."""

    def _folders(self) -> list[Path]:
        stores = self._layout.root / "vectors"
        return sorted(stores.iterdir()) if stores.is_dir() else []


def _gather(connection: Connection, folder: Path, store: str, dim: int) -> tuple[NDArray[np.int64], Matrix]:
    """Return keys (n,) and vectors (n, dim) of a store's live rows, in the order they were written."""
    s, r, d = t.segments.c, t.runs.c, t.documents.c
    query = select(s.name, s.rows.label("total"), r.start, r.rows).join(t.segments, s.id == r.segment)
    live = query.join(t.documents, d.key == r.document).where(s.store == store, d.live == 1)
    rows = connection.execute(live.order_by(r.segment, r.start)).all()
    if not rows:
        return np.zeros(0, np.int64), np.zeros((0, dim), np.float16)
    parts = {name: read_segment(folder, name) for name in dict.fromkeys(row.name for row in rows)}
    if len(parts) == 1 and sum(row.rows for row in rows) == rows[0].total:
        return parts[rows[0].name]  # one whole segment: used as it lies on disk
    cuts = [(row.name, slice(row.start, row.start + row.rows)) for row in rows]
    keys = np.concatenate([parts[name][0][cut] for name, cut in cuts])
    return keys, np.concatenate([parts[name][1][cut] for name, cut in cuts])
