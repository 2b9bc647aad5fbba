"""Vectors in the collection's folder: implements `pagelens.index.stores.vector_store.VectorStore`.

Rows are kept in append-only segments (`pagelens.index.segments`, `pagelens.index.late.token_segments`). The catalog
says which rows are live.
"""

import logging
import os
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
from pagelens.index.catalog import tables as t
from pagelens.index.catalog import undo_log
from pagelens.index.catalog.transactions import transaction
from pagelens.index.dense import vector_index
from pagelens.index.dense.exact_index import Matrix
from pagelens.index.dense.vector_index import VectorIndex
from pagelens.index.lane_queries import SearchResult
from pagelens.index.lane_rows import concatenate, document_runs, parts_by_document
from pagelens.index.late.token_segments import write_token_segment
from pagelens.index.layout import LaneRecord, Layout, Manifest
from pagelens.index.lexical.local_lexical_index import LocalLexicalIndex
from pagelens.index.records import NO_ROWS, DenseParts, TokenParts, WrittenRows
from pagelens.index.segments import (
    REPAIR,
    VERIFIED_BYTES,
    check_segment,
    read_keys,
    read_segment,
    remove_segments,
    unregistered_segments,
    verify_segment,
    write_segment,
)
from pagelens.index.selection import Selection
from pagelens.index.stores import compaction
from pagelens.index.stores.page_tokens import PageTokens, gather_tokens, merge_adjacent
from pagelens.index.stores.vector_store import LaneCheck

logger = logging.getLogger(__name__)

COPIED_ROWS = 4_096  # a run of live rows as long is searched where it lies: 10 us for the call; shorter ones are copied


