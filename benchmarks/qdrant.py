"""Qdrant's engine beside the embedded store: recall of the exact first 10, build time, query time, memory, disk.

    python -m benchmarks.qdrant --collection C [--pages 10000] [--many-pages 10000] [--kinds exact ...]

The vectors are those of C, repeated with noise up to the number of pages (also the token vectors of its `page` lane);
the queries are the development questions. Multi-vector pages are read one after another, so that the memory measured is
that of the index. The engine is Qdrant Edge, the server's engine in this process, so no network time is included. Each
row is measured in its own process; memory is its growth. "local mode" is qdrant-client's Python implementation; it is
slow and measured only on request. Seconds are elapsed; "CPU" is the time of all cores.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from benchmarks.development_set import questions, require_data
from pagelens.api.engine import wiring
from pagelens.api.engine.models import CollectionModels
from pagelens.core.spaces import Space
from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.dense import vector_index
from pagelens.index.late.exact_maxsim import ExactMaxSim
from pagelens.index.late.multi_vector_index import open_multi_vector_index
from pagelens.index.late.ragged import ChunkedTokens
from pagelens.index.late.token_segments import TokenRows, pack_tokens, read_token_segment, write_token_segment
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader
from pagelens.index.segments import read_segment, write_segment
from pagelens.index.stores.page_tokens import PageTokens
from pagelens.retrieve.lanes import PageLane, TextLane

FIRST = 10
QUERIES, MULTI_VECTOR_QUERIES = 60, 30
PART = 500  # pages of many vectors written at once
BATCH = 500
OVERSAMPLING = 3.0
KINDS = ("embedded", "exact", "graph", "scalar", "binary", "binary, not rescored")
LOCAL = "local mode"

Began = tuple[float, float]
"""Seconds on the clock, and of all cores."""
NOT_MANY = ("graph",)  # a graph of pages of many vectors took minutes to build for 500


@dataclass(frozen=True, slots=True)
class Row:
    """What one way of holding vectors costs and finds."""

    recall: float
    build: float  # seconds
    build_cpu: float  # of all cores
    p50: float  # milliseconds
    p95: float
    cpu: float  # milliseconds of all cores a query, the mean
    memory: float  # MB
    disk: float  # MB


def main() -> None:
    """Measure both kinds of lanes."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--many-pages", type=int, default=10_000)
    parser.add_argument("--kinds", nargs="+", choices=(*KINDS, LOCAL), default=KINDS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _prepare(arguments.collection, folder, arguments.pages, arguments.many_pages)
        for name, measure in (("one vector", one_vector), ("many vectors", many_vectors)):
            _print_table(name, measure, folder, arguments.kinds)


def _print_table(name: str, measure: Callable[[Path, str], Row], folder: Path, kinds: Sequence[str]) -> None:
    columns = ("recall@10", "build s", "build CPU s", "p50 ms", "p95 ms", "CPU ms a query", "memory MB", "disk MB")
    print(f"\n| {name} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for kind in kinds:
        if measure is many_vectors and kind in NOT_MANY:
            continue
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            row = pool.submit(measure, folder, kind).result()
        cells = [f"{row.recall:.3f}", *(f"{value:.1f}" for value in astuple(row)[1:])]
        print(f"| {kind} | " + " | ".join(cells) + " |", flush=True)


def _prepare(root: Path, folder: Path, pages: int, many_pages: int) -> None:
    """Write vectors and queries where the measuring processes read them."""
    rng, reader = np.random.default_rng(0), CollectionReader(root)
    loaded = CollectionModels(wiring.lane_models(reader.manifest), analyze, wiring.read_settings())
    lanes = {lane.name: lane for lane in loaded.lanes(reader.manifest)[0]}
    text, page = lanes["text"], lanes["page"]
    assert isinstance(text, TextLane) and isinstance(page, PageLane)
    query_texts = [question.text for question in questions()[:QUERIES]]
    np.save(folder / "queries.npy", loaded.text.encode_queries(query_texts))
    tokens = [page.query_tokens(query_text).vectors for query_text in query_texts[:MULTI_VECTOR_QUERIES]]
    np.savez(folder / "token_queries.npz", *tokens)
    with reader.snapshot() as snapshot:
        rows = np.asarray(snapshot.vectors("text").matrix, np.float32)
        copies = -(-pages // snapshot.page_count)
        vectors = np.concatenate([_blurred(rows, rng if copy else None) for copy in range(copies)])
        np.save(folder / "vectors.npy", vectors[: round(len(rows) * pages / snapshot.page_count)])
        lane = snapshot.tokens("page")
        assert isinstance(lane, PageTokens)
        matrices = [matrix.vectors for key in lane.keys.tolist() if (matrix := lane.page(key)) and len(matrix.vectors)]
    with (folder / "tokens.f16").open("wb") as file:
        for index in range(many_pages):
            vectors = _blurred(matrices[index % len(matrices)], rng if index >= len(matrices) else None)
            file.write(vectors.astype(np.float16).tobytes())
    np.save(folder / "lengths.npy", np.array([len(matrices[index % len(matrices)]) for index in range(many_pages)]))
    exact = ExactMaxSim(ChunkedTokens([part.tokens for part in _packed(folder)], matrices[0].shape[1]))
    truth = [exact.search(QueryTokens(query, [""] * len(query)), FIRST)[0] for query in tokens]
    np.save(folder / "token_truth.npy", np.array(truth))


def _pages(folder: Path) -> Iterator[NDArray[np.float32]]:
    """Yield the pages of many vectors, (tokens, dim)."""
    dim = next(iter(np.load(folder / "token_queries.npz").values())).shape[1]
    with (folder / "tokens.f16").open("rb") as file:
        for length in np.load(folder / "lengths.npy").tolist():
            yield np.fromfile(file, np.float16, length * dim).reshape(length, dim).astype(np.float32)


def _packed(folder: Path) -> Iterator[TokenRows]:
    """Yield the same as they lie in the embedded store, `PART` pages at a time."""
    pages = _pages(folder)
    while part := list(islice(pages, PART)):
        matrices = [TokenMatrix(page, np.zeros((len(page), 4), np.float32)) for page in part]
        yield pack_tokens(matrices, part[0].shape[1])


def _blurred(rows: NDArray[np.float32], rng: np.random.Generator | None) -> NDArray[np.float32]:
    if rng is None:
        return rows
    noisy = rows + rng.normal(size=rows.shape).astype(np.float32) * np.float32(0.35 / rows.shape[1] ** 0.5)
    return np.asarray(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), np.float32)


def one_vector(folder: Path, kind: str) -> Row:
    """Measure a lane of one vector a row."""
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    exact = vector_index.open_vector_index(vectors)
    truth = [exact.search(query, FIRST)[0].tolist() for query in queries]
    memory_before = _memory()
    if kind == "embedded":
        start, store_folder = _now(), folder / "segment"
        name = write_segment(
            store_folder, Space(model="b", revision="1", dim=vectors.shape[1]), np.arange(len(vectors)), vectors
        )
        index = vector_index.open_vector_index(read_segment(store_folder, name)[1])
        return _row(
            lambda query_index: index.search(queries[query_index], FIRST)[0].tolist(),
            truth,
            start,
            memory_before,
            store_folder,
        )
    points = ((row, vector.tolist()) for row, vector in enumerate(vectors))
    return _edge_row(folder, kind, vectors.shape[1], points, queries.tolist(), truth, memory_before)


def many_vectors(folder: Path, kind: str) -> Row:
    """Measure a lane of many vectors a page, by MaxSim over the whole page."""
    queries, truth = list(np.load(folder / "token_queries.npz").values()), np.load(folder / "token_truth.npy").tolist()
    token_queries, dim = [QueryTokens(query, [""] * len(query)) for query in queries], queries[0].shape[1]
    memory_before = _memory()
    if kind == "embedded":
        start, store_folder = _now(), folder / "token-segments"
        space, names, first = Space(model="b", revision="1", dim=dim, multi_vector=True), [], 0
        for packed in _packed(folder):
            names.append(
                write_token_segment(store_folder, space, np.arange(first, first + PART)[: len(packed)], [packed])
            )
            first += PART
        rows = [read_token_segment(store_folder, name)[1] for name in names]
        index = open_multi_vector_index(
            ChunkedTokens([row_set.tokens for row_set in rows], dim),
            [],
            threads=1,
        )
        return _row(
            lambda query_index: index.search(token_queries[query_index], FIRST)[0].tolist(),
            truth,
            start,
            memory_before,
            store_folder,
        )
    points = ((row, {"tokens": page.tolist()}) for row, page in enumerate(_pages(folder)))
    sent = [query.tolist() for query in queries]
    return _edge_row(folder, kind, dim, points, sent, truth, memory_before, many=True)


def _edge_row(
    folder: Path,
    kind: str,
    dim: int,
    points: Any,
    queries: Any,
    truth: list[list[int]],
    memory_before: float,
    *,
    many: bool = False,
) -> Row:
    if kind == LOCAL:
        return _local_row(folder, dim, points, queries, truth, memory_before, many=many)
    start, store_folder = _now(), folder / f"edge-{'many' if many else 'one'}-{kind.replace(', ', '-')}"
    store_folder.mkdir()
    shard = edge.EdgeShard.create(str(store_folder), edge.EdgeConfig(vectors=_params(kind, dim, many=many)))
    batch: list[Any] = []
    for row, vector in points:
        batch.append(edge.Point(row, vector))
        if len(batch) == (50 if many else BATCH):
            shard.update(edge.UpdateOperation.upsert_points(batch))
            batch = []
    if batch:
        shard.update(edge.UpdateOperation.upsert_points(batch))
    while shard.optimize():
        pass
    shard.flush()
    parameters = edge.SearchParams(exact=kind == "exact", hnsw_ef=128, quantization=_search(kind))

    def search(query_index: int) -> list[int]:
        query = edge.Query.Nearest(queries[query_index], using="tokens" if many else None)
        points_found = shard.query(edge.QueryRequest(limit=FIRST, query=query, params=parameters))
        return [int(point.id) for point in points_found]

    return _row(search, truth, start, memory_before, store_folder)


def _local_row(
    folder: Path, dim: int, points: Any, queries: Any, truth: list[list[int]], memory_before: float, *, many: bool
) -> Row:
    start, store_folder = _now(), folder / f"local-{many}"
    client = QdrantClient(path=str(store_folder))
    multi = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM) if many else None
    params = models.VectorParams(size=dim, distance=models.Distance.DOT, multivector_config=multi)
    client.create_collection("b", {"tokens": params} if many else params)
    client.upload_points("b", (models.PointStruct(id=row, vector=vector) for row, vector in points), wait=True)

    def search(query_index: int) -> list[int]:
        response = client.query_points(
            "b", queries[query_index], using="tokens" if many else None, limit=FIRST, with_payload=False
        )
        return [int(point.id) for point in response.points]

    row = _row(search, truth, start, memory_before, store_folder)
    client.close()
    return row


def _params(kind: str, dim: int, *, many: bool) -> Any:
    quantization: Any = None
    if kind == "scalar":
        quantization = edge.ScalarQuantizationConfig(edge.ScalarType.Int8, always_ram=True)
    elif kind.startswith("binary"):
        quantization = edge.BinaryQuantizationConfig(always_ram=True)
    multi = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim) if many else None
    graph = edge.HnswIndexConfig(0 if many and kind != "graph" else 16, 100, 1_000)
    params = edge.EdgeVectorParams(
        dim,
        edge.Distance.Dot,
        multivector_config=multi,
        datatype=edge.VectorStorageDatatype.Float16,
        quantization_config=quantization,
        hnsw_config=graph,
    )
    return {"tokens": params} if many else params


