"""The `page` lane over many pages: time, memory and recall of its index as a collection grows.

    python -m benchmarks.many_pages --collection C [--pages N ...] [--folder FOLDER]

The pages are those of a collection's `page` lane (the development documents) and copies of them: every token of a copy
is moved by a random vector 0.6 as long as itself, so copies resemble their page as pages of one series of reports do,
and are harder to tell apart than foreign pages. Segments are written as compaction writes them, 4,096 pages each. The
queries are the development questions. CPU time, one thread; recall of the postings is against the scan of all pages
(`FastMaxSim`), which is asked for every fifth query.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.development_set import questions, require_data
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.core.types import QueryTokens
from pagelens.encode.loading import load_builtin_text_encoder
from pagelens.encode.page.late_words import BuiltinPageEncoder
from pagelens.index.late.fast_maxsim import FastMaxSim
from pagelens.index.late.maxsim import quantise
from pagelens.index.late.postings_maxsim import PostingsMaxSim
from pagelens.index.late.ragged import ChunkedTokens, RaggedTokens
from pagelens.index.late.token_postings import IndexedSegment
from pagelens.index.late.token_segments import TokenRows, read_postings, read_token_segment, write_token_segment
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader

SEGMENT_PAGES = 4_096
NOISE = 0.6  # length of what is added to a copy's unit vectors
DEPTHS = (10, 200)
EVERY = 5  # queries for one that is also answered by the scan
SPACE = Space(model="copies", revision="1", dim=128, multi_vector=True)

Pages = list[NDArray[np.float32]]  # (n_tokens, dim) each


def main() -> None:
    """Print a row for each number of pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--pages", type=int, nargs="+", default=[4_096, 16_384, 49_152])
    parser.add_argument("--folder", type=Path, help="where segments are kept and found again")
    arguments = parser.parse_args()
    require_data()
    pages = _read_pages(arguments.collection)
    encoder = BuiltinPageEncoder(load_builtin_text_encoder("builtin", Settings()), analyze)
    queries = encoder.encode_queries([question.text for question in questions()])
    print("| pages | build ms a page | bytes a page | open ms | depth | postings p50 / p95 ms | scan p50 ms | recall |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        for count in arguments.pages:
            _measure(folder, pages, queries, count)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB, mapped files among it")


def _read_pages(collection: Path) -> Pages:
    with CollectionReader(collection).snapshot() as snapshot:
        lane = snapshot.tokens("page")
        matrices = [lane.page(key) for key in lane.keys.tolist()]
    return [matrix.vectors for matrix in matrices if matrix is not None and len(matrix.vectors)]


def _measure(folder: Path, pages: Pages, queries: list[QueryTokens], count: int) -> None:
    build = _write_segments(folder, pages, count)
    names = sorted(path.name for path in folder.iterdir())[: count // SEGMENT_PAGES]
    start = time.process_time()
    segments = [(read_token_segment(folder, name)[1], read_postings(folder, name)) for name in names]
    tokens = ChunkedTokens([rows.tokens for rows, _ in segments], SPACE.dim)
    numbers = np.arange(len(tokens)).reshape(len(names), SEGMENT_PAGES)
    indexed = [
        IndexedSegment(rows.tokens, postings, row_numbers)
        for (rows, postings), row_numbers in zip(segments, numbers, strict=True)
        if postings is not None
    ]
    quick, scan = PostingsMaxSim(tokens, indexed, threads=1), FastMaxSim(tokens, threads=1, micro_batching=False)
    opening = time.process_time() - start
    size = sum(file.stat().st_size for name in names for file in (folder / name).iterdir()) / len(tokens)
    quick.search(queries[0], DEPTHS[0])
    for depth in DEPTHS:
        costs, scans, shared = [], [], []
        for position, query in enumerate(queries):
            seconds, found = _timed(quick, query, depth)
            costs.append(seconds)
            if position % EVERY == 0:
                seconds, expected = _timed(scan, query, depth)
                scans.append(seconds)
                shared.append(len(np.intersect1d(found, expected)) / depth)
        p50, p95 = 1e3 * np.quantile(costs, [0.5, 0.95])
        print(
            f"| {len(tokens):,} | {1e3 * build:.1f} | {size:,.0f} | {1e3 * opening:.0f} | {depth} "
            f"| {p50:.1f} / {p95:.1f} | {1e3 * np.median(scans):.1f} | {np.mean(shared):.4f} |",
            flush=True,
        )


def _timed(index: PostingsMaxSim | FastMaxSim, query: QueryTokens, depth: int) -> tuple[float, NDArray[np.int64]]:
    start = time.process_time()
    rows, _ = index.search(query, depth)
    return time.process_time() - start, rows


def _write_segments(folder: Path, pages: Pages, count: int) -> float:
    """Write the segments that are missing; return the CPU seconds a page, 0 where none is."""
    folder.mkdir(parents=True, exist_ok=True)
    existing = len(list(folder.iterdir()))
    start, written = 0.0, 0
    for number in range(existing, count // SEGMENT_PAGES):
        copies = list(_copies(pages, number))  # not timed
        begin = time.process_time()
        write_token_segment(folder, SPACE, np.arange(len(copies)), [_pack(copies)])
        start += time.process_time() - begin
        written += len(copies)
    return start / max(1, written)


def _copies(pages: Pages, number: int) -> Iterator[NDArray[np.float32]]:
    """Yield the pages of a segment; of the first round through all pages each is as it is."""
    rng = np.random.default_rng(number)
    for position in range(number * SEGMENT_PAGES, (number + 1) * SEGMENT_PAGES):
        vectors = pages[position % len(pages)]
        if position >= len(pages):
            noise = rng.standard_normal(vectors.shape, dtype=np.float32) * np.float32(NOISE / SPACE.dim**0.5)
            vectors = vectors + noise
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        yield vectors


def _pack(pages: Pages) -> TokenRows:
    offsets = np.concatenate([[0], np.cumsum([len(page) for page in pages])])
    codes, scales = quantise(np.concatenate(pages))
    return TokenRows(RaggedTokens(offsets, codes, scales), np.zeros((len(codes), 4), np.uint16))


if __name__ == "__main__":
    main()
