"""Late interaction over pages of 730 tokens of 128 dimensions: speed, size and recall of several implementations.

    python -m benchmarks.maxsim [--pages N ...] [--queries N] [--segment-pages N]

All use one thread (BLAS, onnxruntime, torch, Rayon); CPU time, median over queries of 20 tokens. PageLens's pages are
in memory-mapped segments on disk; the others' are float32 in memory. Recall is that of the 10 or 200 best pages
against MaxSim in float32 over the original vectors, of whole pages or by windows of 24 tokens, as the builtin lane
asks. maxsim-cpu and fast-plaid are measured where they are installed, qdrant-client's local mode up to 1,000
pages. Pages and queries are synthetic (`benchmarks.token_pages`, which says how they were
fitted to real ones); real pages are measured by `benchmarks.many_pages`.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from threadpoolctl import threadpool_limits
from torch.nn.utils.rnn import pad_sequence

from benchmarks.token_pages import SyntheticPages, make_pages
from pagelens.core.spaces import Space
from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.late.exact_maxsim import ExactMaxSim
from pagelens.index.late.fast_maxsim import FastMaxSim
from pagelens.index.late.maxsim import PageWindows
from pagelens.index.late.multi_vector_index import MultiVectorIndex
from pagelens.index.late.postings_maxsim import PostingsMaxSim
from pagelens.index.late.ragged import ChunkedTokens, RaggedTokens
from pagelens.index.late.token_codes import Bits
from pagelens.index.late.token_postings import IndexedSegment, TokenPostings
from pagelens.index.late.token_segments import (
    TokenRows,
    pack_tokens,
    read_postings,
    read_token_segment,
    shorten,
    write_token_segment,
)

K = 10
DEPTH = 200  # what the retriever asks of a lane before fusion
BATCH = 128  # pages at a time, score_multi_vector's default
PACKED = 100  # pages packed at a time
SLOW = 5  # queries for those that look at every number in float32
QDRANT_PAGES = 1_000
WINDOW = 24  # tokens
SHORT: dict[int, Bits] = {4: 4, 2: 2}

Array = NDArray[np.float32]
Find = Callable[[Array], NDArray[np.int64]]  # a query's vectors to pages, best first


@dataclass(frozen=True, slots=True)
class Row:
    """One way of finding pages."""

    name: str
    bytes_a_page: float
    find: Find
    queries: int
    depth: int = K  # of the results that are compared with the best pages
    window: int = 0  # by which pages are scored, as in `QueryTokens`


def main() -> None:
    """Print one table per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--queries", type=int, default=40, help="for what is quick; the rest gets a few")
    parser.add_argument("--bits", type=int, nargs="+", choices=[8, 4, 2], default=[8, 4], help="of a stored number")
    parser.add_argument("--segment-pages", type=int, default=1_000, help="of a segment; each has centroids of its own")
    arguments = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    with threadpool_limits(limits=1):
        for size in arguments.pages:
            _measure(size, arguments.queries, arguments.bits, arguments.segment_pages)


def _measure(size: int, queries: int, bits: Sequence[int], segment_pages: int) -> None:
    synthetic = make_pages(size, queries=queries)
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        segments = [
            _store(Path(folder), synthetic.pages[first : first + segment_pages])
            for first in range(0, size, segment_pages)
        ]
        packing = (time.process_time() - start) / size
        rows = [*_others(synthetic, Path(folder)), *_ours(segments, queries)]
        for short in bits:
            if short in SHORT:
                rows += _ours([(shorten(stored, SHORT[short]), postings) for stored, postings in segments], queries)
        _print_table(synthetic, rows, queries, packing)


def _print_table(synthetic: SyntheticPages, rows: Sequence[Row], queries: int, packing: float) -> None:
    size = len(synthetic.pages)
    torch_cost = 0.0
    truth = {window: [_blocks(synthetic.pages, query, window) for query in synthetic.queries] for window in (0, WINDOW)}
    print(f"\n{size} pages of {synthetic.pages.shape[1]} x {synthetic.pages.shape[2]}, {queries} queries of ", end="")
    print(f"{len(synthetic.queries[0])} tokens, 1 thread; packing and writing {1e3 * packing:.1f} ms a page")
    print("| how | ms a query | pages/ms | to torch einsum | bytes/page | recall |\n|---|---|---|---|---|---|")
    for row in rows:
        cost, recall = _run(row, synthetic.queries, truth[row.window])
        torch_cost = torch_cost or cost  # torch's row is the first
        figures = f"{1e3 * cost:.1f} | {size / cost / 1e3:.1f} | {torch_cost / cost:.1f}"
        print(f"| {row.name} | {figures} | {row.bytes_a_page:,.0f} | {recall:.4f} |", flush=True)