@dataclass(frozen=True, slots=True)
class LocalDenseView:
    """See `DenseView`: passage keys (n,), rows in matrices that lie apart (n, dim in all), and the index over them."""

    keys: NDArray[np.int64]
    chunks: Sequence[NDArray[np.float16]]
    index: VectorIndex

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def index_name(self) -> str:
        """See `DenseView.index_name`."""
        return self.index.name

    def search(
        self, query: NDArray[np.float32], k: int, *, selection: Selection | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `DenseView.search`."""
        allowed = None if selection is None else selection.mask(page_of(self.keys))
        rows, scores = self.index.search(query, k, allowed=allowed)
        return self.keys[rows], scores

    @property
    def matrix(self) -> Matrix:
        """See `DenseView.matrix`; a copy if there are several chunks."""
        return self.chunks[0] if len(self.chunks) == 1 else np.concatenate(self.chunks)

    def parts_of(self, documents: Sequence[int]) -> DenseParts:
        """See `DenseView.parts_of`."""
        rows = np.flatnonzero(np.isin(document_of(page_of(self.keys)), documents))
        ends = np.cumsum([len(chunk) for chunk in self.chunks])
        parts = np.split(rows, np.searchsorted(rows, ends[:-1]))
        vectors = [
            chunk[part - end + len(chunk)] for chunk, part, end in zip(self.chunks, parts, ends.tolist(), strict=True)
        ]
        return parts_by_document(self.keys[rows], np.concatenate(vectors))


class LocalVectorStore:
    """See `VectorStore`."""

    def __init__(self, layout: Layout, *, micro_batching: bool = True) -> None:
        """`micro_batching`: see `pagelens.index.late.multi_vector_index.open_multi_vector_index`. Raises UsageError for
        a wrong PAGELENS_TOKEN_BITS."""
        self._layout = layout
        self._micro_batching = micro_batching
        self._token_bits = compaction.read_token_bits(os.environ)
        self._verified: set[tuple[str, str]] = set()  # (lane's store, segment) that this process has opened

    @property
    def retention(self) -> None:
        """See `VectorStore.retention`: a reader's open files stay readable."""
        return None

    def write_vectors(self, lane: LaneRecord, parts: DenseParts) -> WrittenRows:
        """See `VectorStore.write_vectors`: one segment."""
        keys, vectors = concatenate(parts, lane.space.dim)
        if not len(keys):
            return NO_ROWS
        name = write_segment(self._layout.vectors(lane.store), lane.space, keys, vectors)
        return name, document_runs(document_of(page_of(keys)))

    def write_tokens(self, lane: LaneRecord, parts: TokenParts) -> WrittenRows:
        """See `VectorStore.write_tokens`: one segment."""
        for pages, rows in parts:
            assert len(pages) == len(rows), (lane.store, len(pages), len(rows))
        keys = np.array([page for pages, _ in parts for page in pages], np.int64)
        if not len(keys):
            return NO_ROWS
        rows_of_parts = [rows for pages, rows in parts if len(pages)]
        name = write_token_segment(self._layout.vectors(lane.store), lane.space, keys, rows_of_parts)
        return name, document_runs(document_of(keys))

    def vectors(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> LocalDenseView:
        """See `VectorStore.vectors`. Raises FileNotFoundError when a writer has compacted a segment away."""
        del live  # the catalog is joined with the rows instead
        folder = self._layout.vectors(lane.store)
        self._verify_once(connection, lane)
        keys, chunks = _gather(connection, folder, lane.store, lane.space.dim)
        return LocalDenseView(keys, chunks, vector_index.open_vector_index(*chunks))

    def tokens(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> PageTokens:
        """See `VectorStore.tokens`. Raises like `vectors`."""
        del live
        folder = self._layout.vectors(lane.store)
        self._verify_once(connection, lane)
        return gather_tokens(connection, folder, lane.store, lane.space.dim, micro_batching=self._micro_batching)

    def lexical_index(self, engine: Engine) -> LocalLexicalIndex:
        """See `VectorStore.lexical_index`."""
        return LocalLexicalIndex(self._layout.words, engine)

    def cataloged_keys(self, connection: Connection, lane: LaneRecord) -> NDArray[np.int64]:
        """See `VectorStore.cataloged_keys`."""
        s, r = t.segments.c, t.runs.c
        query = select(s.name, r.start, r.rows).join(t.segments, s.id == r.segment).where(s.store == lane.store)
        for name in self._live_segments(connection, lane):
            if problem := check_segment(self._layout.vectors(lane.store), name, lane.space):
                raise CollectionDamaged(problem)
        keys: dict[str, NDArray[np.int64]] = {}
        found = [np.zeros(0, np.int64)]
        for name, start, rows in connection.execute(query):
            if name not in keys:
                keys[name] = read_keys(self._layout.vectors(lane.store), name)
            found.append(keys[name][start : start + rows])
        return np.concatenate(found)

    def delete_documents(self, manifest: Manifest, documents: Collection[int]) -> None:
        """Do nothing: rows without a run are dead, and dropped when segments are compacted."""

    def compact(self, engine: Engine, manifest: Manifest) -> None:
        """Write small and half-dead segments of each lane as one, and delete the old ones."""
        compaction.compact_segments(engine, self._layout, manifest, token_bits=self._token_bits)
        self.collect_garbage(engine, {})

    def collect_garbage(self, engine: Engine, lanes: Mapping[str, LaneRecord]) -> None:
        """See `VectorStore.collect_garbage`: whole segments, of all lanes."""
        with transaction(engine) as connection:
            rows = connection.execute(select(t.segments.c.store, t.segments.c.name))
            registered = {(store, name) for store, name in rows} | undo_log.kept_segments(connection)
            next_document = connection.execute(select(t.state.c.next_document)).scalar_one()
        keep = {folder: {name for store, name in registered if store == folder.name} for folder in self._folders()}
        for lane in lanes.values():
            self._require_known(lane, keep.get(self._layout.vectors(lane.store), set()), next_document)
        for folder, names in keep.items():
            removed = remove_segments(folder, keep=names)
            if removed:
                logger.info("deleted %d unregistered segments of %s", len(removed), folder.name)

    def _require_known(self, lane: LaneRecord, registered: Collection[str], next_document: int) -> None:
        """Raise CollectionDamaged where a segment has a document whose key the catalog has not given to any yet."""
        folder = self._layout.vectors(lane.store)
        for name in unregistered_segments(folder, keep=registered):
            try:
                keys = read_keys(folder, name)
            except (CollectionDamaged, OSError):
                continue  # partly removed
            newest = int(document_of(keys if lane.space.multi_vector else page_of(keys)).max(initial=0))
            if newest >= next_document:
                raise CollectionDamaged(
                    f"expected a catalog that knows document {newest}, whose vectors are in {folder / name}, found one "
                    f"with {next_document - 1} at most: it is older than the vectors. Nothing was removed: restore "
                    "the catalog that belongs to them, or delete the collection (pagelens delete) and index the files."
                )

    def drop_other_lanes(self, keep: Collection[str]) -> None:
        """Remove the folders of other lanes."""
        for folder in self._folders():
            if folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)

    def check(self, connection: Connection, lane: LaneRecord, *, deep: bool = False) -> LaneCheck:
        """See `VectorStore.check`; all bytes are read, `deep` or not."""
        del deep
        s, r = t.segments.c, t.runs.c
        folder, found = self._layout.vectors(lane.store), Counter[int]()
        damaged: set[int] = set()
        problems: list[str] = []
        for segment, name in connection.execute(select(s.id, s.name).where(s.store == lane.store)).all():
            runs = connection.execute(select(r.start, r.rows, r.document).where(r.segment == segment)).all()
            if not runs:
                continue  # dead: dropped when segments are compacted
            problem = check_segment(folder, name, lane.space)
            if problem is not None:
                problems.append(problem)
                damaged.update(document for _, _, document in runs)
                found.update(
                    {document: rows for _, rows, document in runs}
                )  # so that they are not reported as missing too
                continue
            keys = read_keys(folder, name)
            for start, rows, document in runs:
                row_keys = keys[start : start + rows]
                pages = row_keys if lane.space.multi_vector else page_of(row_keys)
                if len(row_keys) != rows or not (document_of(pages) == document).all():
                    damaged.add(document)
                    problems.append(
                        f"{lane.name}: rows {start} to {start + rows} of {name} do not belong to document {document}"
                    )
                found[document] += len(np.unique(row_keys if lane.covers == "passages" else pages))
        return LaneCheck(found, damaged, problems)

    def verify(self, connection: Connection, lane: LaneRecord) -> None:
        """See `VectorStore.verify`."""
        for name in self._live_segments(connection, lane):
            verify_segment(self._layout.vectors(lane.store), name, lane.space)

    def _verify_once(self, connection: Connection, lane: LaneRecord) -> None:
        """Verify each segment when it is first opened for searching, up to `VERIFIED_BYTES` of it."""
        for name in self._live_segments(connection, lane):
            if (lane.store, name) not in self._verified:
                verify_segment(self._layout.vectors(lane.store), name, lane.space, limit=VERIFIED_BYTES)
                self._verified.add((lane.store, name))

    def _live_segments(self, connection: Connection, lane: LaneRecord) -> Sequence[str]:
        s = t.segments.c
        query = select(s.name).join(t.runs, t.runs.c.segment == s.id).where(s.store == lane.store)
        return connection.execute(query.distinct().order_by(s.name)).scalars().all()

    def remove_all(self) -> None:
        """Do nothing: all files are in the collection's folder."""

    def require_reachable(self) -> None:
        """Do nothing: there is no server."""

    def require_ready(self, connection: Connection, lanes: Iterable[LaneRecord]) -> None:
        """Do nothing: a snapshot has opened its segments already."""

    def run_parallel(self, searches: Sequence[Callable[[], SearchResult]]) -> list[SearchResult]:
        """Run the searches one after another: each uses all cores already."""
        return [search() for search in searches]

    def close(self) -> None:
        """Do nothing: no files are held open."""

    def _folders(self) -> list[Path]:
        stores = self._layout.root / "vectors"
        return sorted(path for path in stores.iterdir() if path.is_dir()) if stores.is_dir() else []


def _gather(
    connection: Connection, folder: Path, store: str, dim: int
) -> tuple[NDArray[np.int64], list[NDArray[np.float16]]]:
    """Return the keys (n,) and vectors (n, dim in all) of live rows, in the order in which they were written: long runs
    memory-mapped where they lie, others copied."""
    s, r, d = t.segments.c, t.runs.c, t.documents.c
    query = select(s.name, r.start, r.rows, r.document).join(t.segments, s.id == r.segment)
    live = query.join(t.documents, d.key == r.document).where(s.store == store, d.live == 1)
    rows = connection.execute(live.order_by(r.segment, r.start)).all()
    if not rows:
        return np.zeros(0, np.int64), [np.zeros((0, dim), np.float16)]
    parts = {name: read_segment(folder, name) for name in dict.fromkeys(row.name for row in rows)}
    runs = merge_adjacent([(row.name, row.start, row.start + row.rows) for row in rows])
    keys = np.concatenate([parts[name][0][start:stop] for name, start, stop in runs])
    documents = np.repeat([row.document for row in rows], [row.rows for row in rows])
    if not np.array_equal(document_of(page_of(keys)), documents):
        raise CollectionDamaged(f"{folder}: expected rows of the documents in the catalog, found others. {REPAIR}")
    return keys, join_short([parts[name][1][start:stop] for name, start, stop in runs])


def join_short(runs: Sequence[NDArray[np.float16]]) -> list[NDArray[np.float16]]:
    """Return runs of rows with neighbours of fewer than `COPIED_ROWS` rows in one, which copies them."""
    groups: list[list[NDArray[np.float16]]] = []
    for run in runs:
        if groups and max(len(run), len(groups[-1][0])) < COPIED_ROWS:
            groups[-1].append(run)
        else:
            groups.append([run])
    return [group[0] if len(group) == 1 else np.concatenate(group) for group in groups]