def _search(kind: str) -> Any:
    if kind in ("exact", "graph"):
        return None
    if kind == "binary, not rescored":
        return edge.QuantizationSearchParams(rescore=False)
    return edge.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)


def _row(
    search: Callable[[int], list[int]],
    truth: list[list[int]],
    build_start: Began,
    memory_before: float,
    store_folder: Path,
) -> Row:
    search(0)  # opened, warm
    built, built_cpu = time.perf_counter() - build_start[0], time.process_time() - build_start[1]
    times, shared, cpu_start = [], 0, time.process_time()
    for query_index, expected in enumerate(truth):
        start = time.perf_counter()
        result = search(query_index)
        times.append(1_000 * (time.perf_counter() - start))
        shared += len(set(result) & set(expected))
    cpu = 1_000 * (time.process_time() - cpu_start) / len(truth)
    disk = sum(path.stat().st_blocks * 512 for path in store_folder.rglob("*") if path.is_file()) / 1e6
    p50, p95 = np.percentile(times, [50, 95])
    recall = shared / FIRST / len(truth)
    return Row(
        recall=recall,
        build=built,
        build_cpu=built_cpu,
        p50=float(p50),
        p95=float(p95),
        cpu=cpu,
        memory=_memory() - memory_before,
        disk=disk,
    )


def _now() -> Began:
    return time.perf_counter(), time.process_time()


def _memory() -> float:
    """Return the memory of this process that is resident, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