def _run(row: Row, queries: Sequence[Array], truth: Sequence[Array]) -> tuple[float, float]:
    """Return the median CPU seconds of a query, and the recall of the `row.depth` best; `truth` has MaxSim of all
    pages for each query."""
    row.find(queries[0])
    costs, shared = [], []
    for query, scores in zip(queries[: row.queries], truth, strict=False):
        start = time.process_time()
        pages = row.find(query)
        costs.append(time.process_time() - start)
        expected = np.argsort(-scores, kind="stable")
        shared.append(len(set(pages[: row.depth].tolist()) & set(expected[: row.depth].tolist())) / row.depth)
    return statistics.median(costs), statistics.mean(shared)


def _others(synthetic: SyntheticPages, folder: Path) -> list[Row]:
    pages, size, whole = synthetic.pages, len(synthetic.pages), synthetic.pages[0].nbytes
    tensor = torch.from_numpy(pages)
    rows = [
        Row("torch einsum (colpali-engine's way), padded beforehand", whole, _torch(tensor, padded=True), SLOW),
        Row("torch einsum, padded as it goes (score_multi_vector)", whole, _torch(tensor, padded=False), SLOW),
        Row("numpy einsum (optimised), batches of 128", whole, lambda query: _first(_einsum(pages, query)), SLOW),
        Row("numpy float32, one product a page", whole, lambda query: _first(_blocks(pages, query)), SLOW),
    ]
    if find_spec("maxsim_cpu") is None:
        print("maxsim-cpu: not installed, not measured")
    else:
        scores = import_module("maxsim_cpu").maxsim_scores
        rows.append(Row("maxsim-cpu", whole, lambda query: _first(scores(query, pages)), SLOW))
    if find_spec("fast_plaid") is None:
        print("fast-plaid: not installed, not measured")
    else:
        for depth in (K, DEPTH):
            size_a_page, find = _fast_plaid(tensor, folder / str(depth), depth)
            name = f"fast-plaid, the {depth} best"
            rows.append(Row(name=name, bytes_a_page=size_a_page, find=find, queries=SLOW, depth=depth))
    if size > QDRANT_PAGES:
        print(f"qdrant-client, local mode: not measured beyond {QDRANT_PAGES} pages (seconds a query)")
    else:
        rows.append(Row("qdrant-client, local mode", whole, _qdrant(pages), SLOW))
    return rows


Segment = tuple[TokenRows, TokenPostings]


def _ours(segments: Sequence[Segment], queries: int) -> list[Row]:
    parts = [stored.tokens for stored, _ in segments]
    tokens = ChunkedTokens(parts, parts[0].dim)
    scanned = sum(map(_size, parts)) / len(tokens)
    added = sum(table.nbytes for _, kept in segments for table in (kept.blocks, kept.centroids, kept.offsets))
    both = scanned + added / len(tokens)
    rows_of_parts = np.split(np.arange(len(tokens)), np.cumsum([len(part) for part in parts])[:-1])
    indexed = [
        IndexedSegment(part, postings, rows)
        for part, (_, postings), rows in zip(parts, segments, rows_of_parts, strict=True)
    ]
    exact, fast = ExactMaxSim(tokens), FastMaxSim(tokens, threads=1, micro_batching=False)
    quick = PostingsMaxSim(tokens, indexed, threads=1, scan_below=0)
    storage = parts[0].storage
    rows = [Row(f"PageLens exact, float32 from {storage}", scanned, _ask(exact, K, 0), SLOW)]
    indexes: list[tuple[str, MultiVectorIndex, float]] = [("scan", fast, scanned), ("postings", quick, both)]
    for (name, index, size), window, depth in product(indexes, (0, WINDOW), (K, DEPTH)):
        rows.append(
            Row(
                name=f"PageLens {name}, {storage}, {'windows' if window else 'whole pages'}, the {depth} best",
                bytes_a_page=size,
                find=_ask(index, depth, window),
                queries=queries,
                depth=depth,
                window=window,
            )
        )
    return rows


def _ask(index: MultiVectorIndex, k: int, window: int) -> Find:
    return lambda query: index.search(QueryTokens(query, [""] * len(query), window=window), k)[0]


def _store(folder: Path, pages: Array) -> Segment:
    """Return the pages and their postings as they come back, memory-mapped, from one segment on disk."""
    space = Space(model="made up", revision="1", dim=pages.shape[2], multi_vector=True)
    boxes = np.zeros((pages.shape[1], 4), np.float32)
    parts = [
        pack_tokens([TokenMatrix(page, boxes) for page in pages[start : start + PACKED]], pages.shape[2])
        for start in range(0, len(pages), PACKED)
    ]
    name = write_token_segment(folder, space, np.arange(len(pages)), parts)
    postings = read_postings(folder, name)
    assert postings is not None, "more tokens than the least that get postings"
    return read_token_segment(folder, name)[1], postings


def _size(part: RaggedTokens) -> float:
    """Return its bytes."""
    return float(part.codes.nbytes + (0 if part.scales is None else part.scales.nbytes) + part.offsets.nbytes)


def _first(scores: Array) -> NDArray[np.int64]:
    return np.argsort(-scores, kind="stable")


def _blocks(pages: Array, query: Array, window: int = 0) -> Array:
    """Return MaxSim (n_pages,), page by page."""
    if not window:
        return np.array([(query @ page.T).max(axis=1).sum() for page in pages], np.float32)
    windows = PageWindows.of(np.zeros(1, np.int64), pages.shape[1], window)
    return np.concatenate([windows.scores(windows.max_similarities(query @ page.T), None) for page in pages])


def _einsum(pages: Array, query: Array) -> Array:
    parts = [
        np.einsum("nd,csd->cns", query, pages[start : start + BATCH], optimize=True).max(axis=2).sum(axis=1)
        for start in range(0, len(pages), BATCH)
    ]
    return np.concatenate(parts)


def _torch(pages: torch.Tensor, *, padded: bool) -> Find:
    """As colpali-engine's `score_multi_vector` does where no GPU kernel serves, padded beforehand or in it."""
    batches = [pages[start : start + BATCH] for start in range(0, len(pages), BATCH)]

    def find(query: Array) -> NDArray[np.int64]:
        query_tensor = torch.from_numpy(query)[None]
        with torch.inference_mode():
            ready = batches if padded else (pad_sequence(list(batch), batch_first=True) for batch in batches)
            parts = [torch.einsum("bnd,csd->bcns", query_tensor, batch).amax(dim=3).sum(dim=2)[0] for batch in ready]
            return _first(torch.cat(parts).numpy())

    return find


def _fast_plaid(pages: torch.Tensor, folder: Path, depth: int) -> tuple[float, Find]:
    """Return the bytes a page and the search of fast-plaid's index as its README makes it."""
    index = import_module("fast_plaid.search").FastPlaid(index=str(folder), device="cpu")
    index.create(documents_embeddings=list(pages))
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / len(pages)

    def find(query: Array) -> NDArray[np.int64]:
        [found] = index.search(queries_embeddings=torch.from_numpy(query)[None], top_k=depth)
        return np.array([page for page, _ in found], np.int64)

    return size, find


def _qdrant(pages: Array) -> Find:
    client = QdrantClient(":memory:")
    several = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    config = models.VectorParams(size=pages.shape[2], distance=models.Distance.DOT, multivector_config=several)
    client.create_collection("pages", vectors_config=config)
    for start in range(0, len(pages), 20):  # as lists of floats, of which few fit in memory
        points = [
            models.PointStruct(id=start + offset, vector=page.tolist())
            for offset, page in enumerate(pages[start : start + 20])
        ]
        client.upsert("pages", points)
    return lambda query: np.array([p.id for p in client.query_points("pages", query=query.tolist(), limit=K).points])


if __name__ == "__main__":
    main()
